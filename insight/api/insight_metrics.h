// Metrics of shunt-insight itself and of what it found, in the Prometheus text format 0.0.4
// (docs/metrics.md).
#pragma once

#include <string>

#include "insight/api/api_state.h"

namespace shunt::insight {

// Only open anomalies have a score: at most 500 series.
std::string insight_metrics(const ApiState& state);

}  // namespace shunt::insight
