// What flows tell, as JSON: bodies of the API's answers (docs/api.md), written as status_json.h does.
#pragma once

#include <string>
#include <vector>

#include "control/flow_status.h"

namespace shunt {

std::string outcomes_json(const std::vector<ServiceOutcomes>& services);
std::string latency_json(const std::vector<ServiceLatency>& services);
std::string flows_json(const std::vector<FlowStatus>& flows);
std::string connections_json(const ConnectionPage& page);

}  // namespace shunt
