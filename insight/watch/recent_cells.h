// RecentCells: the closed seconds of the last ten, of every series.
//
// Owner: one thread. Bound: ten cells of each series that has any; a series that was silent for ten seconds
// makes room. Cost of one second: a walk over all.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "insight/kpi/roll_up.h"

namespace shunt::insight {

class RecentCells {
 public:
  static constexpr int64_t kSeconds = 10;

  // Others than of one second are passed over.
  void take(const ClosedCell& closed);
  // What is older than ten seconds goes.
  void advance(int64_t now_s);
  // Of the series named so (SeriesName::key()), from `from_s` on; their sum is added to `into`.
  void add_to(KpiCell& into, const std::string& key, int64_t from_s) const;

 private:
  struct Second {
    int64_t begin_s = 0;
    KpiCell cell;
  };
  std::unordered_map<std::string, std::vector<Second>> series_;  // in the order of time
};

}  // namespace shunt::insight
