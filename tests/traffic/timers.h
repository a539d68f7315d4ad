// Timers: what is to be done when, on the one thread that polls.
//
// Bound: what was added and isn't due. Cost: O(log n). There is no cancelling: what is called asks whether it
// is still wanted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace shunt {

class Timers {
 public:
  using Action = std::function<void(uint64_t now_ns)>;

  // Those of the same time are called in the order in which they were added.
  void at(uint64_t at_ns, Action action) {
    heap_.push_back({at_ns, next_number_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  // Calls what is due by `now_ns`, and what that adds for then.
  void run(uint64_t now_ns) {
    while (!heap_.empty() && heap_.front().at_ns <= now_ns) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      const Action action = std::move(heap_.back().action);
      heap_.pop_back();
      action(now_ns);
    }
  }

  std::optional<uint64_t> next_ns() const {
    if (heap_.empty()) return {};
    return heap_.front().at_ns;
  }
  size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    uint64_t at_ns;
    uint64_t number;
    Action action;
  };
  static bool later(const Entry& one, const Entry& other) {
    return std::pair(one.at_ns, one.number) > std::pair(other.at_ns, other.number);
  }

  std::vector<Entry> heap_;
  uint64_t next_number_ = 0;
};

}  // namespace shunt
