// RoutesStatus as the JSON of /api/v1/routes.
#pragma once

#include <string>

#include "control/route_status.h"

namespace shunt {

std::string routes_json(const RoutesStatus& routes);

}  // namespace shunt
