// Newest first, until it is enough.
#include "insight/findings/recent_times.h"

#include <limits>

namespace shunt::insight {

double RecentTimes::quantile(double q) const {
  QuantileSketch merged;
  for (size_t i = 0; i < kIntervals; ++i) {
    const QuantileSketch& next = kept_[(newest_ + kIntervals - i) % kIntervals];
    if (i == 0 && next.empty()) break;  // nothing new
    if (i == 0 && next.count() >= kEnough) return next.quantile(q);
    merged.merge(next);
    if (merged.count() >= kEnough) return merged.quantile(q);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace shunt::insight
