// IdleNaps: how long a worker that has nothing to do may sleep, so that the first packet waits at most 50 µs.
//
// Owner: its worker's thread. A nap takes longer than asked for, by the timer, the scheduler and the turn of
// the loop that goes with it: 3 µs on one machine, 14 µs on another. So that is measured at each nap and
// taken off the next one: the mean and four mean deviations, as TCP does with round trips (RFC 6298, section
// 2). It can't help where something else runs on the worker's CPU, or where even the shortest nap takes too
// long. Cost: a few additions for each nap.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace shunt {

inline constexpr uint32_t kIdleLoops = 256;  // in a row before the first nap
inline constexpr uint32_t kShortWaits = 100;
inline constexpr uint32_t kShortWaitNs = 20'000;  // of the first packet, in the first kShortWaits
inline constexpr uint32_t kLongWaitNs = 50'000;   // and from then on
inline constexpr uint32_t kShortestNapNs = 1'000;

class IdleNaps {
 public:
  // Each loop's beginning. From there to the next one a packet waits at most.
  void begin_loop(uint64_t now_ns) {
    if (asked_ns_ != 0) learn(now_ns - loop_began_ns_);
    asked_ns_ = 0;
    loop_began_ns_ = now_ns;
  }

  // The loop had packets.
  void busy() { idle_loops_ = 0; }

  // It had none: how long to sleep now; 0: not yet.
  uint32_t idle() {
    if (idle_loops_ < kIdleLoops + kShortWaits) ++idle_loops_;
    if (idle_loops_ <= kIdleLoops) return 0;
    const double wait = idle_loops_ < kIdleLoops + kShortWaits ? kShortWaitNs : kLongWaitNs;
    asked_ns_ = static_cast<uint32_t>(std::max(wait - overhead_ns(), double{kShortestNapNs}));
    return asked_ns_;
  }

  // What a loop with a nap takes longer than the nap, at the most to be expected.
  double overhead_ns() const { return mean_ns_ + 4 * deviation_ns_; }

 private:
  void learn(uint64_t loop_ns) {
    // Milliseconds are somebody else's on this CPU: they say little about the next nap.
    const double over = std::min(static_cast<double>(loop_ns) - asked_ns_, double{kLongWaitNs});
    deviation_ns_ += (std::abs(over - mean_ns_) - deviation_ns_) / 16;
    mean_ns_ += (over - mean_ns_) / 8;
    deviation_ns_ = std::max(deviation_ns_, (over - mean_ns_) / 4);  // longer than expected: believed at once
  }

  uint64_t loop_began_ns_ = 0;
  uint32_t asked_ns_ = 0;  // 0: this loop doesn't sleep
  uint32_t idle_loops_ = 0;
  double mean_ns_ = 10'000;  // between what was measured on several machines, until it is known here
  double deviation_ns_ = 2'500;
};

}  // namespace shunt
