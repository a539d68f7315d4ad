// The answer of GET /api/v1/discovery. Its form: docs/api.md.
#pragma once

#include <string>
#include <vector>

#include "control/discovery_status.h"

namespace shunt {

std::string discovery_json(const std::vector<DiscoveryStatus>& pools);

}  // namespace shunt
