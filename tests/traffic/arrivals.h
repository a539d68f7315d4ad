// Arrivals: when each request is to begin, decided by the curve and the seed alone and never by how the
// target does.
//
// Even: the k-th when the curve's integral reaches k − 1/2. Poisson: the gaps between the integral's values
// are exponential of mean 1, which makes a Poisson process of the curve's rate (time rescaling: Çinlar,
// Introduction to Stochastic Processes, 1975).
#pragma once

#include <cstdint>
#include <optional>

#include "tests/traffic/random.h"
#include "tests/traffic/rate_curve.h"

namespace shunt {

class Arrivals {
 public:
  // The curve has to outlive it.
  Arrivals(const RateCurve& curve, bool poisson, uint64_t seed)
      : curve_(curve), poisson_(poisson), random_(seed) {}

  // The next one, in nanoseconds from the start; they never decrease. Nothing: that was the last.
  std::optional<uint64_t> next() {
    count_ += poisson_ ? random_.exponential() : (count_ == 0 ? 0.5 : 1.0);
    if (count_ > curve_.total()) return {};
    return static_cast<uint64_t>(curve_.reached_at(count_) * 1e9);
  }

 private:
  const RateCurve& curve_;
  bool poisson_;
  Random random_;
  double count_ = 0;
};

}  // namespace shunt
