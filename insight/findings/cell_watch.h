// CellWatch: what is unusual in one interval of all series.
//
// Owner: one thread. Bound: the series of NodeSum; a series silent for an hour is forgotten.
// Cost: some µs for each series and interval.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "insight/findings/node_sum.h"
#include "insight/findings/pool_watch.h"
#include "insight/findings/series_watch.h"
#include "insight/findings/sighting.h"
#include "insight/findings/standing.h"

namespace shunt::insight {

class CellWatch {
 public:
  static constexpr int64_t kForgotten_s = 3'600;

  explicit CellWatch(double availability) : budget_(std::max(1e-6, 1 - availability)) {}

  // `learning`: of the past; nothing is found in it.
  std::vector<Sighting> judge(int64_t begin_s, const NodeSum::Interval& interval, const Standing& standing,
                              bool learning);
  void accept(const SeriesName& series, Kpi kpi);
  size_t detectors() const;

 private:
  struct Service {
    const SummedCell* whole = nullptr;
    double serving_weight = 0;  // of those that can be compared
    double serving_flows = 0;
    std::map<std::string, std::vector<PeerInput>> pools;
  };
  using Services = std::map<std::string, Service>;
  static constexpr double kLeastFlows = 10;  // that a fair share is, in an interval

  Services survey(const NodeSum::Interval& interval, const Standing& standing) const;
  bool can_compare(const SeriesName& name, const SummedCell& cell, const Standing& standing) const;
  void judge_series(const SeriesName& name, const SummedCell& cell, int64_t begin_s, const Standing& standing,
                    Services& services, double all_flows, bool learning, std::vector<Sighting>& out);
  void forget(int64_t begin_s);

  double budget_;
  std::map<SeriesName, SeriesWatch> series_;
  std::map<std::pair<std::string, std::string>, PoolWatch> pools_;  // service, pool
};

}  // namespace shunt::insight
