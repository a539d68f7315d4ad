#include "control/kernel_wants.h"

#include <algorithm>
#include <optional>

#include "control/probe_prefix.h"
#include "dataplane/neighbour_discovery.h"

namespace shunt {
namespace {

std::optional<uint8_t> port_for(const Config& config, const IpAddress& vip) {
  std::optional<uint8_t> first;
  for (uint8_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    if (port.host_interface.empty()) continue;
    if (std::ranges::any_of(port.addresses, [&](const Prefix& subnet) { return subnet.contains(vip); }))
      return i;
    if (!first) first = i;
  }
  return first;
}

}  // namespace

std::set<NextHopKey> wanted_next_hops(const Registry& registry, const Snapshot& snapshot) {
  std::set<NextHopKey> wanted;
  const auto want = [&](const Route& route, const IpAddress& address) {
    if (!snapshot.ports[route.port].gateway_mac) wanted.emplace(route.port, route.gateway.value_or(address));
  };
  for (const auto& [name, pool] : registry.pools()) {
    for (const auto& backend : pool.backends) {
      if (!backend || !backend->is_present()) continue;
      if (const Route* route = snapshot.routes->find(backend->config.address))
        want(*route, backend->config.address);
    }
  }
  for (const Route& route : snapshot.routes->routes()) {
    if (route.gateway) want(route, *route.gateway);
  }
  return wanted;
}

std::set<VipRoute> wanted_vip_routes(const Config& config, const std::map<Prefix, uint32_t>& announced) {
  std::set<VipRoute> wanted;
  for (const ServiceConfig& service : config.services) {
    if (service.unserved == Unserved::punt) continue;  // a node address: the kernel's own
    const auto port = port_for(config, service.address.address);
    if (!port) continue;
    const auto metric = announced.find(service.address);
    const bool told = metric != announced.end();
    wanted.insert({service.address, *port, told, told ? metric->second : 0});
  }
  return wanted;
}

std::set<VipRoute> wanted_probe_routes(const Config& config) {
  std::set<VipRoute> wanted;
  for (const Prefix& prefix : probe_prefixes(config)) {
    std::optional<uint8_t> first;
    std::optional<uint8_t> chosen;
    for (uint8_t i = 0; i < config.ports.size() && !chosen; ++i) {
      const PortConfig& port = config.ports[i];
      if (port.host_interface.empty()) continue;
      if (!first) first = i;
      const bool same_family = std::ranges::any_of(port.addresses, [&](const Prefix& address) {
        return address.address.family() == prefix.address.family();
      });
      if (same_family) chosen = i;
    }
    if (chosen || first) wanted.insert({prefix, chosen ? *chosen : *first, false});
  }
  return wanted;
}

std::set<std::pair<uint8_t, IpAddress>> wanted_groups(const Snapshot& snapshot) {
  std::set<std::pair<uint8_t, IpAddress>> groups;
  for (const AnnouncedVip& announced : snapshot.announced) {
    const Prefix& vip = announced.vip;
    if (vip.address.is_v4() || !vip.is_host()) continue;
    for (uint8_t port = 0; port < snapshot.ports.size(); ++port) {
      if ((announced.ports >> port & 1U) != 0) groups.emplace(port, solicited_node_group(vip.address));
    }
  }
  return groups;
}

}  // namespace shunt
