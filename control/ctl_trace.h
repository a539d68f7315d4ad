// `shuntctl trace` for people: the answer of /api/v1/trace as the steps of a packet's way.
#pragma once

#include <string>

#include "common/result.h"
#include "control/ctl_views.h"

namespace shunt {

Result<> show_trace(const std::string& answer, const CtlIo& io);

}  // namespace shunt
