// Weights and bounds of severity.h.
#include "insight/detect/severity.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace shunt {
namespace {

constexpr double kFullEvidence = 6;  // orders of magnitude
constexpr double kMinor = 0.25;
constexpr double kMajor = 0.45;
constexpr double kCritical = 0.7;
constexpr double kFullBurn = 10 * kFastBurn;
constexpr double kMuchSpent = 0.02;
constexpr double kPersists_s = 300;
constexpr double kHalf = 0.5;

double unit(double x) {
  return x > 0 ? std::min(x, 1.0) : 0.0;
}

double evidence(const Impact& impact) {
  return unit(-std::log10(std::clamp(impact.p_value, 1e-300, 1.0)) / kFullEvidence);
}

// However few flows it had: those that are left carry them now, and another one may go.
double of_capacity(const Impact& impact) {
  const double lost = unit(impact.capacity_lost);
  if (lost <= 0) return 0;
  return lost >= kHalf ? kCritical + 0.6 * (lost - kHalf) : kMajor + 0.4 * lost;
}

bool burns_fast(const Impact& impact) {
  return impact.slo_burn >= kFastBurn && impact.budget_spent >= kMuchSpent && impact.p_value < 1e-3;
}

}  // namespace

std::string_view severity_name(Severity severity) {
  static constexpr std::array<std::string_view, 4> kNames = {"info", "minor", "major", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

double severity_score(const Impact& impact) {
  const double extent = std::max(unit(impact.traffic_share), unit(impact.slo_burn / kFullBurn));
  const double persistence = unit(impact.duration_s / kPersists_s);
  const double touched = 0.3 + 0.5 * extent + 0.2 * persistence;
  const double score = evidence(impact) * std::max(touched, of_capacity(impact));
  return burns_fast(impact) ? std::max(score, kCritical) : score;
}

Severity severity_of(const Impact& impact) {
  const double score = severity_score(impact);
  if (score >= kCritical) return Severity::critical;
  if (score >= kMajor) return Severity::major;
  return score >= kMinor ? Severity::minor : Severity::info;
}

}  // namespace shunt
