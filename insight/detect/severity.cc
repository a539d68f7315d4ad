// Weights and bounds of severity.h.
#include "insight/detect/severity.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace shunt {
namespace {

constexpr double kFullEvidence = 6;  // orders of magnitude
constexpr double kFastBurn = 14.4;
constexpr double kPersists_s = 300;

double unit(double x) {
  return x > 0 ? std::min(x, 1.0) : 0.0;
}

double evidence(const Impact& impact) {
  return unit(-std::log10(std::clamp(impact.p_value, 1e-300, 1.0)) / kFullEvidence);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  static constexpr std::array<std::string_view, 4> kNames = {"info", "minor", "major", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

double severity_score(const Impact& impact) {
  const double extent = std::max(unit(impact.traffic_share), unit(impact.slo_burn / kFastBurn));
  const double persistence = unit(impact.duration_s / kPersists_s);
  return evidence(impact) * (0.3 + 0.5 * extent + 0.2 * persistence);
}

Severity severity_of(const Impact& impact) {
  const double score = severity_score(impact);
  if (score >= 0.7 || (impact.slo_burn >= kFastBurn && impact.p_value < 1e-3)) return Severity::critical;
  if (score >= 0.45) return Severity::major;
  return score >= 0.25 ? Severity::minor : Severity::info;
}

}  // namespace shunt
