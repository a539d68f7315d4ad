// DayProfile: what a series is like at each time of day, and how far a value is from that.
//
// The day has 288 slots of five minutes; each holds a mean over days (weights of 1/10 and more, so the last
// ten days or so). A value is compared with its own slot and those up to two before and behind, and the
// nearest counts: a rush that begins ten minutes early is no anomaly. A slot counts when it has been seen on
// two days. State: 288 × 5 bytes. Cost: five slots.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace shunt {

class DayProfile {
 public:
  static constexpr int kSlots = 288;
  static constexpr int kSlack = 2;
  static constexpr int kDay_s = 86'400;

  // `smooth`: the value, or a mean of the last few; `time_s` since 1970. Nothing until this slot was seen on
  // two days. Call it once for each point: it closes the slot before when time leaves it.
  std::optional<double> residual(int64_t time_s, double smooth) {
    const int slot = slot_of(time_s);
    if (slot != open_) close();
    open_ = slot;
    if (days_[index(slot)] < 2) return std::nullopt;
    double nearest = smooth - mean_[index(slot)];
    for (int shift = -kSlack; shift <= kSlack; ++shift) {
      const size_t at = index(slot + shift);
      const double gap = smooth - mean_[at];
      if (days_[at] > 0 && std::fabs(gap) < std::fabs(nearest)) nearest = gap;
    }
    return nearest;
  }

  void learn(double smooth) {
    open_sum_ += smooth;
    ++open_count_;
  }

 private:
  static constexpr uint8_t kMemoryDays = 10;

  static int slot_of(int64_t time_s) {
    const int64_t second = ((time_s % kDay_s) + kDay_s) % kDay_s;
    return static_cast<int>(second * kSlots / kDay_s);
  }
  static size_t index(int slot) { return static_cast<size_t>((slot + kSlots) % kSlots); }

  void close() {
    if (open_count_ > 0) {
      const size_t at = index(open_);
      if (days_[at] < kMemoryDays) ++days_[at];
      mean_[at] += static_cast<float>((open_sum_ / open_count_ - mean_[at]) / days_[at]);
    }
    open_sum_ = 0;
    open_count_ = 0;
  }

  std::array<float, kSlots> mean_{};
  std::array<uint8_t, kSlots> days_{};
  int open_ = -1;
  uint32_t open_count_ = 0;
  double open_sum_ = 0;
};

}  // namespace shunt
