// Rules of a VIP as a whole, which several services may share: who answers for it, and how it is announced.
#include <algorithm>
#include <map>

#include "control/config_validate.h"

namespace shunt {
namespace {

std::string_view announce_name(Announce announce) {
  switch (announce) {
    case Announce::automatic:
      return "auto";
    case Announce::arp:
      return "arp";
    case Announce::route:
      return "route";
    case Announce::none:
      return "none";
  }
  return "?";
}

bool holds(const Prefix& subnet, const Prefix& vip) {
  return vip.length >= subnet.length && subnet.contains(vip.address);
}

// arp inside a port's own subnet, else route. One that is an address of the host is the kernel's to answer
// for.
Announce default_announce(const ServiceConfig& service, const std::vector<PortConfig>& ports) {
  if (service.unserved == Unserved::punt) return Announce::none;
  for (const PortConfig& port : ports) {
    const bool inside = std::any_of(port.addresses.begin(), port.addresses.end(),
                                    [&](const Prefix& subnet) { return holds(subnet, service.address); });
    if (inside) return Announce::arp;
  }
  return Announce::route;
}

void validate_node_address(const ServiceConfig& service, const ServiceOrigin& origin, const Validation& all) {
  if (origin.given("unserved") && (!origin.has("unserved") || service.unserved == Unserved::punt)) return;
  for (const PortConfig& port : all.config.ports) {
    for (const Prefix& own : port.addresses) {
      if (!service.address.contains(own.address)) continue;
      all.report.error(DiagnosticId::vip_is_node_address, origin.of("address"),
                       "VIP " + tick(service.address.text()) + " takes the address " +
                           tick(own.address.text()) + " of port " + tick(port.name) + " from this node",
                       "with `unserved = \"punt\"` the node keeps what no service takes");
      return;
    }
  }
}

// A VIP is nobody else's: neither everybody's in a subnet, nor where our own outer headers come from.
void validate_own_use(const ServiceConfig& service, const ServiceOrigin& origin, const Validation& all) {
  for (const PortConfig& port : all.config.ports) {
    for (const Prefix& own : port.addresses) {
      if (!service.address.is_host() || own.broadcast() != service.address.address) continue;
      return all.report.error(DiagnosticId::vip_is_broadcast, origin.of("address"),
                              "VIP " + tick(service.address.text()) + " is the broadcast address of " +
                                  tick(own.text()) + " on port " + tick(port.name));
    }
    for (const auto& source : {port.encap_source, port.encap_source6}) {
      if (!source ||
          (!source->contains(service.address.address) && !service.address.contains(source->address)))
        continue;
      return all.report.error(DiagnosticId::vip_is_encap_source, origin.of("address"),
                              "VIP " + tick(service.address.text()) + " and the `encap_source` " +
                                  tick(source->text()) + " of port " + tick(port.name) + " overlap");
    }
  }
}

void settle_announce(ServiceConfig& service, const ServiceOrigin& origin, Validation& all) {
  if (service.announce == Announce::automatic) {
    service.announce = default_announce(service, all.config.ports);
  } else if (service.unserved == Unserved::punt && service.announce != Announce::none) {
    all.report.error(
        DiagnosticId::announced_punt, origin.of("announce"),
        "with `unserved = \"punt\"` the kernel answers for the VIP: `announce` can only be none");
  }
}

void agree_with_first(size_t index, size_t first, const Validation& all) {
  const ServiceConfig& service = all.config.services[index];
  const ServiceConfig& other = all.config.services[first];
  const ServiceOrigin& origin = all.origin.services[index];
  const ServiceOrigin& other_origin = all.origin.services[first];
  const std::string whose = " of the same VIP: service " + tick(other.name) + " in line " +
                            std::to_string(other_origin.header.line) + " has ";
  const auto known = [&](std::string_view key) {
    return origin.has(key) == origin.given(key) && other_origin.has(key) == other_origin.given(key);
  };
  if (!known("unserved") || !known("announce")) return;
  if (service.unserved != other.unserved) {
    all.report.error(DiagnosticId::unserved_differs, origin.of("unserved"),
                     "`unserved` must be the same for all services" + whose +
                         (other.unserved == Unserved::drop ? "drop" : "punt"));
  } else if (service.announce != other.announce) {
    all.report.error(DiagnosticId::announce_differs, origin.of("announce"),
                     "`announce` must be the same for all services" + whose +
                         std::string(announce_name(other.announce)) + ", this one " +
                         std::string(announce_name(service.announce)));
  }
}

}  // namespace

void validate_vips(Validation& all) {
  std::map<Prefix, size_t> first;
  for (size_t i = 0; i < all.config.services.size(); ++i) {
    ServiceConfig& service = all.config.services[i];
    const ServiceOrigin& origin = all.origin.services[i];
    if (!origin.has("address")) continue;
    validate_node_address(service, origin, all);
    validate_own_use(service, origin, all);
    settle_announce(service, origin, all);
    const auto [earlier, is_new] = first.try_emplace(service.address, i);
    if (!is_new) agree_with_first(i, earlier->second, all);
  }
}

}  // namespace shunt
