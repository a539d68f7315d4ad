// RateLimit: a token bucket of one worker's, so that a flood for what is slow stays the flood's loss.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/clock.h"

namespace shunt {

template <uint64_t kPerSecond, uint64_t kBurst>
class RateLimit {
 public:
  bool take(const Now& now) {
    const uint64_t earned = (now.ns - last_ns_) / kNsEach;
    tokens_ = std::min(kBurst, tokens_ + earned);
    last_ns_ += earned * kNsEach;  // what is left of a packet's time counts for the next one
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  static constexpr uint64_t kNsEach = 1'000'000'000U / kPerSecond;

  uint64_t tokens_ = kBurst;
  uint64_t last_ns_ = 0;
};

// Packets a second and worker that go to the kernel and aren't urgent: more than any host's own protocols
// need, less than what fills the punt thread.
inline constexpr uint64_t kPuntRate = 50'000;
inline constexpr uint64_t kPuntBurst = 5'000;
using PuntLimit = RateLimit<kPuntRate, kPuntBurst>;

// ICMP errors a second and worker that the next worker is asked about: real ones are few, and forged ones
// are not to fill the rings between workers.
inline constexpr uint64_t kAskRate = 10'000;
inline constexpr uint64_t kAskBurst = 1'000;
using AskLimit = RateLimit<kAskRate, kAskBurst>;

}  // namespace shunt
