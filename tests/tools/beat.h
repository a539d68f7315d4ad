// Beat: which flow sends next, when all send at the same interval. A queue is enough, because what was due
// first is due first again. Bound: one entry per open flow. Cost: O(1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

namespace shunt {

class Beat {
 public:
  struct Due {
    uint32_t flow;
    uint64_t at_ns;
  };

  explicit Beat(uint64_t interval_ns) : interval_ns_(interval_ns) {}

  // The flow sent at `at_ns`; it is due again one interval later, but not before now (missed beats aren't
  // made up for).
  void sent(uint32_t flow, uint64_t at_ns, uint64_t now_ns) {
    queue_.push_back({flow, std::max(at_ns + interval_ns_, now_ns + 1)});
  }
  std::optional<Due> next(uint64_t now_ns) {
    if (queue_.empty() || queue_.front().at_ns > now_ns) return {};
    const Due due = queue_.front();
    queue_.pop_front();
    return due;
  }

 private:
  uint64_t interval_ns_;
  std::deque<Due> queue_;
};

}  // namespace shunt
