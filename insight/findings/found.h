// What was found, as the API shows it: an anomaly with its id, an incident with those of its members.
//
// Values. Units of an anomaly's observed and expected by KPI: up 0 or 1; failures, syn_retransmits,
// reconnects, share, cpu, memory, disk 0 to 1; latency microseconds (95th percentile of handshakes; against
// siblings the median); flows a second; active_flows a number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insight/detect/anomaly.h"
#include "insight/detect/incident.h"
#include "insight/kpi/series_name.h"

namespace shunt::insight {

struct FoundAnomaly {
  int64_t id = 0;
  SeriesName series;     // node "": of all nodes together; a node's own has nothing but its name
  Anomaly anomaly;       // subject, KPI, times, score, severity, band, reason
  std::string detector;  // state, threshold, binomial, burn, peer, or the expert of the series' own history
  bool open = true;
  bool accepted = false;            // a person said that it is expected
  std::optional<int64_t> incident;  // its id
};

struct FoundIncident {
  int64_t id = 0;
  bool open = true;
  Incident incident;             // its members and hidden are empty: they are below
  std::vector<int64_t> members;  // ids of anomalies, in the order of time
  std::vector<int64_t> hidden;   // those that follow from a parent
};

}  // namespace shunt::insight
