// From a parsed TOML table to a Config whose single values are good: types, ranges, choices, required keys.
// What depends on other values is config_validate's.
#pragma once

#include <toml++/toml.h>

#include "control/config_origin.h"
#include "control/report.h"

namespace shunt {

struct ReadConfig {
  Config config;
  ConfigOrigin origin;
};

ReadConfig read_config(const toml::table& root, Report& report);

}  // namespace shunt
