// The status as JSON: the bodies of the API's answers (docs/api.md). Keys keep the order in which a person
// reads them.
//
// Text that isn't UTF-8 is repaired (U+FFFD), so writing never fails.
#pragma once

#include <string>
#include <vector>

#include "control/status.h"
#include "http/api_time.h"

namespace shunt {

std::string status_json(const NodeStatus& node, const std::vector<WorkerStatus>& workers,
                        const std::vector<PortStatus>& ports);
std::string services_json(const std::vector<ServiceStatus>& services);
std::string backends_json(const std::vector<ServiceStatus>& services);
std::string drops_json(const DropsReport& report);
std::string findings_json(const std::vector<Finding>& findings);
std::string reload_json(const ReloadReport& report);

}  // namespace shunt
