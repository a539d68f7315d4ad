// Findings: what is unusual (anomalies), what belongs together (incidents), what a person should be told
// (alerts). Filled from closed cells and the live state, read by the API.
//
// A backend, service or node that goes down is an anomaly in the tick that shows it; what is measured is
// judged by intervals of 10 s, nodes added together, at the first tick behind the interval's end.
//
// Owner: insight's one thread; time is given. Bound: 4,000 series are watched, 500 anomalies are open at
// once, 2,000 closed ones kept, 500 closed incidents, 1,000 alerts and as many events; what comes beyond is
// counted (tally()) and passed over. Cost: docs/detection.md.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "insight/findings/alert.h"
#include "insight/findings/found.h"
#include "insight/kpi/roll_up.h"
#include "insight/warehouse/rows.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

struct FindingSettings {
  bool detect = true;           // false: no anomalies and incidents; alerts all the same
  double availability = 0.999;  // objective
  double cpu = 0.8;             // thresholds of hosts
  double memory = 0.9;
  double disk = 0.85;
};

class Findings {
 public:
  using Put = std::function<void(WarehouseRow)>;  // into the warehouse; never waits
  struct Tally {
    uint64_t series_passed_over = 0;     // cells of series for which there was no room
    uint64_t late_cells = 0;             // of intervals that were judged already
    uint64_t anomalies_passed_over = 0;  // not opened: too many are open
    uint64_t alerts_passed_over = 0;
  };

  Findings(const FindingSettings& settings, Put put);
  ~Findings();
  Findings(const Findings&) = delete;
  Findings& operator=(const Findings&) = delete;

  // Before the first tick(): cells of the past to learn from; nothing is found in them. First those of a
  // minute (up to 3 days, for error budgets and the usual amount of traffic), then those of 10 s (for
  // detectors), each oldest first. Others are passed over.
  void learn(const ClosedCell& cell);
  // What a program before this one found (stored_findings.h): open ones go on, closed ones are shown; ids go
  // on behind `last_id`.
  void restore(std::vector<FoundAnomaly> anomalies, std::vector<FoundIncident> incidents, int64_t last_id);

  void take(const ClosedCell& cell);  // every closed cell; those of 10 s are judged
  void tick(const LiveState& live);   // once a second, after the readings and after RollUp::advance()
  bool accept(int64_t anomaly);       // "this is expected"; false: there is none of that id, or it is closed

  const std::deque<FoundAnomaly>& anomalies() const;   // newest last; 2,000 closed ones are kept
  const std::deque<FoundIncident>& incidents() const;  // newest last; 500 closed ones
  const std::vector<LiveAlert>& alerts() const;        // pending and firing, worst first
  const std::vector<AlertRule>& rules() const;
  const std::deque<AlertEvent>& alert_history() const;  // newest last, 1,000
  // Of the worst open anomaly of a service (backend empty: its backends' included) or of one backend.
  std::optional<Severity> worst(const std::string& service, const std::string& pool,
                                const std::string& backend) const;
  size_t detectors() const;
  const Tally& tally() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace shunt::insight
