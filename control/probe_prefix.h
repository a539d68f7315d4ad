// What checks through a pool's tunnel go by: which service's way they take, and the network that stands for
// the pool's backends. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/config.h"

namespace shunt {

// The first service in the file that has this pool, as pool or backup_pool; nullptr: none has.
const ServiceConfig* tunnel_service(const Config& config, const PoolConfig& pool);

// Nothing: its backends aren't checked through the tunnel. By default what is set aside for benchmarks and so
// is on no network in use: 198.18.0.0/15 (RFC 2544 C.2.2) or 2001:2::/48 (RFC 5180 8), as the VIP is.
std::optional<Prefix> probe_prefix_of(const Config& config, const PoolConfig& pool);
std::vector<Prefix> probe_prefixes(const Config& config);  // of all pools, each once

// How many backends a prefix can stand for: all its addresses but the first, which is the kernel's gateway to
// the others, and the last; 1,048,576 at most.
uint32_t probe_capacity(const Prefix& prefix);

}  // namespace shunt
