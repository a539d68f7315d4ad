// FlapDamping: a backend that goes down again and again stays down for longer each time.
//
// Owner: one watched backend. No clock of its own: callers pass now. The rule is BGP's route flap damping
// (RFC 2439) with counts for penalties: each time down counts one, and one is forgiven for each kForgiven
// that pass. From the third on the backend is held down for 10 s, twice that with each further one, at most
// `longest`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace shunt {

class FlapDamping {
 public:
  using Clock = std::chrono::steady_clock;
  using seconds = std::chrono::seconds;
  static constexpr uint32_t kFreeDowns = 2;
  static constexpr seconds kFirstHold{10};
  static constexpr seconds kLeastForgiven{30};

  // `longest` 0: nobody is held.
  explicit FlapDamping(seconds longest) : longest_(longest) {}

  // It went down (as the checks see it).
  void went_down(Clock::time_point now) {
    if (longest_ == seconds(0)) return;
    forgive(now);
    ++downs_;
    if (downs_ <= kFreeDowns) return;
    const uint32_t doublings = std::min<uint32_t>(downs_ - kFreeDowns - 1, 20);
    held_until_ = now + std::min(kFirstHold * (int64_t{1} << doublings), longest_);
  }

  bool holds(Clock::time_point now) const { return now < held_until_; }
  // "held down for 17 s more: 4 times down of late". While it holds.
  std::string reason(Clock::time_point now) const {
    const auto left = std::chrono::ceil<seconds>(held_until_ - now).count();
    return "held down for " + std::to_string(left) + " s more: " + std::to_string(downs_) +
           " times down of late";
  }

 private:
  // Time in which it was held isn't forgiven for. A step is longer than the longest hold, so that a steady
  // flap reaches that.
  void forgive(Clock::time_point now) {
    const seconds step = std::max(longest_, kLeastForgiven);
    if (downs_ == 0) forgiven_until_ = now;
    forgiven_until_ = std::max(forgiven_until_, std::min(held_until_, now));
    const auto steps = (now - forgiven_until_) / step;
    downs_ -= static_cast<uint32_t>(std::min<int64_t>(steps, downs_));
    forgiven_until_ += steps * step;
  }

  seconds longest_;
  uint32_t downs_ = 0;
  Clock::time_point held_until_;
  Clock::time_point forgiven_until_;
};

}  // namespace shunt
