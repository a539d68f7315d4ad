// RecentValues: the last 144 values of a series, and means over parts of them.
//
// State: 144 floats and four sums. Values are kept less the first one, so that a float's 24 bits go to what
// varies. Sums are added afresh once a lap, so that rounding doesn't gather. Cost: O(1), a lap's additions
// apart.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace shunt {

class RecentValues {
 public:
  static constexpr size_t kShort = 6;
  static constexpr size_t kMiddle = 12;
  static constexpr size_t kLong = 72;
  static constexpr size_t kAll = 2 * kLong;

  void add(double value) {
    const auto kept = static_cast<float>(value);
    const double leaving = seen(kAll) ? ring_[next_] : 0.0;
    older_ += (seen(kLong) ? back(kLong) : 0.0) - leaving;
    long_ += kept - (seen(kLong) ? back(kLong) : 0.0);
    squares_ += square(kept) - (seen(kLong) ? square(back(kLong)) : 0.0);
    middle_ += kept - (seen(kMiddle) ? back(kMiddle) : 0.0);
    short_ += kept - (seen(kShort) ? back(kShort) : 0.0);
    ring_[next_] = kept;
    next_ = (next_ + 1) % kAll;
    if (count_ < kAll) ++count_;
    if (next_ == 0) sum_afresh();
  }

  bool seen(size_t values) const { return count_ >= values; }
  double short_mean() const { return short_ / kShort; }
  double middle_mean() const { return middle_ / kMiddle; }
  double long_mean() const { return long_ / kLong; }
  double older_mean() const { return older_ / kLong; }  // of the kLong values before the last kLong
  double long_deviation() const {
    const double mean = long_mean();
    return std::sqrt(std::fmax(0.0, squares_ / kLong - mean * mean));
  }

 private:
  static double square(double x) { return x * x; }
  // The value `ago` additions ago; 1 is the last one.
  double back(size_t ago) const { return ring_[(next_ + kAll - ago) % kAll]; }

  double sum_back(size_t from, size_t to) const {
    double sum = 0;
    for (size_t ago = from; ago <= to; ++ago)
      sum += back(ago);
    return sum;
  }

  void sum_afresh() {
    short_ = sum_back(1, kShort);
    middle_ = sum_back(1, kMiddle);
    long_ = sum_back(1, kLong);
    older_ = sum_back(kLong + 1, kAll);
    squares_ = 0;
    for (size_t ago = 1; ago <= kLong; ++ago)
      squares_ += square(back(ago));
  }

  std::array<float, kAll> ring_{};
  double short_ = 0;
  double middle_ = 0;
  double long_ = 0;
  double older_ = 0;
  double squares_ = 0;
  uint32_t next_ = 0;
  uint32_t count_ = 0;
};

}  // namespace shunt
