// RecordRange: the range a quantity has kept to so far, slowly forgotten, and by how much a new one leaves
// it.
//
// The excess is in widths of the range, so it has no unit, and neither scale nor offset of the quantity
// matters. A range holds the worst of what was normal: heavy tails widen it, and no distribution is assumed.
// State: two numbers. Cost: a few operations.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace shunt {

class RecordRange {
 public:
  // More than this says nothing more: the range was empty, or all but.
  static constexpr double kMostExcess = 4;
  static constexpr uint32_t kFewest = 30;
  static constexpr double kYoung = 1'000;

  bool known() const { return low_ <= high_; }
  double low() const { return low_; }
  double high() const { return high_; }

  // 0 inside the range. For a range of one value, any other one is kMostExcess, before it is scaled by age.
  double excess(double quantity) const {
    if (learned_ < kFewest || (quantity >= low_ && quantity <= high_)) return 0;
    const double width = high_ - low_;
    const double beyond = std::max(quantity - high_, low_ - quantity);
    const double widths = beyond < kMostExcess * width ? beyond / width : kMostExcess;
    return widths * learned_ / (learned_ + kYoung);
  }

  // Takes the quantity in, after both ends moved inwards by `forget` of the width.
  void learn(double quantity, double forget) {
    if (learned_ < std::numeric_limits<uint32_t>::max()) ++learned_;
    if (!known()) {
      low_ = high_ = quantity;
      return;
    }
    const double step = forget * (high_ - low_);
    high_ = std::max(high_ - step, quantity);
    low_ = std::min(low_ + step, quantity);
  }

  // So much wider on both sides, in widths: what a person called expected.
  void widen(double widths) {
    if (!known()) return;
    const double step = widths * (high_ - low_);
    high_ += step;
    low_ -= step;
  }

 private:
  double low_ = 1;
  double high_ = 0;
  uint32_t learned_ = 0;
};

}  // namespace shunt
