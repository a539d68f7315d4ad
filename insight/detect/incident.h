// Incidents: anomalies that belong together, what probably caused them, in words. Values in, values out.
//
// Two anomalies belong together when they are near in time (one begins while the other lasts, or within
// `gap_s` behind it) and touch the same service, the same backend, or one of them the node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "insight/detect/anomaly.h"

namespace shunt {

// More are grouped as if only the latest so many were there.
inline constexpr size_t kMostAnomalies = 4'096;

struct Cause {
  Subject subject;
  Kpi kpi = Kpi::flows;  // of its anomaly that tells most
  double score = 0;      // 0 to 1
  std::string why;       // "explains 4 of 5 anomalies, began first"
};

struct Incident {
  int64_t start_s = 0;
  int64_t end_s = 0;
  Severity severity = Severity::info;
  std::vector<size_t> members;  // anomalies, by their place in the input, in the order of time
  std::vector<size_t> hidden;   // those of them that follow from a parent: a page shows them folded
  std::vector<Cause> causes;    // likeliest first, one for each subject that isn't hidden
  std::string headline;         // one line: who, what, since when
  std::string words;            // a few sentences
};

// Incidents in the order of their starts.
std::vector<Incident> group_incidents(std::span<const Anomaly> anomalies, const Topology& topology,
                                      int64_t gap_s = 120);

}  // namespace shunt
