// HealthSchedule: when one backend is checked. A grid of slots one interval apart, each check a little off
// its slot.
//
// Owner: one watched backend. No clock of its own: callers pass now. Jitter is off the slot and not off the
// last check, so it never adds up and cadence doesn't drift. The first check comes soon after the backend is
// added; the grid then starts at a random phase, so that backends added together aren't checked together for
// ever.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace shunt {

class HealthSchedule {
 public:
  using Clock = std::chrono::steady_clock;
  using Random = std::mt19937_64;

  // The first check is within `first_within` (and within one interval) of `now`. `jitter` is a share of the
  // interval, either way; more than 0.5 would let slots swap places and counts as 0.5.
  HealthSchedule(Clock::duration interval, double jitter, Clock::duration first_within, Clock::time_point now,
                 Random& random)
      : interval_(std::max<Clock::duration>(interval, std::chrono::milliseconds(1))),
        jitter_(std::clamp(jitter, 0.0, 0.5)),
        due_(now + part_of(std::min(first_within, interval_), 0, 1, random)),
        slot_(due_ - part_of(interval_, 0, 1, random)) {}

  Clock::time_point due() const { return due_; }

  // From the next advance() on.
  void set_interval(Clock::duration interval) {
    interval_ = std::max<Clock::duration>(interval, std::chrono::milliseconds(1));
  }

  // The check that was due is over: on to the next slot. When several have passed meanwhile, the latest is
  // checked at once and the others are missed: how many is returned.
  uint64_t advance(Clock::time_point now, Random& random) {
    slot_ += interval_;
    const auto missed = now > slot_ ? (now - slot_) / interval_ : 0;
    slot_ += missed * interval_;
    due_ = slot_ + part_of(interval_, -jitter_, jitter_, random);
    return static_cast<uint64_t>(missed);
  }

 private:
  static Clock::duration part_of(Clock::duration whole, double from, double to, Random& random) {
    const double share = from + (to - from) * std::uniform_real_distribution<double>(0, 1)(random);
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, Clock::period>(whole) *
                                                       share);
  }

  Clock::duration interval_;
  double jitter_;
  Clock::time_point due_;  // slot ± jitter
  Clock::time_point slot_;
};

}  // namespace shunt
