// FlatRun: how long a series has stood still, against the longest that it ever did.
//
// A sensor that hangs, a counter that nobody writes: the same value again and again, from a series that used
// to move. A run says so once when it is four times as long as any before it and at least 30 values long,
// again at four times that. State: three numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace shunt {

class FlatRun {
 public:
  static constexpr uint32_t kShortest = 30;
  static constexpr uint32_t kTimes = 4;

  // True once when the run becomes remarkable. `tolerance`: changes up to it count as none.
  bool add(double value, double tolerance) {
    const bool same = known_ && std::fabs(value - last_) <= tolerance;
    known_ = true;
    if (!same) {
      longest_ = std::max(longest_, run_);
      run_ = 0;
      moved_ = moved_ + 1 > kShortest ? kShortest : moved_ + 1;
      last_ = value;
      return false;
    }
    ++run_;
    // A series that has hardly moved yet stands still by nature.
    if (moved_ < kShortest || run_ < std::max(kShortest, kTimes * std::max(longest_, 1U))) return false;
    longest_ = run_;
    return true;
  }

  uint32_t run() const { return run_; }

 private:
  double last_ = 0;
  uint32_t run_ = 0;
  uint32_t longest_ = 0;
  uint32_t moved_ = 0;
  bool known_ = false;
};

}  // namespace shunt
