// From TOML text to a checked Config, or to every reason why not. Pure but for load_config_file's reading.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config.h"
#include "control/diagnostic.h"

namespace shunt {

// A configuration's text that was accepted, and what it says: what discovered backends and edits are laid
// over (desired_state.h).
struct ConfigSource {
  std::string file;
  std::string text;
  std::string digest;  // text_digest(text)
  Config config;
};

struct LoadResult {
  std::optional<Config> config;                     // there if and only if `errors` is empty
  std::vector<Diagnostic> errors;                   // all of the file, sorted by position
  std::vector<Diagnostic> warnings;                 // of a file that parses, also beside errors
  std::shared_ptr<const ConfigSource> source = {};  // beside a config
};

// `file_name` is what diagnostics call the file. A syntax error or repeated key ends the parse and is the
// only error. node.name stays empty where the file has none.
LoadResult load_config(std::string_view toml_text, std::string file_name);

// At most 64 MiB. A file that can't be read is one error, without a line. node.name is the host's by default.
LoadResult load_config_file(const std::string& path);

// As load_config, with the host's name as load_config_file has it.
LoadResult load_config_text(std::string_view toml_text, std::string file_name);

// SHA-256 in hexadecimal digits: what says that a file is still what it was.
std::string text_digest(std::string_view text);

}  // namespace shunt
