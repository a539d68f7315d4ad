// Pearson's test: how likely counts as far from the wanted shares as these are, where the shares are true.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace shunt::test {

// By the Wilson-Hilferty approximation, good to a few per cent of p down to one degree of freedom. `wanted`:
// in any unit, over 0.
inline double chi_square_p(const std::vector<uint64_t>& counts, const std::vector<double>& wanted) {
  if (counts.size() < 2) return 1;
  const double all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  const double sum = std::accumulate(wanted.begin(), wanted.end(), 0.0);
  double chi_square = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = all * wanted[i] / sum;
    chi_square +=
        (static_cast<double>(counts[i]) - expected) * (static_cast<double>(counts[i]) - expected) / expected;
  }
  const auto freedom = static_cast<double>(counts.size() - 1);
  const double spread = 2 / (9 * freedom);
  const double normal = (std::cbrt(chi_square / freedom) - (1 - spread)) / std::sqrt(spread);
  return std::erfc(normal / std::sqrt(2.0)) / 2;
}

}  // namespace shunt::test
