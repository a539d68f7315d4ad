// Schemas of insight's API, by name, in the short form of http/api_schema.h.
#pragma once

#include "http/api_schema.h"

namespace shunt::insight {

const SchemaJson& insight_schemas();

}  // namespace shunt::insight
