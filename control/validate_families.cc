// Rules between the families of a VIP and its backends: who may be mixed, whose outer header needs a source,
// and what its bytes leave of an mtu.
#include <algorithm>
#include <array>

#include "control/config_validate.h"

namespace shunt {
namespace {

constexpr uint16_t kSmallestIpv6Mtu = 1'280;  // RFC 8200 5

struct ForwardRow {
  std::string_view name;
  bool encapsulates;
  uint16_t other_bytes;  // of the outer header, beside IP's
};

constexpr ForwardRow row_of(Forward forward) {
  switch (forward) {
    case Forward::l2:
      return {"l2", false, 0};
    case Forward::ipip:
      return {"ipip", true, 0};
    case Forward::gue:
      return {"gue", true, 8};
    case Forward::gre:
      return {"gre", true, 4};
    case Forward::nat:
      return {"nat", false, 0};
    case Forward::full_nat:
      return {"full-nat", false, 0};
  }
  return {"?", false, 0};
}

std::string_view family_text(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

uint16_t outer_bytes(const ServiceConfig& service, Family family) {
  const ForwardRow row = row_of(service.forward);
  if (!row.encapsulates) return 0;
  const unsigned gue = service.forward == Forward::gue && service.gue_variant == 0 ? 4U : 0U;
  return static_cast<uint16_t>((family == Family::ipv4 ? 20U : 40U) + row.other_bytes + gue);
}

// The ports that a backend may be behind: those whose subnets hold it, else all.
std::vector<const PortConfig*> ways_to(const IpAddress& address, const Config& config) {
  std::vector<const PortConfig*> on_link;
  std::vector<const PortConfig*> every;
  for (const PortConfig& port : config.ports) {
    every.push_back(&port);
    const bool holds =
        std::ranges::any_of(port.addresses, [&](const Prefix& subnet) { return subnet.contains(address); });
    if (holds) on_link.push_back(&port);
  }
  return on_link.empty() ? every : on_link;
}

// What a pool has of one family: its first backend, and the one with the least mtu on the way to it.
struct Members {
  const BackendConfig* first = nullptr;  // nullptr: none of this family
  SourcePosition first_at;
  const BackendConfig* narrowest = nullptr;
  const PortConfig* way = nullptr;  // to the narrowest; nullptr: there are no ports
};

Members members_of(const PoolConfig& pool, const PoolOrigin& origin, Family family, const Config& config) {
  Members members;
  for (size_t i = 0; i < pool.backends.size(); ++i) {
    const BackendConfig& backend = pool.backends[i];
    if (!origin.backends[i].has("address") || backend.address.family() != family) continue;
    if (!can_be_backend(backend.address)) continue;
    if (members.first == nullptr) {
      members.first = &backend;
      members.first_at = origin.backends[i].of("address");
    }
    const auto ways = ways_to(backend.address, config);
    if (ways.empty()) continue;
    // Routes are the kernel's business: what could fit by one of its ways may be meant.
    const PortConfig* widest = *std::ranges::max_element(ways, {}, &PortConfig::mtu);
    if (members.way != nullptr && members.way->mtu <= widest->mtu) continue;
    members.narrowest = &backend;
    members.way = widest;
  }
  return members;
}

void validate_mixing(const ServiceConfig& service, const Members& members, Report& report) {
  const ForwardRow row = row_of(service.forward);
  const Family vip = service.address.address.family();
  const Family family = members.first->address.family();
  if (row.encapsulates || vip == family) return;
  report.error(DiagnosticId::mixed_families, members.first_at,
               "backend " + tick(members.first->name) + " is " + std::string(family_text(family)) +
                   ", but the VIP of service " + tick(service.name) + " is " + std::string(family_text(vip)) +
                   ": " + std::string(row.name) + " can't change the family",
               "ipip, gue and gre carry either inside the other");
}

void validate_source(const ServiceConfig& service, SourcePosition position, Family family,
                     const Validation& all) {
  if (!row_of(service.forward).encapsulates) return;
  const std::string_view key = family == Family::ipv4 ? "encap_source" : "encap_source6";
  const bool have =
      std::ranges::any_of(all.origin.ports, [&](const Origin& port) { return port.given(key); });
  if (have) return;
  all.report.error(DiagnosticId::no_encap_source, position,
                   "service " + tick(service.name) + " encapsulates for " + std::string(family_text(family)) +
                       " backends, but no port has an " + tick(key));
}

void validate_mtu(const ServiceConfig& service, const Members& members, const Validation& all) {
  const bool v4_inside = service.address.address.is_v4();
  const Family family = members.first->address.family();
  if (members.way == nullptr || (v4_inside && family == Family::ipv4)) return;
  const auto port = static_cast<size_t>(members.way - all.config.ports.data());
  if (!all.origin.ports[port].has("mtu")) return;
  // IPv4 inside may be cut shorter, but not what carries it.
  const uint16_t beside = v4_inside ? uint16_t{0} : outer_bytes(service, family);
  if (members.way->mtu >= kSmallestIpv6Mtu + beside) return;
  const std::string outer =
      ", and the outer header of service " + tick(service.name) + " " + std::to_string(beside) + " beside";
  all.report.error(DiagnosticId::small_mtu, all.origin.ports[port].of("mtu"),
                   "an mtu of " + std::to_string(members.way->mtu) + " is too small for backend " +
                       tick(members.narrowest->name) + ": IPv6 needs 1280" + (beside == 0 ? "" : outer));
}

// The kernel has no IPv6 on a smaller interface.
void validate_address_mtu(const Validation& all) {
  for (size_t i = 0; i < all.config.ports.size(); ++i) {
    const PortConfig& port = all.config.ports[i];
    if (!all.origin.ports[i].has("mtu") || port.mtu >= kSmallestIpv6Mtu) continue;
    const auto six =
        std::ranges::find_if(port.addresses, [](const Prefix& prefix) { return !prefix.address.is_v4(); });
    if (six == port.addresses.end()) continue;
    all.report.error(DiagnosticId::small_mtu, all.origin.ports[i].of("mtu"),
                     "an mtu of " + std::to_string(port.mtu) + " is too small for the address " +
                         tick(six->text()) + ": IPv6 needs 1280");
  }
}

}  // namespace

void validate_families(Validation& all) {
  validate_address_mtu(all);
  std::vector<std::array<Members, 2>> pools;
  for (size_t i = 0; i < all.config.pools.size(); ++i) {
    const PoolConfig& pool = all.config.pools[i];
    pools.push_back({members_of(pool, all.origin.pools[i], Family::ipv4, all.config),
                     members_of(pool, all.origin.pools[i], Family::ipv6, all.config)});
  }
  for (size_t i = 0; i < all.config.services.size(); ++i) {
    const ServiceConfig& service = all.config.services[i];
    const ServiceOrigin& origin = all.origin.services[i];
    if (!origin.has("address") || !can_be_vip(service.address)) continue;
    if (origin.has("forward") != origin.given("forward")) continue;
    std::array<bool, 2> has{};
    for (const size_t pool : all.pools_of(service)) {
      for (size_t family = 0; family < 2; ++family) {
        const Members& members = pools[pool][family];
        if (members.first == nullptr) continue;
        has[family] = true;
        validate_mixing(service, members, all.report);
        validate_mtu(service, members, all);
      }
    }
    if (has[0]) validate_source(service, origin.of("forward"), Family::ipv4, all);
    if (has[1]) validate_source(service, origin.of("forward"), Family::ipv6, all);
  }
}

std::optional<AddressFault> family_fault(const ServiceConfig& service, const IpAddress& address,
                                         const Config& config) {
  const ForwardRow row = row_of(service.forward);
  const Family family = address.family();
  const bool v4_inside = service.address.address.is_v4();
  if (!row.encapsulates && service.address.address.family() != family) {
    return AddressFault{DiagnosticId::mixed_families, std::string(family_text(family)) +
                                                          " behind the VIP of service " + tick(service.name) +
                                                          " isn't possible: " + std::string(row.name) +
                                                          " can't change the family"};
  }
  const bool has_source = std::ranges::any_of(config.ports, [&](const PortConfig& port) {
    return (family == Family::ipv4 ? port.encap_source : port.encap_source6).has_value();
  });
  if (row.encapsulates && !has_source) {
    return AddressFault{DiagnosticId::no_encap_source,
                        "service " + tick(service.name) + " encapsulates, but no port has an " +
                            tick(family == Family::ipv4 ? "encap_source" : "encap_source6")};
  }
  if (v4_inside && family == Family::ipv4) return std::nullopt;
  const auto ways = ways_to(address, config);
  if (ways.empty()) return std::nullopt;
  const uint16_t mtu = (*std::ranges::max_element(ways, {}, &PortConfig::mtu))->mtu;
  const uint16_t beside = v4_inside ? uint16_t{0} : outer_bytes(service, family);
  if (mtu >= kSmallestIpv6Mtu + beside) return std::nullopt;
  return AddressFault{DiagnosticId::small_mtu, "an mtu of " + std::to_string(mtu) +
                                                   " is too small for service " + tick(service.name) +
                                                   ": IPv6 needs 1280 inside the outer header"};
}

}  // namespace shunt
