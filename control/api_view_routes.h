// The rows of the API that look into the data plane: the flows that its tables know, and what would become
// of a packet, and packets themselves.
#pragma once

#include <vector>

#include "control/status.h"
#include "http/api_route.h"

namespace shunt {

std::vector<ApiRoute> view_routes(StatusSource& source);

}  // namespace shunt
