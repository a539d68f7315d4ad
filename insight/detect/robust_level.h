// RobustLevel: median and median absolute deviation of a series, exponentially weighted.
//
// Each value moves the median towards itself by a share of the deviation, whatever its size, and the
// deviation likewise towards the value's distance: one wild value moves either by no more than any other does
// (Tierney, "A space-efficient recursive procedure for estimating a quantile of an unknown distribution",
// SIAM J. Sci. Stat. Comput. 1983). State: three numbers. Cost: a few operations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace shunt {

class RobustLevel {
 public:
  static constexpr double kMemory = 200;  // values, about

  double median() const { return median_; }
  double deviation() const { return deviation_; }

  // How many deviations above the median; 0 while nothing varied.
  double z(double value) const { return deviation_ > 0 ? (value - median_) / (1.4826 * deviation_) : 0; }

  // The value that is so many deviations above the median.
  double value_at(double z) const { return median_ + 1.4826 * deviation_ * z; }

  void learn(double value) {
    if (count_ == 0) median_ = value;
    if (count_ < kMemory) ++count_;
    const double distance = std::fabs(value - median_);
    if (deviation_ <= 0) {
      deviation_ = distance;
      return;
    }
    const double share = 4.0 / std::max(20.0, static_cast<double>(count_));
    median_ += std::clamp(value - median_, -share * deviation_, share * deviation_);
    deviation_ *= distance > deviation_ ? 1 + share / 2 : 1 - share / 2;
  }

 private:
  double median_ = 0;
  double deviation_ = 0;
  uint32_t count_ = 0;
};

}  // namespace shunt
