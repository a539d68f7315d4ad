// The rows of what every shuntd answers: the node's state, what flows tell, events, figures, the reload, and
// the simple endpoints; and those of api_edit_routes.h. Paths: docs/api.md.
#pragma once

#include <functional>
#include <vector>

#include "control/api_route.h"

namespace shunt {

struct ApiContext;

// The rows refer to the context, which owns them. `simple_writes`: whether a GET may change the scheduler,
// now.
std::vector<ApiRoute> node_routes(ApiContext& context, std::function<bool()> simple_writes);

// Those that answer a query by ?service=NAME: 404 for one that nobody knows.
std::optional<ApiResponse> complaint_about_service(StatusSource& source, const ApiCall& call);

// A number of the query from `min` to `max`, `absent` where it isn't there; 400 otherwise.
struct QueryNumber {
  uint64_t value = 0;
  std::optional<ApiResponse> complaint;
};
QueryNumber number_in(const ApiCall& call, const std::string& name, uint64_t min, uint64_t max,
                      uint64_t absent);

}  // namespace shunt
