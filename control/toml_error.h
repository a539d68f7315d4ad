// Turns what toml++ says about a file that it can't parse into a diagnostic.
//
// toml++ points to the end of a repeated key's value; we point to the key. Cost: one pass over the text.
#pragma once

#include <toml++/toml.h>

#include "control/report.h"

namespace shunt {

void report_toml_error(const toml::parse_error& failure, Report& report);

// Byte offset and length of the key whose value ends at (or just before) `offset`. The text before it is
// valid TOML.
struct KeySpan {
  size_t begin = 0;
  size_t size = 0;
};
KeySpan key_of_value_ending_at(std::string_view text, size_t offset);

}  // namespace shunt
