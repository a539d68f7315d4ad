#include "insight/api/insight_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "insight/detect/severity.h"

namespace shunt::insight {
namespace {

constexpr size_t kMostScores = 500;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') out += '\\';
    if (letter == '\n')
      out += "\\n";
    else
      out += letter;
  }
  return out;
}

std::string number_text(double value) {
  JsonText json;
  return json.put(value).take();
}

// One family: HELP, TYPE, then its lines.
class Family {
 public:
  Family(std::string& page, std::string name, const char* type, const char* help)
      : page_(page), name_(std::move(name)) {
    page_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  Family& add(const std::string& labels, double value) {
    page_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + number_text(value) + "\n";
    return *this;
  }
  Family& add(double value) { return add({}, value); }

 private:
  std::string& page_;
  std::string name_;
};

std::string label(const char* name, const std::string& value) {
  return std::string(name) + "=\"" + escaped(value) + "\"";
}

// Two detectors may see the same thing: the worse one is told.
struct OpenAnomaly {
  std::string labels;
  Severity severity = Severity::info;
  double score = 0;
};

std::vector<OpenAnomaly> worst_of_each(const FindingsSource& findings) {
  std::map<std::string, OpenAnomaly> worst;
  for (const FoundAnomaly& found : findings.anomalies()) {
    if (!found.open) continue;
    const Anomaly& anomaly = found.anomaly;
    const std::string labels = label("vip", found.series.service) + "," +
                               label("backend", found.series.backend) + "," +
                               label("kpi", std::string(kpi_name(anomaly.kpi)));
    OpenAnomaly& one = worst[labels];
    one = {labels, std::max(one.severity, anomaly.severity), std::max(one.score, anomaly.score)};
  }
  std::vector<OpenAnomaly> all;
  for (auto& entry : worst)
    all.push_back(std::move(entry.second));
  return all;
}

void put_anomalies(std::string& page, const FindingsSource& findings) {
  std::vector<OpenAnomaly> open = worst_of_each(findings);
  const auto worse = [](const OpenAnomaly& a, const OpenAnomaly& b) {
    return std::tie(b.severity, b.score, a.labels) < std::tie(a.severity, a.score, b.labels);
  };
  std::sort(open.begin(), open.end(), worse);
  if (open.size() > kMostScores) open.resize(kMostScores);
  Family score(page, "shunt_anomaly_score", "gauge", "How much an open anomaly matters, 0 to 1.");
  for (const OpenAnomaly& one : open)
    score.add(one.labels + "," + label("severity", std::string(severity_name(one.severity))), one.score);
}

void put_warehouse(std::string& page, const WriterStatus& status) {
  Family(page, "shunt_insight_warehouse_up", "gauge", "1 while the warehouse takes rows.")
      .add(status.is_open && status.trouble == DatabaseTrouble::none ? 1 : 0);
  Family(page, "shunt_insight_rows_written_total", "counter", "Rows that the warehouse has taken.")
      .add(static_cast<double>(status.written));
  Family dropped(page, "shunt_insight_rows_dropped_total", "counter", "Rows that were lost, by why.");
  for (size_t i = 0; i < kRowDrops; ++i)
    dropped.add(label("reason", std::string(kRowDropNames[i])), static_cast<double>(status.dropped[i]));
  Family(page, "shunt_insight_rows_queued", "gauge", "Rows that wait for the warehouse.")
      .add(static_cast<double>(status.queued));
  Family(page, "shunt_insight_warehouse_bytes", "gauge", "What the warehouse takes on disk.")
      .add(static_cast<double>(status.retention.bytes));
}

void put_nodes_up(std::string& page, const LiveState& live) {
  Family up(page, "shunt_insight_node_up", "gauge", "1 while a node's API answers.");
  for (const LiveNode& node : live.nodes)
    up.add(label("node", node.name), node.up ? 1 : 0);
}

void put_alerts(std::string& page, const FindingsSource& findings) {
  std::array<uint64_t, 3> firing{};
  for (const LiveAlert& alert : findings.alerts()) {
    if (alert.state != AlertState::firing) continue;
    ++firing[static_cast<size_t>(findings.rules().at(alert.rule).severity)];
  }
  Family family(page, "shunt_insight_alerts_firing", "gauge", "Built-in alerts that fire.");
  for (const AlertSeverity severity : {AlertSeverity::info, AlertSeverity::warning, AlertSeverity::critical})
    family.add(label("severity", std::string(alert_severity_name(severity))),
               static_cast<double>(firing[static_cast<size_t>(severity)]));
}

}  // namespace

std::string insight_metrics(const ApiState& state) {
  std::string page;
  Family(page, "shunt_insight_build_info", "gauge", "Always 1.").add(label("version", state.version), 1);
  Family(page, "shunt_insight_start_time_seconds", "gauge", "When shunt-insight started, since 1970.")
      .add(static_cast<double>(state.started_s));
  put_nodes_up(page, state.live);
  put_anomalies(page, state.findings);
  Family totals(page, "shunt_anomalies_total", "counter", "Anomalies since the start, by severity.");
  for (const Severity severity : {Severity::info, Severity::minor, Severity::major, Severity::critical})
    totals.add(label("severity", std::string(severity_name(severity))),
               static_cast<double>(state.anomaly_totals.of(severity)));
  put_alerts(page, state.findings);
  Family(page, "shunt_insight_detectors", "gauge", "Detectors that have something to watch.")
      .add(static_cast<double>(state.findings.detectors()));
  Family(page, "shunt_insight_series", "gauge", "Series that are rolled up.")
      .add(static_cast<double>(state.tallies.series));
  Family(page, "shunt_insight_records_total", "counter", "Flow records read.")
      .add(static_cast<double>(state.tallies.records));
  Family(page, "shunt_insight_records_lost_total", "counter", "Flow records that weren't read in time.")
      .add(static_cast<double>(state.tallies.records_lost));
  put_warehouse(page, state.tallies.warehouse);
  const WarehouseDesk::Tally& desk = state.desk.tally();
  Family(page, "shunt_insight_queries_total", "counter", "Questions to the warehouse.")
      .add(static_cast<double>(desk.asked));
  Family(page, "shunt_insight_queries_failed_total", "counter", "Those that got no answer, or not in time.")
      .add(static_cast<double>(desk.failed + desk.refused));
  Family(page, "shunt_insight_viewers", "gauge", "WebSockets that are told each second.")
      .add(static_cast<double>(state.feed.viewers()));
  Family(page, "shunt_insight_loop_lag_seconds", "gauge", "How late work came, at most, of the last 10 s.")
      .add(state.lag.longest_ms() / 1000);
  Family(page, "shunt_insight_cpu_ratio", "gauge", "Of one core, over the last 10 s.")
      .add(state.self.cpu_ratio());
  Family(page, "shunt_insight_resident_bytes", "gauge", "Memory.")
      .add(static_cast<double>(state.self.rss_bytes()));
  return page;
}

}  // namespace shunt::insight
