// PuntLimit: a token bucket before the ring for what isn't urgent, so that a flood for the kernel stays the
// flood's loss.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/clock.h"

namespace shunt {

// Packets a second and worker: more than any host's own protocols need, less than what fills the punt thread.
inline constexpr uint64_t kPuntRate = 50'000;
inline constexpr uint64_t kPuntBurst = 5'000;
inline constexpr uint64_t kPuntNs = 1'000'000'000U / kPuntRate;

class PuntLimit {
 public:
  bool take(const Now& now) {
    const uint64_t earned = (now.ns - last_ns_) / kPuntNs;
    tokens_ = std::min(kPuntBurst, tokens_ + earned);
    last_ns_ += earned * kPuntNs;  // what is left of a packet's time counts for the next one
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  uint64_t tokens_ = kPuntBurst;
  uint64_t last_ns_ = 0;
};

}  // namespace shunt
