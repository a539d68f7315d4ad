// One value's way: look, decide, say, learn.
#include "insight/detect/series_detector.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace shunt {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

}  // namespace

Verdict SeriesDetector::observe(int64_t time_s, double value) {
  if (!std::isfinite(value)) return {};
  const Excesses excesses = experts_.look(time_s, value);
  const Decision decision = gate_.decide(excesses);
  Verdict verdict{decision.score, decision.p_value, decision.alarm, decision.expert, {}};
  if (verdict.score > 0) verdict.band = experts_.band(verdict.expert);
  experts_.learn(forget_);
  return verdict;
}

std::string verdict_words(const Verdict& verdict) {
  if (!(verdict.score > 0)) return {};
  const Band& band = verdict.band;
  const bool above = band.observed > band.high;
  const std::string seen = number(band.low) + " to " + number(band.high);
  const std::string observed = number(band.observed);
  switch (verdict.expert) {
    case Expert::value:
      return observed + (above ? " is above" : " is below") + " all that was seen so far (" + seen + ")";
    case Expert::long_mean:
      return "the mean of the last 72 values, " + observed + ", is " + (above ? "higher" : "lower") +
             " than it ever was (" + seen + ")";
    case Expert::middle_mean:
      return "the mean of the last 12 values, " + observed + ", is " + (above ? "higher" : "lower") +
             " than it ever was (" + seen + ")";
    case Expert::departure:
      return observed + " is farther " + (above ? "above" : "below") +
             " its recent level than ever (expected " + seen + ")";
    case Expert::season:
      return observed + " is unusually " + (above ? "high" : "low") + " for this time of day (expected " +
             seen + ")";
    case Expert::level_shift:
      return "the level moved " + std::string(above ? "up" : "down") + " to " + observed +
             ", more than it ever did (expected " + seen + ")";
    case Expert::variance:
      return std::string(above ? "it varies more" : "it varies less") + " than it ever did (deviation " +
             observed + ", before " + seen + ")";
    case Expert::robust_z:
      return observed + " is farther " + (above ? "above" : "below") + " the median than ever (expected " +
             seen + ")";
    case Expert::flatline:
      return "it stands still at " + observed + ", for longer than it ever did";
  }
  return {};
}

}  // namespace shunt
