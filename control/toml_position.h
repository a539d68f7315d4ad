// Where toml++ says that something begins, in our own type.
#pragma once

#include <toml++/toml.h>

#include "control/config.h"

namespace shunt {

inline SourcePosition begin_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

}  // namespace shunt
