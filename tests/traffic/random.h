// Random: a seeded source of numbers that is the same with every standard library, so that a run can be
// repeated.
//
// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). Not for secrets.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace shunt {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }
  // In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11U) * 0x1p-53; }
  bool with_probability(double share) { return share > 0 && uniform() < share; }
  // Of mean 1.
  double exponential() { return -std::log1p(-uniform()); }
  // Of mean 0 and deviation 1 (Box and Muller, 1958).
  double normal() {
    const double radius = std::sqrt(2 * exponential());
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint64_t state_;
};

}  // namespace shunt
