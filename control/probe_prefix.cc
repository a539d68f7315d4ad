#include "control/probe_prefix.h"

#include <algorithm>

namespace shunt {

const ServiceConfig* tunnel_service(const Config& config, const PoolConfig& pool) {
  const auto found = std::ranges::find_if(config.services, [&](const ServiceConfig& service) {
    return service.pool == pool.name || service.backup_pool == pool.name;
  });
  return found != config.services.end() ? &*found : nullptr;
}

std::optional<Prefix> probe_prefix_of(const Config& config, const PoolConfig& pool) {
  if (!pool.health || pool.health->via != HealthVia::tunnel) return std::nullopt;
  const ServiceConfig* service = tunnel_service(config, pool);
  if (service == nullptr) return std::nullopt;
  if (pool.probe_prefix) return pool.probe_prefix;
  return Prefix::parse(service->address.address.is_v4() ? "198.18.0.0/15" : "2001:2::/48");
}

std::vector<Prefix> probe_prefixes(const Config& config) {
  std::vector<Prefix> prefixes;
  for (const PoolConfig& pool : config.pools) {
    const auto prefix = probe_prefix_of(config, pool);
    if (prefix && std::ranges::find(prefixes, *prefix) == prefixes.end()) prefixes.push_back(*prefix);
  }
  return prefixes;
}

uint32_t probe_capacity(const Prefix& prefix) {
  constexpr unsigned kMostBits = 20;
  const unsigned bits = std::min(prefix.address.bits() - prefix.length, kMostBits);
  return bits < 2 ? 0 : (1U << bits) - 2;
}

}  // namespace shunt
