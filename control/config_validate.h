// The rules between values: names that must exist or be unique, addresses that exclude each other, what a
// forwarding mode needs. Also fills in what only the whole file tells: `announce`, the API's default
// listeners.
//
// One file per subject: validate_node.cc, validate_ports.cc, validate_pools.cc, validate_tunnel.cc,
// validate_backends.cc, validate_discovery.cc, validate_services.cc, validate_vips.cc, validate_families.cc,
// validate_nat.cc, validate_routes.cc. Each rule looks only at values that could be read.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/config_origin.h"
#include "control/own_addresses.h"
#include "control/report.h"

namespace shunt {

// What every rule gets. Indices are those of the Config's vectors.
struct Validation {
  Config& config;
  const ConfigOrigin& origin;
  Report& report;

  std::unordered_map<std::string_view, size_t> pool_by_name;
  std::vector<std::vector<size_t>>
      users;  // of each pool: services that have it as pool or backup_pool, once each

  Validation(Config& config, const ConfigOrigin& origin, Report& report);
  // The service's pool and backup_pool, as far as they exist.
  std::vector<size_t> pools_of(const ServiceConfig& service) const;
};

void validate_config(Config& config, const ConfigOrigin& origin, Report& report);

void validate_node(Validation& all);
void validate_ports(Validation& all);
void validate_pools(Validation& all);
void validate_health(size_t pool, Validation& all);
void validate_tunnels(Validation& all);
void validate_backends(Validation& all);
void validate_discovery(Validation& all);
void validate_services(Validation& all);
void validate_vips(Validation& all);
void validate_families(Validation& all);
void validate_nat(Validation& all);
void validate_routes(Validation& all);

// A VIP is refused as a source: with wider prefixes there would hardly be clients left.
constexpr uint8_t kWidestVip = 8;

// Link-local addresses name nobody without their link; in ::/80 are the unspecified, loopback and IPv4-mapped
// ones (RFC 4291 2.5.2, 2.5.3, 2.5.5). No packet between hosts may have them.
bool is_reserved_v6(const Prefix& prefix);
bool can_be_vip(const Prefix& prefix);
bool can_be_backend(const IpAddress& address);

// Why the service can't send to a backend of this address: its family, its outer header's source, or what
// that leaves of the mtu. Nothing where it can.
std::optional<AddressFault> family_fault(const ServiceConfig& service, const IpAddress& address,
                                         const Config& config);

// Names stand in metrics, tables and API paths: letters, digits and . _ - : only, 63 at most.
bool is_name(std::string_view text);
// What the kernel takes as an interface name (dev_valid_name), without `%`, which it replaces.
bool is_plain_interface_name(std::string_view text);

// Reports bad and repeated names of `items`, all called `kind` in messages.
template <typename Items, typename Origins>
void validate_names(const Items& items, const Origins& origins, std::string_view kind, Report& report) {
  std::unordered_map<std::string_view, size_t> first;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!origins[i].has("name")) continue;
    const SourcePosition position = origins[i].of("name");
    if (!is_name(items[i].name)) {
      report.error(DiagnosticId::bad_name, position,
                   tick(items[i].name) + " isn't a name: 1 to 63 letters, digits and . _ - :");
      continue;
    }
    const auto [earlier, is_new] = first.try_emplace(items[i].name, i);
    if (is_new) continue;
    report.error(DiagnosticId::duplicate_name, position,
                 std::string(kind) + " " + tick(items[i].name) + " is already defined in line " +
                     std::to_string(origins[earlier->second].of("name").line));
  }
}

}  // namespace shunt
