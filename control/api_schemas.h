// The schemas of shuntd's API (http/api_schema.h says how they are written).
#pragma once

#include "http/api_schema.h"

namespace shunt {

// By name, in the short form.
const SchemaJson& api_schemas();

}  // namespace shunt
