// Severity: how much an anomaly matters, as a pure function of how sure, how long and how many are touched.
#pragma once

#include <cstdint>
#include <string_view>

namespace shunt {

enum class Severity : uint8_t { info, minor, major, critical };
std::string_view severity_name(Severity severity);

struct Impact {
  double p_value = 1;        // 0 to 1
  double duration_s = 0;     // so far
  double traffic_share = 0;  // of the flows that are touched, 0 to 1
  double slo_burn = 0;       // times the rate at which the error budget would last its period exactly
};

// 0 to 1; grows with each of the four (as the p-value falls). Evidence × (0.3 + 0.5 × extent + 0.2 ×
// persistence): evidence is full at a p-value of 1e-6, extent the larger of traffic share and burn over 14.4
// (a thirty-day budget gone in two days: Google's "The Site Reliability Workbook", chapter 5), persistence
// full after five minutes.
double severity_score(const Impact& impact);

// critical from 0.7, major from 0.45, minor from 0.25. A burn of 14.4 and more with a p-value below 1e-3 is
// critical at once.
Severity severity_of(const Impact& impact);

}  // namespace shunt
