// TscClock: the CPU's time stamp counter as nanoseconds. All that were made with the same frequency agree, on
// every CPU of the machine (its counters run together), so that one worker's instants mean the same to
// another. Cost: reading the counter, one multiplication.
#pragma once

#include <x86intrin.h>

#include <cstdint>

#include "common/clock.h"

namespace shunt {

class TscClock {
 public:
  // `hz`: ticks a second.
  explicit TscClock(uint64_t hz) : scale_((uint64_t{1'000'000'000} << kShift) / hz) {}

  Now now() const {
    __extension__ using uint128 = unsigned __int128;
    return Now::from_ns(static_cast<uint64_t>(uint128{__rdtsc()} * scale_ >> kShift));
  }

 private:
  static constexpr unsigned kShift = 32;
  uint64_t scale_;
};

}  // namespace shunt
