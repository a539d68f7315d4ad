// Who of an incident's subjects probably caused it, and which anomalies only follow from a parent's. Pure
// functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "insight/detect/incident.h"

namespace shunt {

// Members whose parent says it already: everything of a service that is down, or of a node that is; and what
// most backends of a service show when the service shows it too (then it is the service's, not theirs).
std::vector<size_t> hidden_members(std::span<const Anomaly> anomalies, std::span<const size_t> members,
                                   const Topology& topology);

// The subjects that aren't hidden, likeliest first. A subject's score is
//   0.40 × the part of the incident's anomalies that it explains (topology: itself; a service its backends
//   when most of
//          them are touched by something of their own, else a backend its services, and its siblings'
//          reconnects, shares and active flows; the node everything),
// + 0.25 × how early it began (e^(-delay / 60 s)),
// + 0.20 × its highest severity score,
// + 0.15 × how much its KPI is a cause and not a symptom (down, then a full machine, then traffic, then
// failures, then latency).
std::vector<Cause> rank_causes(std::span<const Anomaly> anomalies, std::span<const size_t> members,
                               std::span<const size_t> hidden, const Topology& topology);

}  // namespace shunt
