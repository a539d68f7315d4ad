// RecordRingFollower: a look at the records that go by, beside whoever reads them: shuntd's own. It takes
// nothing, so a reader that gives places back lets records be overwritten that weren't seen here; they are
// passed over and counted.
//
// Owner: one thread. A record is whole if the producer can't have begun to write in its place when the copy
// was done: it writes at `pushed` before it says so.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "stats/record_ring.h"

namespace shunt {

class RecordRingFollower {
 public:
  RecordRingFollower(const RingHead& head, const FlowRecord* records, uint64_t capacity)
      : records_(records), capacity_(capacity), head_(&head) {}

  // Copies the oldest records that weren't seen yet and are whole, as many as fit: the part of `out` that
  // has them. Empty: nothing new.
  std::span<const FlowRecord> copy(std::span<FlowRecord> out) {
    for (;;) {
      const uint64_t head = head_->pushed.load(std::memory_order_acquire);
      pass_over(head > capacity_ ? head - capacity_ : 0);
      const uint64_t begin = position_;
      const auto count = static_cast<size_t>(std::min<uint64_t>(head - begin, out.size()));
      if (count == 0) return {};
      for (size_t i = 0; i < count; ++i)
        out[i] = records_[(begin + i) & (capacity_ - 1)];
      std::atomic_thread_fence(std::memory_order_acquire);
      const uint64_t after = head_->pushed.load(std::memory_order_relaxed);
      pass_over(std::min(after < capacity_ ? 0 : after - capacity_ + 1, begin + count));
      const auto torn = static_cast<size_t>(position_ - begin);
      position_ = begin + count;
      if (torn < count) return out.subspan(torn, count - torn);
    }
  }
  uint64_t missed() const { return missed_; }

 private:
  void pass_over(uint64_t next) {
    if (next <= position_) return;
    missed_ += next - position_;
    position_ = next;
  }

  const FlowRecord* records_;
  uint64_t capacity_;
  uint64_t position_ = 0;
  uint64_t missed_ = 0;
  const RingHead* head_;
};

}  // namespace shunt
