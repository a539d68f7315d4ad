// The status as JSON: the bodies of the API's answers (docs/api.md). Keys keep the order in which a person
// reads them.
//
// Text that isn't UTF-8 is repaired (U+FFFD), so writing never fails.
#pragma once

#include <string>
#include <vector>

#include "control/status.h"

namespace shunt {

std::string status_json(const NodeStatus& node, const std::vector<WorkerStatus>& workers,
                        const std::vector<PortStatus>& ports);
std::string services_json(const std::vector<ServiceStatus>& services);
std::string backends_json(const std::vector<ServiceStatus>& services);
std::string drops_json(const DropsReport& report);
std::string findings_json(const std::vector<Finding>& findings);
std::string reload_json(const ReloadReport& report);

// RFC 9457. `more` are lists of texts beside the standard members: {"reasons", {…}}.
struct ProblemList {
  std::string key;
  std::vector<std::string> texts;
};
std::string problem_json(unsigned status, const std::string& title, const std::string& detail,
                         const std::vector<ProblemList>& more);

// "2025-01-31T12:00:00Z"; empty for the epoch.
std::string rfc3339(WallTime time);

}  // namespace shunt
