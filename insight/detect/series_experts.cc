// The experts' quantities, and their bands in the series' own unit.
#include "insight/detect/series_experts.h"

#include <cmath>
#include <limits>

namespace shunt {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr double kLevelMemory = 72;   // values
constexpr double kStillness = 1e-6;   // of the values' range: changes up to it are none
constexpr double kLeastNoise = 1e-3;  // of the values' range: a deviation below it is as good as none

constexpr size_t at(Expert expert) {
  return static_cast<size_t>(expert);
}

}  // namespace

std::string_view expert_name(Expert expert) {
  static constexpr std::array<std::string_view, kExperts> kNames = {"value",       "long_mean", "departure",
                                                                    "middle_mean", "season",    "level_shift",
                                                                    "variance",    "robust_z",  "flatline"};
  return kNames[at(expert)];
}

double SeriesExperts::width() const {
  const RecordRange& range = ranges_[at(Expert::value)];
  return range.known() ? range.high() - range.low() : 0.0;
}

void SeriesExperts::find_quantities(int64_t time_s, double value) {
  std::array<double, kExperts>& q = quantities_;
  q.fill(kUnknown);
  q[at(Expert::value)] = value;
  // The inverse hyperbolic sine: as it is when small, a logarithm when large.
  q[at(Expert::robust_z)] = std::asinh(robust_.z(value));
  if (recent_.seen(RecentValues::kShort))
    q[at(Expert::season)] = day_.residual(time_s, recent_.short_mean()).value_or(kUnknown);
  if (recent_.seen(RecentValues::kMiddle)) q[at(Expert::middle_mean)] = recent_.middle_mean();
  if (recent_.seen(RecentValues::kLong)) {
    q[at(Expert::long_mean)] = recent_.long_mean();
    q[at(Expert::departure)] = value - level_;
    if (width() > 0) q[at(Expert::variance)] = std::log(recent_.long_deviation() / width() + kLeastNoise);
  }
  if (recent_.seen(RecentValues::kAll))
    q[at(Expert::level_shift)] = recent_.long_mean() - recent_.older_mean();
}

Excesses SeriesExperts::look(int64_t time_s, double value) {
  if (points_ == 0) origin_ = value;
  moved_ = value - origin_;
  recent_.add(moved_);
  level_ += (moved_ - level_) / std::fmin(static_cast<double>(points_) + 1, kLevelMemory);
  stands_still_ = flat_.add(moved_, kStillness * width());
  find_quantities(time_s, moved_);

  Excesses excess{};
  ++points_;
  for (size_t i = 0; i < kExperts; ++i)
    if (!std::isnan(quantities_[i])) excess[i] = ranges_[i].excess(quantities_[i]);
  excess[at(Expert::flatline)] = stands_still_ ? 1.0 : 0.0;
  return excess;
}

Band SeriesExperts::band(Expert expert) const {
  const double quantity = quantities_[at(expert)];
  const RecordRange& range = ranges_[at(expert)];
  // The band of a difference lies around what is subtracted.
  const auto around = [&](double base) {
    return Band{origin_ + base + quantity, origin_ + base + range.low(), origin_ + base + range.high()};
  };
  switch (expert) {
    case Expert::value:
    case Expert::long_mean:
    case Expert::middle_mean:
      return around(0);
    case Expert::departure:
      return around(level_);
    case Expert::season:
      return around(recent_.short_mean() - quantity);
    case Expert::level_shift:
      return around(recent_.older_mean());
    case Expert::variance: {
      const auto deviation = [&](double log) {
        return std::fmax(0, width() * (std::exp(log) - kLeastNoise));
      };
      return {deviation(quantity), deviation(range.low()), deviation(range.high())};
    }
    case Expert::robust_z: {
      const auto value = [&](double z) { return origin_ + robust_.value_at(std::sinh(z)); };
      return {value(quantity), value(range.low()), value(range.high())};
    }
    case Expert::flatline:
      break;
  }
  return {origin_ + moved_, origin_ + moved_, origin_ + moved_};
}

void SeriesExperts::learn(double forget) {
  for (size_t i = 0; i < kExperts; ++i)
    if (!std::isnan(quantities_[i])) ranges_[i].learn(quantities_[i], forget);
  if (recent_.seen(RecentValues::kShort)) day_.learn(recent_.short_mean());
  robust_.learn(moved_);
}

void SeriesExperts::widen(double widths) {
  for (RecordRange& range : ranges_)
    range.widen(widths);
}

}  // namespace shunt
