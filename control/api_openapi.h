// The OpenAPI 3.1 document of the API, written from its rows.
#pragma once

#include <string>

#include "control/api_route.h"

namespace shunt {

// JSON text. Every row is there, so it can't be behind the code.
std::string openapi_document(const ApiRouteTable& table, const std::string& version);

}  // namespace shunt
