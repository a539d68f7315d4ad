// Made-up telemetry of one service with a known anomaly in it: for tests of the detectors, never for a figure
// to be proud of.
//
// A day's rhythm with a quieter weekend, counts that are Poisson, latencies that are log-normal, backends
// that differ a little. The same plan gives the same numbers everywhere: random numbers and distributions are
// our own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace shunt {

enum class AnomalyKind : uint8_t {
  none,
  spike,           // flows ×3 for ten minutes
  drop,            // flows × 0.2
  level,           // flows ×1.6, and they stay there
  drift,           // latency climbs to ×3
  variance,        // latency swings six times as much
  flatline,        // flows repeat one value
  seasonal_break,  // the day's rush doesn't come
  slow_backend,    // one backend's latency ×2.5
  rst_storm,       // one backend refuses a tenth of its flows
  syn_loss,        // SYNs are sent again ten times as often
  retry_storm,     // clients reconnect forty times as often, flows ×1.5
  imbalance,       // one backend gets twice its share
};
inline constexpr size_t kAnomalyKinds = 13;  // none included
std::string_view anomaly_kind_name(AnomalyKind kind);

struct SyntheticPlan {
  uint64_t seed = 1;
  AnomalyKind kind = AnomalyKind::none;
  size_t backends = 4;
  int days = 6;
  int step_s = 60;
};

// Each of a backend: one value per step.
struct SyntheticBackend {
  std::vector<double> flows;
  std::vector<double> failures;
  std::vector<double> syn_retransmits;
  std::vector<double> reconnects;
  std::vector<double> latency_ms;
};

struct SyntheticTelemetry {
  std::vector<int64_t> time_s;
  std::vector<SyntheticBackend> backends;
  // Where it is: steps, the last one inside; both 0 for AnomalyKind::none.
  size_t first = 0;
  size_t last = 0;
  size_t touched = 0;  // of the kinds that are one backend's: which

  size_t steps() const { return time_s.size(); }
  // Sums over backends, and the mean latency weighted by flows.
  SyntheticBackend service() const;
};

SyntheticTelemetry make_telemetry(const SyntheticPlan& plan);

}  // namespace shunt
