// Which backends are checked, where and how: the configuration's `health`, backend by backend. Pure.
#pragma once

#include <vector>

#include "control/config.h"
#include "control/health_check.h"
#include "control/probe_addresses.h"

namespace shunt {

// One for each backend of a pool with `health`. The port is health.port, else the backend's, else that of the
// services that use the pool (validation has seen to it that there is one).
std::vector<HealthTarget> health_targets(const Config& config, const ProbeAddresses& probes);

}  // namespace shunt
