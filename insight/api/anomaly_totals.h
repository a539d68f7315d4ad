// AnomalyTotals: how many anomalies were opened since the start, by severity. One that gets worse counts
// again, in its new severity.
//
// Bound: what the findings remember.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>

#include "insight/findings/findings.h"

namespace shunt::insight {

class AnomalyTotals {
 public:
  void take(const std::deque<FoundAnomaly>& anomalies) {
    for (const FoundAnomaly& found : anomalies) {
      const bool is_old = found.id <= newest_ && !counted_.contains(found.id);
      if (is_old) continue;  // forgotten, and come back: no
      const auto [place, is_new] = counted_.try_emplace(found.id, found.anomaly.severity);
      if (!is_new && found.anomaly.severity <= place->second) continue;
      place->second = found.anomaly.severity;
      ++totals_[static_cast<size_t>(found.anomaly.severity)];
    }
    if (anomalies.empty()) return;
    newest_ = std::max(newest_, anomalies.back().id);
    counted_.erase(counted_.begin(), counted_.lower_bound(anomalies.front().id));
  }
  uint64_t of(Severity severity) const { return totals_[static_cast<size_t>(severity)]; }

 private:
  std::map<int64_t, Severity> counted_;
  int64_t newest_ = 0;
  std::array<uint64_t, 4> totals_{};
};

}  // namespace shunt::insight
