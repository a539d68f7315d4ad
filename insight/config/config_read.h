// The configuration file of shunt-insight: read as a whole or not at all, everything that is wrong told at
// once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "insight/config/insight_config.h"

namespace shunt::insight {

struct ReadConfig {
  InsightConfig config;             // of use where there are no errors
  std::vector<std::string> errors;  // "FILE:LINE:COLUMN: what", by place
};

// `file` names the text in errors. A syntax error or a key that is there twice ends the reading and is the
// only one.
ReadConfig read_config(std::string_view text, const std::string& file);
ReadConfig load_config(const std::string& path);

}  // namespace shunt::insight
