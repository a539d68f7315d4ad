// Schemas of the API's answers and bodies, in a short form that the OpenAPI document is written from.
//
// The short form is JSON in which a value names its type: "uint", "int", "number", "text", "time" (RFC 3339),
// "bool", "any"; several with '|'; "null" among them where it may be null; "#Name" is another schema. ["X"]
// is a list of X, {"*": X} an object with any names, {"a": X, "b?": Y} one with the member a and perhaps b.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace shunt {

using SchemaJson = nlohmann::ordered_json;

// A JSON Schema (2020-12) of the short form; `refs` is what stands before a referred name:
// "#/components/schemas/". Throws std::invalid_argument where the form is wrong, which a test would find.
SchemaJson expanded_schema(const SchemaJson& form, std::string_view refs);

}  // namespace shunt
