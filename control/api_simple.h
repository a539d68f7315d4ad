// The simple endpoints: `/`, `/stats`, `/algorithm/{name}`, `/request`: one GET each, for a person with a
// browser or a script with curl.
#pragma once

#include <functional>
#include <vector>

#include "control/api_route.h"

namespace shunt {

struct ApiContext;

std::vector<ApiRoute> simple_routes(ApiContext& context, std::function<bool()> simple_writes);

}  // namespace shunt
