// PeakEwma: how long something takes of late: worse news is believed soon, better news slowly.
//
// Source: Finagle's peak EWMA. Differences: what comes in are means of many values (a histogram's sums since
// the last look), and a mean of few moves it less.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace shunt {

class PeakEwma {
 public:
  static constexpr double kDecaySeconds = 3;
  static constexpr double kFew = 32;  // so many values above it are believed by half

  // `count` values, over 0, whose mean is this; `after_s` since the last ones.
  void add(uint64_t count, double mean, double after_s) {
    if (!value_) {
      value_ = mean;
      return;
    }
    const auto values = static_cast<double>(count);
    const double believed =
        mean > *value_ ? values / (values + kFew) : 1 - std::exp(-after_s / kDecaySeconds);
    *value_ += (mean - *value_) * believed;
  }
  std::optional<double> value() const { return value_; }

 private:
  std::optional<double> value_;
};

}  // namespace shunt
