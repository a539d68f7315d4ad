// The values of a configuration's parts as (key, text), for comparing two of them field by field.
//
// Keys are the file's, all of a section's but for what stands in sections of its own (pool.backend) and what
// this version takes only one choice of. tests/unit/plan_test.cc compares them with the option rows, so a new
// option can't be forgotten.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config.h"

namespace shunt {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(const PortConfig& port);
Fields fields_of(const PoolConfig& pool);        // health's as "health.interval"; not its backends
Fields fields_of(const BackendConfig& backend);  // and "admin", which no file has
Fields fields_of(const ServiceConfig& service);  // timeouts' as "timeouts.syn"
// Of the sections that stand once: "node.name", "icmp.rate".
Fields node_fields_of(const Config& config);

// The file's word for an enumeration's value, by its option row; its number where the row has none.
std::string choice_text(std::string_view section, std::string_view key, int value);

}  // namespace shunt
