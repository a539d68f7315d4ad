// The OpenAPI 3.1 document of the API, written from its rows.
#pragma once

#include <string>

#include "http/api_route.h"
#include "http/api_schema.h"

namespace shunt {

// What the document says of the program.
struct ApiIdentity {
  std::string program;
  std::string version;
  std::string summary;                  // one line
  const SchemaJson* schemas = nullptr;  // by name, in the short form
  bool has_state = true;                // that writes change and tags name (If-Match)
};

// JSON text. Every row is there, so it can't be behind the code.
std::string openapi_document(const ApiRouteTable& table, const ApiIdentity& identity);

}  // namespace shunt
