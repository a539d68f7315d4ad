// The JSON Schema (draft 2020-12) of the configuration file, made from the option rows: for editors, which
// then complete keys and mark mistakes, and for programs that write configurations.
//
// It never refuses what `shuntctl check` accepts. It knows keys, types, choices, forms and numbers' ranges;
// durations' ranges stand in its texts, and rules between values are `check`'s alone.
#pragma once

#include <string>

namespace shunt {

// Indented, with a newline at the end: configs/shunt.schema.json.
std::string config_schema();

}  // namespace shunt
