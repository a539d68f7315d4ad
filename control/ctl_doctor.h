// shuntctl doctor: the findings of /api/v1/doctor for a person.
#pragma once

#include <string>

#include "common/result.h"
#include "control/ctl_views.h"

namespace shunt {

Result<> show_findings(const std::string& answer, const CtlIo& io);

}  // namespace shunt
