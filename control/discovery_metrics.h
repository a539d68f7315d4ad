// Metrics of discovery: docs/metrics.md.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/discovery_status.h"

namespace shunt {

void add_discovery(std::vector<prometheus::MetricFamily>& families,
                   const std::vector<DiscoveryStatus>& pools);

}  // namespace shunt
