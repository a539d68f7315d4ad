// `shuntctl discovery`: see ctl_views.h.
#pragma once

#include <string>

#include "control/ctl_views.h"

namespace shunt {

Result<> show_discovery(const std::string& answer, const CtlIo& io);

}  // namespace shunt
