// Rules of checks through the tunnel (`via = "tunnel"` in a pool's health) and of probe_prefix.
#include <algorithm>
#include <optional>
#include <string>

#include "control/config_validate.h"
#include "control/probe_prefix.h"

namespace shunt {
namespace {

bool overlap(const Prefix& a, const Prefix& b) {
  return a.contains(b.address) || b.contains(a.address);
}

// What of the configuration has addresses of the prefix; empty: nothing.
std::string other_use(const Prefix& prefix, const Config& config) {
  for (const ServiceConfig& service : config.services) {
    if (overlap(prefix, service.address)) return "VIP " + tick(service.address.text());
  }
  for (const PortConfig& port : config.ports) {
    for (const Prefix& subnet : port.addresses) {
      if (overlap(prefix, subnet)) return tick(subnet.text()) + " of port " + tick(port.name);
    }
    for (const auto& source : {port.encap_source, port.encap_source6}) {
      if (source && overlap(prefix, *source))
        return "the `encap_source` " + tick(source->text()) + " of port " + tick(port.name);
    }
  }
  return {};
}

struct TunnelPool {
  const PoolConfig& pool;
  const PoolOrigin& origin;
  Validation& all;

  void error(DiagnosticId id, const std::string& text, const std::string& hint = {}) const {
    all.report.error(id, origin.health.of("via"), text, hint);
  }
};

// Nothing more can be said about it.
bool has_way(const TunnelPool& tunnel) {
  const std::string name = tick(tunnel.pool.name);
  if (std::ranges::all_of(tunnel.all.config.ports,
                          [](const PortConfig& port) { return port.host_interface.empty(); })) {
    tunnel.error(DiagnosticId::tunnel_without_interface,
                 "checks through the tunnel begin at a `host_interface`, and no port has one");
    return false;
  }
  if (tunnel_service(tunnel.all.config, tunnel.pool) != nullptr) return true;
  tunnel.error(DiagnosticId::tunnel_without_service,
               "no service uses pool " + name + ": there is no VIP to check its backends by");
  return false;
}

// The check stands for every service that uses the pool, so their packets must travel alike.
void check_service(const TunnelPool& tunnel, const ServiceConfig& service, const ServiceConfig& first) {
  const std::string name = "service " + tick(service.name);
  if (service.forward == Forward::nat) {
    return tunnel.error(DiagnosticId::tunnel_of_nat,
                        name + " is nat, which has no tunnel: a plain check meets the same",
                        "leave `via` out");
  }
  if (service.unserved == Unserved::punt) {
    return tunnel.error(DiagnosticId::tunnel_of_node_address,
                        "the VIP of " + name + " is this node's own address: a backend that has it too " +
                            "takes a check from there for its own");
  }
  const bool differs = service.forward != first.forward || service.gue_variant != first.gue_variant ||
                       service.address.address.family() != first.address.address.family();
  if (!differs) return;
  tunnel.error(DiagnosticId::tunnel_differs,
               "checks of pool " + tick(tunnel.pool.name) + " can't go both ways: packets of service " +
                   tick(first.name) + " and " + name + " travel differently",
               "give one of them a pool of its own");
}

// What comes from an interface that shunt has nothing to do with isn't let into the tunnel.
void warn_of_source(const TunnelPool& tunnel, const ServiceConfig& service) {
  const Family family = service.address.address.family();
  const auto& source = tunnel.pool.health->source;
  const bool has_source = std::ranges::any_of(tunnel.all.config.ports, [&](const PortConfig& port) {
    return !port.host_interface.empty() && std::ranges::any_of(port.addresses, [&](const Prefix& own) {
      return own.address.family() == family;
    });
  });
  if (has_source || (source && source->family() == family)) return;
  const std::string name = family == Family::ipv4 ? "IPv4" : "IPv6";
  tunnel.all.report.warning(DiagnosticId::tunnel_without_source, tunnel.origin.health.of("via"),
                            "no host_interface has an " + name +
                                " address in `addresses`: unless it gets one elsewhere, checks of pool " +
                                tick(tunnel.pool.name) + " have none to come from");
}

void check_prefix(const TunnelPool& tunnel, const ServiceConfig& service) {
  const auto prefix = probe_prefix_of(tunnel.all.config, tunnel.pool);
  if (!prefix) return;
  const bool own = tunnel.pool.probe_prefix.has_value();
  const SourcePosition where = own ? tunnel.origin.of("probe_prefix") : tunnel.origin.health.of("via");
  Report& report = tunnel.all.report;
  const bool v4 = service.address.address.is_v4();
  if (prefix->address.is_v4() != v4) {
    return report.error(DiagnosticId::bad_probe_prefix, where,
                        "`probe_prefix` must be of the VIP's family, " + std::string(v4 ? "IPv4" : "IPv6"));
  }
  if (!can_be_vip(*prefix)) {
    return report.error(DiagnosticId::bad_probe_prefix, where,
                        tick(prefix->text()) + " can't be used for probe addresses");
  }
  if (probe_capacity(*prefix) < tunnel.pool.backends.size()) {
    return report.error(DiagnosticId::bad_probe_prefix, where,
                        tick(prefix->text()) + " has a probe address for " +
                            std::to_string(probe_capacity(*prefix)) + " backends only, not for " +
                            std::to_string(tunnel.pool.backends.size()));
  }
  const std::string other = other_use(*prefix, tunnel.all.config);
  if (other.empty()) return;
  report.error(DiagnosticId::probe_prefix_overlaps, where,
               "probe addresses " + tick(prefix->text()) + " and " + other + " overlap",
               own ? "" : "give the pool a `probe_prefix` of its own");
}

void validate_pool(size_t index, Validation& all) {
  const TunnelPool tunnel{all.config.pools[index], all.origin.pools[index], all};
  const PoolConfig& pool = tunnel.pool;
  const bool is_checked = pool.health && pool.health->via == HealthVia::tunnel;
  const bool via_known = tunnel.origin.health.has("via") == tunnel.origin.health.given("via");
  if (!is_checked) {
    if (tunnel.origin.has("probe_prefix") && via_known)
      all.report.error(DiagnosticId::probe_prefix_unused, tunnel.origin.of("probe_prefix"),
                       "`probe_prefix` is for checks with `via = \"tunnel\"`");
    return;
  }
  if (!has_way(tunnel)) return;
  const ServiceConfig& first = *tunnel_service(all.config, pool);
  for (const size_t user : all.users[index]) {
    const Origin& origin = all.origin.services[user];
    if (origin.has("forward") != origin.given("forward") || !origin.has("address")) return;
  }
  for (const size_t user : all.users[index])
    check_service(tunnel, all.config.services[user], first);
  check_prefix(tunnel, first);
  warn_of_source(tunnel, first);
}

}  // namespace

void validate_tunnels(Validation& all) {
  for (size_t i = 0; i < all.config.pools.size(); ++i)
    validate_pool(i, all);
}

}  // namespace shunt
