// From TOML text to a checked Config, or to every reason why not. Pure but for load_config_file's reading.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config.h"
#include "control/diagnostic.h"

namespace shunt {

struct LoadResult {
  std::optional<Config> config;      // there if and only if `errors` is empty
  std::vector<Diagnostic> errors;    // all of the file, sorted by position
  std::vector<Diagnostic> warnings;  // of a file that parses, also beside errors
};

// `file_name` is what diagnostics call the file. A syntax error or repeated key ends the parse and is the
// only error. node.name stays empty where the file has none.
LoadResult load_config(std::string_view toml_text, std::string file_name);

// At most 64 MiB. A file that can't be read is one error, without a line. node.name is the host's by default.
LoadResult load_config_file(const std::string& path);

}  // namespace shunt
