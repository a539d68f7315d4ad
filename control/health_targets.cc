#include "control/health_targets.h"

#include <map>
#include <string>

namespace shunt {

std::vector<HealthTarget> health_targets(const Config& config) {
  std::map<std::string, uint16_t> service_ports;
  for (const ServiceConfig& service : config.services) {
    for (const std::string& pool : {service.pool, service.backup_pool}) {
      if (!pool.empty() && service.port != 0) service_ports.try_emplace(pool, service.port);
    }
  }
  std::vector<HealthTarget> targets;
  for (const PoolConfig& pool : config.pools) {
    if (!pool.health) continue;
    for (const BackendConfig& backend : pool.backends) {
      if (backend.admin == AdminState::disabled) continue;
      uint16_t port = pool.health->port != 0 ? pool.health->port : backend.port;
      if (port == 0) port = service_ports[pool.name];
      // No service uses the pool: nothing depends on it.
      if (port == 0 && pool.health->type != HealthType::icmp) continue;
      std::optional<IpAddress> source = pool.health->source;
      if (source && source->family() != backend.address.family()) source.reset();
      targets.push_back({pool.name, backend.name, backend.address, port, *pool.health, pool.damping, source});
    }
  }
  return targets;
}

}  // namespace shunt
