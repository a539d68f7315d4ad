// HealthTracker: rise and fall. Turns a row of good and bad checks into up and down.
//
// Owner: one watched backend. No I/O and no clock. An unknown backend is up after its first good check (a
// user who adds a backend wants it at work now) and down after `fall` bad ones, like one that was up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace shunt {

enum class HealthState : uint8_t { unknown, up, down };

inline const char* to_text(HealthState state) {
  switch (state) {
    case HealthState::up:
      return "up";
    case HealthState::down:
      return "down";
    case HealthState::unknown:
      break;
  }
  return "unknown";
}

class HealthTracker {
 public:
  // A threshold of 0 counts as 1. `state` is where it starts, with nothing counted yet.
  HealthTracker(uint16_t rise, uint16_t fall, HealthState state = HealthState::unknown)
      : rise_(std::max<uint32_t>(rise, 1)), fall_(std::max<uint32_t>(fall, 1)), state_(state) {}

  // Counts one result. The state that was left, if this result changed it.
  std::optional<HealthState> record(bool good) {
    consecutive_ = good == last_good_ ? consecutive_ + (consecutive_ < UINT32_MAX ? 1 : 0) : 1;
    last_good_ = good;
    const HealthState before = state_;
    if (good && (before == HealthState::unknown || consecutive_ >= rise_)) state_ = HealthState::up;
    if (!good && consecutive_ >= fall_) state_ = HealthState::down;
    return state_ == before ? std::nullopt : std::optional(before);
  }

  HealthState state() const { return state_; }
  uint32_t consecutive() const { return consecutive_; }  // results in a row like the last one

 private:
  uint32_t rise_;
  uint32_t fall_;
  HealthState state_;
  bool last_good_ = false;
  uint32_t consecutive_ = 0;
};

}  // namespace shunt
