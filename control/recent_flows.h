// RecentFlows: the newest flow records of all workers, for people who ask right after something went wrong.
//
// Owner: the control thread. Bound: kRecentFlows failures, and as many of the others, so that a busy service
// doesn't wash failures away.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "stats/flow_record.h"

namespace shunt {

inline constexpr size_t kRecentFlows = 1'000;

class RecentFlows {
 public:
  void add(const FlowRecord& record);
  // Newest first, at most `limit`; those for which `wanted` holds.
  std::vector<FlowRecord> newest(bool failed_only, size_t limit,
                                 const std::function<bool(const FlowRecord&)>& wanted) const;

 private:
  std::deque<FlowRecord> failed_;
  std::deque<FlowRecord> others_;
};

}  // namespace shunt
