// One row for each rule. The long runbooks are docs/runbooks/NAME.md.
#include "insight/findings/alert_rules.h"

#include <array>
#include <cstdio>

namespace shunt::insight {
namespace {

struct Row {
  AlertName which;
  const char* name;
  AlertSeverity severity;
  int64_t for_s;
  const char* text;  // %s: a threshold
  const char* runbook;
};

constexpr std::array<Row, kAlertNames> kRows = {{
    {AlertName::down, "ShuntDown", AlertSeverity::critical, 15, "The API of a shuntd doesn't answer.",
     "Look whether shuntd runs on that host (systemctl status shuntd) and how its log ends. Packets may flow "
     "all the "
     "same: workers don't wait for the API."},
    {AlertName::service_down, "ShuntServiceDown", AlertSeverity::critical, 0,
     "A service has no backend that is up.",
     "shuntctl backends SERVICE says what each check found. All at once are seldom dead: look for what they "
     "share, a "
     "switch, a deployment, a certificate, a firewall. If clients' flows go on well, the checks are at "
     "fault."},
    {AlertName::pool_degraded, "ShuntPoolDegraded", AlertSeverity::critical, 60,
     "Half of a pool's backends, or more, are down.",
     "The others carry their load: watch their CPU and latency. Look for what those that are down share."},
    {AlertName::pool_down, "ShuntPoolDown", AlertSeverity::warning, 0, "All backends of a pool are down.",
     "As ShuntServiceDown. Is the backup pool big enough for the load?"},
    {AlertName::backend_down, "ShuntBackendDown", AlertSeverity::warning, 0,
     "Health checks find a backend down.",
     "Ask by hand, from the node, what the check asks (curl -v http://BACKEND:PORT/PATH). Restart the "
     "program or the "
     "host; if it serves and the check fails, the reason tells why. Gone for good: shuntctl disable "
     "POOL/BACKEND."},
    {AlertName::backend_flapping, "ShuntBackendFlapping", AlertSeverity::warning, 0,
     "A backend went down and up three times within 10 minutes.",
     "At its limit: give it less weight, or add backends. Too strict a check: raise fall or timeout. damping "
     "= \"5m\" "
     "in the pool holds it down while it flaps."},
    {AlertName::error_budget_burn_fast, "ShuntErrorBudgetBurnFast", AlertSeverity::critical, 120,
     "Flows fail 14.4 times as often as the objective of %s allows, in the last hour and in the last 5 "
     "minutes.",
     "shuntctl outcomes SERVICE: which reason, which backend, since when? What changed last is the first "
     "suspect: "
     "shuntctl events, shuntctl history, shuntctl rollback N."},
    {AlertName::retry_storm, "ShuntRetryStorm", AlertSeverity::critical, 60,
     "Each connection that clients want takes more than 1.5 attempts.",
     "Find the failure that began it. Clients of your own: exponential backoff with jitter. Give the pool "
     "room: more "
     "backends, or a backup_pool."},
    {AlertName::anomaly_critical, "ShuntAnomalyCritical", AlertSeverity::critical, 0,
     "An anomaly is critical: sure, lasting, and many flows suffer.",
     "Open its incident: the likeliest cause comes first. If it was meant, mark the anomaly as expected."},
    {AlertName::restart_loop, "ShuntRestartLoop", AlertSeverity::critical, 0,
     "A shuntd started three times within 10 minutes.",
     "The end of its log, and coredumpctl list shuntd. A configuration that it refuses: shuntctl check "
     "FILE."},
    {AlertName::not_ready, "ShuntNotReady", AlertSeverity::warning, 60, "A shuntd isn't ready.",
     "shuntctl doctor names routes and neighbours that are missing; shuntctl status shows which worker has "
     "no "
     "configuration."},
    {AlertName::config_reload_failed, "ShuntConfigReloadFailed", AlertSeverity::warning, 0,
     "The last reload was refused.",
     "shuntctl check FILE shows each error with line and column. Mend the file and reload: the next start "
     "would fail."},
    {AlertName::high_failure_ratio, "ShuntHighFailureRatio", AlertSeverity::warning, 120,
     "More than 5 %% of a service's flows failed in 5 minutes.",
     "shuntctl outcomes SERVICE: syn_timeout at one backend means that it, or the way there, loses SYNs; "
     "reset_by_server that nobody listens; no_backend that nobody can be chosen."},
    {AlertName::backend_high_failure_ratio, "ShuntBackendHighFailureRatio", AlertSeverity::warning, 120,
     "More than 10 %% of a backend's flows failed in 5 minutes.",
     "Drain it (shuntctl drain POOL/BACKEND) and look. passive = true in the pool gives such a backend less "
     "by itself; "
     "a check that asks what clients ask finds more."},
    {AlertName::flows_refused, "ShuntFlowsRefused", AlertSeverity::warning, 60,
     "A service turns more than 6 flows a minute away.",
     "no_backend: all down with panic = 1, all weights 0, or all at max_connections. Add backends, raise "
     "max_connections, or give a backup_pool."},
    {AlertName::error_budget_burn_slow, "ShuntErrorBudgetBurnSlow", AlertSeverity::warning, 900,
     "Flows fail more often than the objective of %s allows: 6 times for 6 hours, 3 times for a day, or at "
     "all for 3 "
     "days.",
     "Find the share that is always there (a client with a wrong port, one backend, a scanner), and mend it "
     "or leave "
     "it out of the objective."},
    {AlertName::backend_slow, "ShuntBackendSlow", AlertSeverity::warning, 60,
     "95 of 100 handshakes with a backend take up to more than 0.2 s.",
     "Is it this backend or all (shuntctl latency SERVICE)? One: its CPU and accept queue; less weight, or "
     "drain it. "
     "All: the clients' way."},
    {AlertName::high_latency, "ShuntHighLatency", AlertSeverity::warning, 60,
     "95 of 100 answers of a service take up to more than 0.2 s.",
     "shuntctl latency SERVICE: one backend, or all? All: what they wait for (a database), or too few of "
     "them."},
    {AlertName::backend_peer_outlier, "ShuntBackendPeerOutlier", AlertSeverity::warning, 300,
     "A backend's handshakes take three times as long as those of its siblings.",
     "Its host: CPU steal, swapping, a NIC at lower speed. Less weight or drain; scheduler = "
     "\"least-response-time\" "
     "does so by itself."},
    {AlertName::syn_retransmits_high, "ShuntSynRetransmitsHigh", AlertSeverity::warning, 300,
     "More than 5 SYNs are repeated for 100 flows of a backend.",
     "At the backend: nstat -az TcpExtListenOverflows. Overflows: a longer backlog, a faster accept. All "
     "backends: the "
     "way from clients or, with DSR, the way back."},
    {AlertName::traffic_spike, "ShuntTrafficSpike", AlertSeverity::warning, 300,
     "A service has three times the flows of its busiest hours of the last day.",
     "Many flows without bytes: a flood of SYNs, to be stopped upstream. Wanted traffic: are the backends "
     "fit for it?"},
    {AlertName::traffic_drop, "ShuntTrafficDrop", AlertSeverity::warning, 300,
     "A service has less than a fifth of the flows of its quietest hours of the last day.",
     "Who has the VIP now (ARP, BGP)? Nothing is wrong here if another shunt has it. shuntctl doctor."},
    {AlertName::load_imbalance, "ShuntLoadImbalance", AlertSeverity::warning, 600,
     "A backend gets 1.5 times the flows that its weight entitles it to.",
     "hash = \"source\" and a few big clients do that; take the 5-tuple where sessions needn't stick, or "
     "least-connections. Were weights changed lately (shuntctl history)?"},
    {AlertName::backend_host_down, "ShuntBackendHostDown", AlertSeverity::warning, 30,
     "node_exporter of a backend's host doesn't answer any more.",
     "With ShuntBackendDown at the same time it is the host: bring it back. Else restart node_exporter."},
    {AlertName::backend_cpu_high, "ShuntBackendCpuHigh", AlertSeverity::warning, 300,
     "The CPUs of a backend's host are more than %s busy.",
     "This one only: less weight (shuntctl weight POOL/BACKEND N). All of them: add backends."},
    {AlertName::backend_mem_high, "ShuntBackendMemHigh", AlertSeverity::warning, 300,
     "A backend's host uses more than %s of its memory.",
     "A leak (it grows for days): drain it, restart the program, undrain. It grows with the flows: less "
     "weight, or "
     "more memory."},
    {AlertName::backend_disk_high, "ShuntBackendDiskHigh", AlertSeverity::warning, 300,
     "A disk of a backend's host is more than %s full.",
     "df -h, du -xh --max-depth=2 there; deleted files that are open: lsof +L1. Rotate logs, or make it "
     "bigger."},
    {AlertName::flow_table_near_full, "ShuntFlowTableNearFull", AlertSeverity::warning, 300,
     "The connection table of a shuntd is more than 90 %% full.",
     "Shorter timeouts (reload), or more [dataplane] connections (restart)."},
    {AlertName::lcore_saturated, "ShuntLcoreSaturated", AlertSeverity::warning, 120,
     "A worker spends more than 90 %% of its time on packets.",
     "All workers: more CPUs in [dataplane] workers. One: RSS gives it all (shuntctl doctor), or something "
     "else runs "
     "on its CPU."},
    {AlertName::discovery_stale, "ShuntDiscoveryStale", AlertSeverity::warning, 300,
     "The source of a pool's backends doesn't answer.",
     "shuntctl discovery: since when, and what the source said. Traffic goes on with the backends known "
     "last."},
    {AlertName::discovery_held, "ShuntDiscoveryHeld", AlertSeverity::warning, 60,
     "A source would take away more backends at once than max_change allows.",
     "A mistake there: mend the source. Meant: raise max_change, reload, and lower it again."},
    {AlertName::flow_records_lost, "ShuntFlowRecordsLost", AlertSeverity::info, 300, "Flow records are lost.",
     "shunt-insight doesn't keep up: give it a CPU of its own, look at its disk, or sample less. Packets "
     "aren't "
     "concerned."},
    {AlertName::restarted, "ShuntRestarted", AlertSeverity::info, 0,
     "A shuntd was started within the last 10 minutes.",
     "An upgrade: nothing. Else find the end of the previous log; coredumpctl list shuntd."},
}};

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g %%", 100 * share);
  return text.data();
}

std::string threshold_of(AlertName which, const AlertThresholds& thresholds) {
  switch (which) {
    case AlertName::backend_cpu_high:
      return percent(thresholds.cpu);
    case AlertName::backend_mem_high:
      return percent(thresholds.memory);
    case AlertName::backend_disk_high:
      return percent(thresholds.disk);
    default:
      return percent(thresholds.availability);
  }
}

// %s is the threshold, %% a percent sign.
std::string filled(const std::string& pattern, const std::string& threshold) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      text += pattern[i];
      continue;
    }
    text += pattern[++i] == 's' ? threshold : "%";
  }
  return text;
}

constexpr bool in_order() {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<size_t>(kRows[i].which) != i) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::vector<AlertRule> alert_rules(const AlertThresholds& thresholds) {
  std::vector<AlertRule> rules;
  rules.reserve(kRows.size());
  for (const Row& row : kRows)
    rules.push_back({row.name, row.severity, row.for_s, filled(row.text, threshold_of(row.which, thresholds)),
                     row.runbook});
  return rules;
}

}  // namespace shunt::insight
