// Severity: how much an anomaly matters, as a pure function of how sure, how long, how many are touched, what
// capacity is gone and how fast the error budget goes. Why so: docs/detection.md.
#pragma once

#include <cstdint>
#include <string_view>

namespace shunt {

enum class Severity : uint8_t { info, minor, major, critical };
std::string_view severity_name(Severity severity);

// A burn that spends 2 % of a month's budget in an hour: Google's "The Site Reliability Workbook", chapter 5.
inline constexpr double kFastBurn = 14.4;

struct Impact {
  double p_value = 1;        // 0 to 1
  double duration_s = 0;     // so far
  double traffic_share = 0;  // of the flows that are touched, 0 to 1
  double slo_burn = 0;       // times the rate at which the error budget would last its period exactly
  double budget_spent = 0;   // of a thirty-day error budget, in the last hour or so, 0 to 1
  double capacity_lost = 0;  // what is down of what should serve (by weight), 0 to 1
};

// 0 to 1; grows with each part (as the p-value falls). Evidence, which is full at a p-value of 1e-6, times
// the larger of these two:
// 0.3 + 0.5 × extent + 0.2 × persistence. Extent is the larger of traffic share and burn over 144 (a month's
// budget gone in five hours); persistence is full after five minutes.
// Where capacity is lost: 0.45 (major) and up to 0.65 for what is lost of it; from half of it on 0.7
// (critical) and up to 1 for all.
//
// At least 0.7 when a burn of kFastBurn and more has spent 2 % of a month's budget and the p-value is below
// 1e-3.
double severity_score(const Impact& impact);

// critical from 0.7, major from 0.45, minor from 0.25.
Severity severity_of(const Impact& impact);

}  // namespace shunt
