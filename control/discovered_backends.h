// The file's configuration and what discovery found, as one configuration.
//
// Pure. What a file may not say of a backend, a discovered one may not be either; such an entry is left out
// and named, the others of its pool are taken. Inline backends come first and always stay: a discovered one
// with the address and port of one of them is that one. Cost: a copy of the configuration, and a look-up for
// each discovered backend and service of its pool.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/config.h"

namespace shunt {

// What each pool's source says now, by the pool's name.
using Discovered = std::map<std::string, std::vector<BackendConfig>>;

struct RefusedBackend {
  std::string pool;
  std::string backend;
  std::string reason;
  bool operator==(const RefusedBackend&) const = default;
  std::string text() const { return pool + "/" + backend + ", which was discovered, is left out: " + reason; }
};

struct EffectiveConfig {
  Config config;
  std::vector<RefusedBackend> refused;
};

inline constexpr size_t kMostPoolBackends = 16'383;  // numbers of a pool: control/registry.h

// `file` has been validated. Pools that the file doesn't have, or that have no `discovery` there, are
// ignored. A discovered backend stands where its pool does.
EffectiveConfig with_discovered(const Config& file, const Discovered& discovered);

}  // namespace shunt
