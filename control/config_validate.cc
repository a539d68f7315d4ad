// The list of rules, and what they share.
#include "control/config_validate.h"

#include <algorithm>

namespace shunt {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Validation::Validation(Config& the_config, const ConfigOrigin& the_origin, Report& the_report)
    : config(the_config), origin(the_origin), report(the_report), users(config.pools.size()) {
  for (size_t i = 0; i < config.pools.size(); ++i) {
    if (origin.pools[i].has("name")) pool_by_name.try_emplace(config.pools[i].name, i);
  }
  for (size_t i = 0; i < config.services.size(); ++i) {
    for (const size_t pool : pools_of(config.services[i]))
      users[pool].push_back(i);
  }
}

std::vector<size_t> Validation::pools_of(const ServiceConfig& service) const {
  std::vector<size_t> pools;
  for (const std::string& name : {service.pool, service.backup_pool}) {
    const auto found = pool_by_name.find(name);
    if (name.empty() || found == pool_by_name.end()) continue;
    if (std::find(pools.begin(), pools.end(), found->second) == pools.end()) pools.push_back(found->second);
  }
  return pools;
}

void validate_config(Config& config, const ConfigOrigin& origin, Report& report) {
  Validation all(config, origin, report);
  validate_node(all);
  validate_ports(all);
  validate_pools(all);
  validate_tunnels(all);
  validate_backends(all);
  validate_discovery(all);
  validate_services(all);
  validate_vips(all);
  validate_families(all);
  validate_nat(all);
  validate_routes(all);
}

bool is_reserved_v6(const Prefix& prefix) {
  const auto overlaps = [&](const Prefix& range) {
    return range.contains(prefix.address) || prefix.contains(range.address);
  };
  return !prefix.address.is_v4() &&
         (overlaps(*Prefix::parse("::/80")) || overlaps(*Prefix::parse("fe80::/10")));
}

bool can_be_vip(const Prefix& prefix) {
  const IpAddress& address = prefix.address;
  const bool is_this_network = address.is_v4() && address.v4().host() >> 24U == 0;
  return prefix.length >= kWidestVip && !is_this_network && !address.is_multicast() &&
         !address.is_loopback() && !address.is_broadcast() && !is_reserved_v6(prefix);
}

bool can_be_backend(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast() &&
         !address.is_loopback() && !is_reserved_v6({address, static_cast<uint8_t>(address.bits())});
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-' || c == ':';
  });
}

bool is_plain_interface_name(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '.' || c == '_' || c == '-' || c == '@';
         });
}

}  // namespace shunt
