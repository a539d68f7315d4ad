// SeriesWatch: all detectors of one series: its own past, and counts against their usual ratio.
//
// A service has flows, active flows and latency against the past; a backend latency and its share. A
// backend's flows aren't followed by themselves: they are its service's flows times its share, and would tell
// each change of traffic once more for each backend. The share is followed in units of what its weight
// entitles it to among those that serve, so that a sibling that leaves, or a new weight, changes nothing.
//
// Owner: one thread. State: about 3 kB for each KPI that has values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "insight/detect/failure_test.h"
#include "insight/findings/history_watch.h"
#include "insight/findings/node_sum.h"
#include "insight/findings/recent_times.h"
#include "insight/findings/sighting.h"

namespace shunt::insight {

// One interval of a series and what it stands in.
struct SeriesInput {
  const SeriesName* name = nullptr;
  const SummedCell* cell = nullptr;
  int64_t begin_s = 0;
  double traffic = 0;           // this series' part of all flows everywhere
  uint64_t service_ended = 0;   // flows of its service that ended
  double budget = 0.001;        // 1 − objective
  bool judged = true;           // false: nobody expects it to serve; nothing is looked at
  std::optional<double> share;  // of a backend: of its service's flows; nothing: can't be compared now
  double fair_share = 0;
  bool learning = false;
};

class SeriesWatch {
 public:
  // What is unusual is put behind `out`.
  void observe(const SeriesInput& input, std::vector<Sighting>& out);
  void accept(Kpi kpi);
  double median_connect() const { return connect_.quantile(0.5); }
  // Of its service's flows that ended in the last minute, the part that failed here.
  double failing() const;
  int64_t last_s() const { return last_s_; }
  size_t detectors() const;

 private:
  static constexpr size_t kHistories = 4;
  static constexpr size_t kTests = 3;
  struct Ended {
    uint64_t failures = 0;  // here
    uint64_t all = 0;       // of the service
  };

  void against_past(const SeriesInput& input, Kpi kpi, double value, std::vector<Sighting>& out);
  void against_usual(const SeriesInput& input, size_t test, uint64_t counted, uint64_t flows,
                     std::vector<Sighting>& out);

  std::array<std::unique_ptr<HistoryWatch>, kHistories> histories_;  // made with their first value
  std::array<FailureTest, kTests> tests_;
  std::array<Ended, FailureTest::kSpan> ended_;  // the last intervals
  size_t next_ = 0;
  RecentTimes connect_;
  int64_t last_s_ = 0;
};

}  // namespace shunt::insight
