// The simple endpoints: `/`, `/stats`, `/algorithm/{name}`, `/request`: one GET each, for a person with a
// browser or a script with curl.
#pragma once

#include <vector>

#include "http/api_route.h"

namespace shunt {

struct NodeApi;

std::vector<ApiRoute> simple_routes(NodeApi& node);

}  // namespace shunt
