// CounterFollower: counters of one node, read again and again, become what was counted between two readings.
//
// Counters only grow while a shuntd lives. What is smaller than before began anew (a backend that was taken
// out and put in again), or went past 2^64; no difference is ever negative, none larger than what was read.
// The first reading of a series, and of a node, is where counting begins: what is in it happened before. Of a
// shuntd that started between two readings everything counts.
//
// Owner: one thread. Bound: max_series; what a reading has beyond is counted and passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "insight/kpi/roll_up.h"

namespace shunt::insight {

struct SeriesReading {
  SeriesName name;
  KpiCounts totals;  // since its shuntd started
  uint64_t active = 0;
  std::optional<double> weight;
};

struct NodeReading {
  int64_t started_us = 0;  // when this shuntd did: another one has another
  int64_t at_us = 0;       // of this reading
  std::vector<SeriesReading> series;
};

class CounterFollower {
 public:
  struct Tally {
    uint64_t readings = 0;
    uint64_t restarts = 0;  // of shuntd
    uint64_t resets = 0;    // of a series alone
    uint64_t refused = 0;   // readings not after the one before
    uint64_t passed_over = 0;
  };
  using Sink = std::function<void(const SeriesName&, const CountedSpan&)>;

  explicit CounterFollower(uint32_t max_series = 10'000) : max_series_(max_series) {}

  void take(const NodeReading& reading, const Sink& sink);
  const Tally& tally() const { return tally_; }

 private:
  struct Last {
    int64_t at_us = 0;
    KpiCounts totals;
  };
  KpiCounts counted(const KpiCounts& before, const KpiCounts& now);
  void forget_old(int64_t now_us);

  uint32_t max_series_;
  int64_t started_us_ = 0;
  int64_t at_us_ = 0;
  bool begun_ = false;
  std::unordered_map<std::string, Last> last_;
  Tally tally_;
};

}  // namespace shunt::insight
