// `shuntctl check FILE`, and where a configuration says that shuntd listens. Needs no root and no daemon.
#pragma once

#include <string>

#include "common/result.h"
#include "control/ctl_exit.h"
#include "control/ctl_views.h"
#include "http/api_address.h"

namespace shunt {

// Prints every error and warning, or that the file is right.
CtlExit check_file(const std::string& file, bool json, const CtlIo& io);

// The first unix socket of [api] listen, else its first address. The error's text is every error of the file.
Result<ApiAddress> api_address_in(const std::string& file);

}  // namespace shunt
