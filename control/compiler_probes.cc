// The Compiler's part about checks through tunnels: which probe address stands for whom.
#include <utility>
#include <vector>

#include "control/compiler.h"
#include "control/probe_prefix.h"

namespace shunt {

void Compiler::refresh_probes() {
  shared_.probe_prefixes = probe_prefixes(config_);
  std::vector<std::pair<AddressKey, ProbeTarget>> rows;
  for (const auto& [name, pool] : registry_.pools()) {
    const ServiceConfig* service =
        probe_prefix_of(config_, pool.config) ? tunnel_service(config_, pool.config) : nullptr;
    if (service == nullptr || !pool.configured) continue;
    const ServiceRecord& record =
        registry_.services().at({service->address, service->protocol, service->port});
    const auto position = record.position_of(name);
    if (!position) continue;
    for (const auto& backend : pool.backends) {
      if (!backend || !backend->is_active()) continue;
      const auto address = probes_.of(name, backend->config);
      if (address)
        rows.emplace_back(AddressKey::of(*address),
                          ProbeTarget{record.id, BackendRef::of(*position, backend->number)});
    }
  }
  shared_.probes = std::make_shared<const AddressMap<ProbeTarget>>(rows);
}

// The VIPs from which answers to such checks come.
void Compiler::add_probed_vips(std::vector<std::pair<AddressKey, uint8_t>>& urgent) const {
  for (const PoolConfig& pool : config_.pools) {
    if (!probe_prefix_of(config_, pool)) continue;
    const ServiceConfig* service = tunnel_service(config_, pool);
    urgent.emplace_back(AddressKey::of(service->address.network()), uint8_t{1});
  }
}

}  // namespace shunt
