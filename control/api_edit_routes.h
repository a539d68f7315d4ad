// The API's rows about changes: diff, apply, history, rollback, edits. docs/api.md has them in words.
//
// Their handlers know nothing but ChangeControl; where the source has none yet, they answer 503.
#pragma once

#include <vector>

#include "control/status.h"
#include "http/api_route.h"

namespace shunt {

// The rows refer to the source.
std::vector<ApiRoute> edit_routes(StatusSource& source);

}  // namespace shunt
