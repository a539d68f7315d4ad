#include "control/recent_flows.h"

#include <algorithm>
#include <iterator>

#include "stats/outcome.h"

namespace shunt {

void RecentFlows::add(const FlowRecord& record) {
  std::deque<FlowRecord>& kept = is_failure(static_cast<FlowOutcome>(record.outcome)) ? failed_ : others_;
  kept.push_back(record);
  if (kept.size() > kRecentFlows) kept.pop_front();
}

// Workers' records come one worker after the other, so the order is made here.
std::vector<FlowRecord> RecentFlows::newest(bool failed_only, size_t limit,
                                            const std::function<bool(const FlowRecord&)>& wanted) const {
  std::vector<FlowRecord> found;
  std::ranges::copy_if(failed_, std::back_inserter(found), wanted);
  if (!failed_only) std::ranges::copy_if(others_, std::back_inserter(found), wanted);
  std::ranges::sort(found, std::ranges::greater(), &FlowRecord::ended_us);
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace shunt
