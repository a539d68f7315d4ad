// RecentTimes: the handshakes of as few of the last intervals as give enough of them for a quantile.
//
// Of watched flows (one in 64 by default) an interval of 10 s may have but a few. Bound: kIntervals sketches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "insight/kpi/quantile_sketch.h"

namespace shunt::insight {

class RecentTimes {
 public:
  static constexpr size_t kIntervals = 6;
  static constexpr uint64_t kEnough = 20;

  void add(const QuantileSketch& interval) {
    ++newest_;
    kept_[newest_ % kIntervals] = interval;
  }
  // NaN: not enough of them.
  double quantile(double q) const;

 private:
  size_t newest_ = 0;
  std::array<QuantileSketch, kIntervals> kept_;
};

}  // namespace shunt::insight
