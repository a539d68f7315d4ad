// ConformalRank: how rare a score is among a series' own earlier ones, as a p-value.
//
// p = (1 + how many were as high) / (1 + how many there were): whatever the distribution, if today is like
// the days before, p <= alpha happens with probability alpha at most (Vovk, Gammerman, Shafer, "Algorithmic
// Learning in a Random World", 2005, chapter 2). So one alpha for all series bounds the false alarms of each:
// alpha × points a day. Scores are counted in 32 bins, two to a doubling, so p is a little too large, never
// too small. Old counts are halved when there are kMost, which makes the memory about that long. State: 32
// floats. Cost: a sum over bins, for scores above 0 only.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace shunt {

class ConformalRank {
 public:
  static constexpr float kMost = 131'072;  // two weeks of points at 10 s

  // The p-value of `score` among those learned. 1 for a score of 0.
  double p_value(double score) const {
    if (!(score > 0)) return 1;
    float as_high = 0;
    for (size_t bin = bin_of(score); bin < bins_.size(); ++bin)
      as_high += bins_[bin];
    return (1.0 + static_cast<double>(as_high)) / (1.0 + static_cast<double>(count_));
  }

  void learn(double score) {
    if (count_ >= kMost) halve();
    count_ += 1;
    if (score > 0) bins_[bin_of(score)] += 1;
  }

 private:
  // 2^-15 and less is the first bin, 2 and more the last.
  static size_t bin_of(double score) {
    return static_cast<size_t>(std::clamp(30 + std::floor(2 * std::log2(score)), 0.0, 31.0));
  }

  void halve() {
    count_ /= 2;
    for (float& bin : bins_)
      bin /= 2;
  }

  std::array<float, 32> bins_{};
  float count_ = 0;
};

}  // namespace shunt
