// The families of /metrics that tell of flows: outcomes, retries, durations, records. Names: docs/metrics.md.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/flow_status.h"

namespace shunt {

// `collapse`: by service and pool, with an empty `backend`.
void add_outcomes(std::vector<prometheus::MetricFamily>& families,
                  const std::vector<ServiceOutcomes>& services, bool collapse);
void add_retries(std::vector<prometheus::MetricFamily>& families,
                 const std::vector<ServiceOutcomes>& services);
void add_latency(std::vector<prometheus::MetricFamily>& families, const std::vector<ServiceLatency>& services,
                 bool collapse);
void add_records(std::vector<prometheus::MetricFamily>& families, const std::vector<RecordStatus>& workers);

}  // namespace shunt
