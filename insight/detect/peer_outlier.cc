// Median and deviation of a pool, and each backend's smoothed distance.
#include "insight/detect/peer_outlier.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "insight/detect/tail_probability.h"

namespace shunt {
namespace {

constexpr double kMostDistance = 30;  // one observation's: a single wild one isn't enough

}  // namespace

PeerOutlier::PeerOutlier(size_t backends)
    : backends_(backends), verdicts_(backends), scratch_(backends), distances_(backends) {}

// Of the values that aren't NaN, of which there is one at least.
double PeerOutlier::median(std::span<const double> values) {
  size_t count = 0;
  for (const double value : values)
    if (!std::isnan(value)) scratch_[count++] = value;
  const auto middle = scratch_.begin() + static_cast<std::ptrdiff_t>(count / 2);
  const auto end = scratch_.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(scratch_.begin(), middle, end);
  if (count % 2 == 1) return *middle;
  return (*middle + *std::max_element(scratch_.begin(), middle)) / 2;
}

void PeerOutlier::judge(size_t index, double value, double centre, double spread, size_t known) {
  Backend& backend = backends_[index];
  PeerVerdict& verdict = verdicts_[index];
  const double distance = std::clamp((value - centre) / spread, -kMostDistance, kMostDistance);
  backend.smooth += (distance - backend.usual - backend.smooth) / kSmooth;
  const double far = std::fabs(backend.smooth);
  const bool was = backend.outlier;
  backend.outlier = far > (was ? kFar / 2 : kFar);
  if (!backend.outlier) backend.usual += (distance - backend.usual) / kUsualMemory;
  const double degrees = static_cast<double>(known - 1);
  verdict = {backend.smooth,
             std::min(1.0, student_tail(backend.smooth, degrees) * static_cast<double>(known)),
             backend.outlier,
             backend.outlier && !was,
             value,
             centre + (backend.usual - kFar) * spread,
             centre + (backend.usual + kFar) * spread};
}

std::span<const PeerVerdict> PeerOutlier::observe(std::span<const double> values) {
  const std::span<const double> mine = values.first(std::min(values.size(), backends_.size()));
  std::fill(verdicts_.begin(), verdicts_.end(), PeerVerdict{});
  const auto known = static_cast<size_t>(
      std::count_if(mine.begin(), mine.end(), [](double value) { return !std::isnan(value); }));
  if (known < 3) return verdicts_;
  const double centre = median(mine);
  for (size_t i = 0; i < mine.size(); ++i)
    distances_[i] = std::fabs(mine[i] - centre);
  const double spread = 1.4826 * median(std::span(distances_).first(mine.size())) +
                        kLeastSpread * std::fabs(centre) + std::numeric_limits<double>::min();
  for (size_t i = 0; i < mine.size(); ++i)
    if (!std::isnan(mine[i])) judge(i, mine[i], centre, spread, known);
  return verdicts_;
}

void PeerOutlier::accept(size_t backend) {
  if (backend >= backends_.size()) return;
  backends_[backend].usual += backends_[backend].smooth;
  backends_[backend].smooth = 0;
  backends_[backend].outlier = false;
}

std::string peer_words(const PeerVerdict& verdict) {
  if (!verdict.outlier) return {};
  const auto number = [&](double value) {
    constexpr double kNothing = 1e-6;  // beside what was seen: siblings that are all 0 have no width
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4g",
                  std::fabs(value) < kNothing * std::fabs(verdict.observed) ? 0.0 : value);
    return std::string(text.data());
  };
  const std::string low = number(verdict.expected_low);
  const std::string high = number(verdict.expected_high);
  return number(verdict.observed) + " is far " + (verdict.distance > 0 ? "above" : "below") +
         " its siblings' " + (low == high ? low : low + " to " + high);
}

}  // namespace shunt
