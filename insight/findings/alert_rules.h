// The built-in alerts: which there are, and what to do. Names, severities and times are those of
// configs/prometheus/rules (a test compares them), so that one fault tells the same story with and without
// Prometheus.
#pragma once

#include <vector>

#include "insight/findings/alert.h"

namespace shunt::insight {

// In this order, causes before consequences; those that are equally bad are shown in it.
enum class AlertName : uint8_t {
  down,
  service_down,
  pool_degraded,
  pool_down,
  backend_down,
  backend_flapping,
  error_budget_burn_fast,
  retry_storm,
  anomaly_critical,
  restart_loop,
  not_ready,
  config_reload_failed,
  high_failure_ratio,
  backend_high_failure_ratio,
  flows_refused,
  error_budget_burn_slow,
  backend_slow,
  high_latency,
  backend_peer_outlier,
  syn_retransmits_high,
  traffic_spike,
  traffic_drop,
  load_imbalance,
  backend_host_down,
  backend_cpu_high,
  backend_mem_high,
  backend_disk_high,
  flow_table_near_full,
  lcore_saturated,
  discovery_stale,
  discovery_held,
  flow_records_lost,
  restarted,
};
inline constexpr size_t kAlertNames = 33;

struct AlertThresholds {
  double availability = 0.999;
  double cpu = 0.8;
  double memory = 0.9;
  double disk = 0.85;
};

// [AlertName]
std::vector<AlertRule> alert_rules(const AlertThresholds& thresholds);

}  // namespace shunt::insight
