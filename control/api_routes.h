// The rows of what every shuntd answers: the node's state, what flows tell, events, figures, the reload, and
// the simple endpoints; and those of api_edit_routes.h. Paths: docs/api.md.
#pragma once

#include <optional>
#include <vector>

#include "control/status.h"
#include "http/api_number.h"
#include "http/api_route.h"

namespace shunt {

struct NodeApi;

// The rows refer to `node`, which outlives the server that has them.
std::vector<ApiRoute> node_routes(NodeApi& node);

// Those that answer a query by ?service=NAME: 404 for one that nobody knows.
std::optional<ApiResponse> complaint_about_service(StatusSource& source, const ApiCall& call);

}  // namespace shunt
