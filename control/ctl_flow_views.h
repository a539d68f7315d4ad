// What flows tell, for people: answers of /api/v1/latency, outcomes and flows as tables (see ctl_views.h).
#pragma once

#include <string>

#include "common/result.h"
#include "control/ctl_views.h"

namespace shunt {

Result<> show_latency(const std::string& answer, const CtlIo& io);
Result<> show_outcomes(const std::string& answer, const CtlIo& io);
Result<> show_flows(const std::string& answer, const CtlIo& io);

}  // namespace shunt
