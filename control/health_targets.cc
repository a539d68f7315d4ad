#include "control/health_targets.h"

#include <map>
#include <string>
#include <utility>

#include "control/probe_prefix.h"

namespace shunt {

namespace {

// False: nobody could answer, because nobody's packets go that way.
bool go_through_tunnel(HealthTarget& target, const BackendConfig& backend, const PoolConfig& pool,
                       const Config& config, const ProbeAddresses& probes) {
  const ServiceConfig* service = tunnel_service(config, pool);
  target.probe = probes.of(pool.name, backend);
  if (service == nullptr || !target.probe) return false;
  target.vip = service->address.network();
  return true;
}

}  // namespace

std::vector<HealthTarget> health_targets(const Config& config, const ProbeAddresses& probes) {
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
      HealthTarget target;
      target.pool = pool.name;
      target.backend = backend.name;
      target.address = backend.address;
      target.port = port;
      target.config = *pool.health;
      target.damping = pool.damping;
      if (pool.health->via == HealthVia::tunnel && !go_through_tunnel(target, backend, pool, config, probes))
        continue;
      target.source = pool.health->source;
      if (target.source && target.source->family() != target.peer().family()) target.source.reset();
      targets.push_back(std::move(target));
    }
  }
  return targets;
}

}  // namespace shunt
