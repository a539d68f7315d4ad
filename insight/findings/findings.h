// Findings: what is unusual (anomalies), what belongs together (incidents), what a person should be told
// (alerts). Filled from closed cells and the live state, read by the API.
//
// Owner: insight's one thread.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "insight/detect/anomaly.h"
#include "insight/detect/incident.h"
#include "insight/kpi/roll_up.h"
#include "insight/warehouse/rows.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

struct FoundAnomaly {
  int64_t id = 0;
  SeriesName series;                // node "": of all nodes together
  Anomaly anomaly;                  // subject, KPI, times, score, severity, band, reason
  std::string detector;             // "record", "peer", "binomial", "state", …
  bool open = true;
  std::optional<int64_t> incident;  // its id
};
struct FoundIncident {
  int64_t id = 0;
  bool open = true;
  Incident incident;             // members and hidden: ids of anomalies are below
  std::vector<int64_t> members;  // ids
  std::vector<int64_t> hidden;
};
enum class AlertSeverity : uint8_t { info, warning, critical };
enum class AlertState : uint8_t { pending, firing, resolved };
struct AlertRule {
  std::string name;
  AlertSeverity severity = AlertSeverity::warning;
  int64_t for_s = 0;
  std::string text;     // what it watches, in words
  std::string runbook;  // what to look at and do
};
struct LiveAlert {
  size_t rule = 0;
  SeriesName subject;  // parts that don't apply are empty
  AlertState state = AlertState::pending;
  int64_t since_s = 0;
  std::string text;
};
struct AlertEvent {
  int64_t at_s = 0;
  size_t rule = 0;
  std::string subject;  // "web/web-1", "lb1"
  AlertState state = AlertState::firing;
  std::string text;
};

struct FindingSettings {
  bool detect = true;
  double availability = 0.999;  // objective
  double cpu = 0.8;             // thresholds of hosts
  double memory = 0.9;
  double disk = 0.85;
};

class Findings {
 public:
  using Put = std::function<void(WarehouseRow)>;  // into the warehouse; never waits

  Findings(const FindingSettings& settings, Put put);

  // Before the first tick(): cells of the past, oldest first, to learn from; nothing is found in them.
  void learn(const ClosedCell& cell);
  // Rows of the warehouse that a program before this one left open; ids go on behind `last_id`.
  void restore(std::vector<FoundAnomaly> open, std::vector<FoundIncident> incidents, int64_t last_id);

  void take(const ClosedCell& cell);  // every closed cell; those of 10 s are judged
  void tick(const LiveState& live);   // once a second, after the readings
  bool accept(int64_t anomaly);       // "this is expected"; false: there is none of that id

  const std::deque<FoundAnomaly>& anomalies() const;    // newest last; 2,000 closed ones are kept
  const std::deque<FoundIncident>& incidents() const;   // newest last; 500 closed ones
  const std::vector<LiveAlert>& alerts() const;         // pending and firing, worst first
  const std::vector<AlertRule>& rules() const;
  const std::deque<AlertEvent>& alert_history() const;  // newest last, 1,000
  // Of the worst open anomaly of a service (backend empty: its backends' included) or of one backend.
  std::optional<Severity> worst(const std::string& service, const std::string& pool, const std::string& backend) const;
  size_t detectors() const;
};

}  // namespace shunt::insight
