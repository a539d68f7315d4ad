// Rules of nat: a reply must name its service by the backend's address, port and protocol alone.
#include <optional>
#include <set>

#include "control/config_validate.h"
#include "control/nat_owners.h"

namespace shunt {
namespace {

bool is_known(const Origin& origin, std::string_view key) {
  return origin.has(key) == origin.given(key);
}

void validate_replies(size_t index, NatOwners& owners, const Validation& all) {
  const ServiceConfig& service = all.config.services[index];
  const ServiceOrigin& origin = all.origin.services[index];
  if (!is_known(origin, "port") || !is_known(origin, "protocol")) return;
  for (const size_t pool : all.pools_of(service)) {
    const PoolConfig& config = all.config.pools[pool];
    for (size_t i = 0; i < config.backends.size(); ++i) {
      const BackendConfig& backend = config.backends[i];
      const Origin& backend_origin = all.origin.pools[pool].backends[i];
      if (!backend_origin.has("address") || !is_known(backend_origin, "port")) continue;
      const uint16_t port = nat_port(service, backend);
      const auto other = owners.claim(backend.address, service.protocol, port, index);
      if (!other) continue;
      const std::string port_text = port == 0 ? "" : " port " + std::to_string(port);
      all.report.error(DiagnosticId::nat_shared_backend, origin.header,
                       "replies from " + tick(backend.address.text()) + port_text +
                           " could belong to nat service " + tick(service.name) + " or " +
                           tick(all.config.services[*other].name) +
                           ": nat services must not share a backend's address, port and protocol");
      return;  // one is enough to say it
    }
  }
}

// An any-port service keeps the port: a backend's own could never be used.
void validate_any_port(const ServiceConfig& service, const Validation& all, std::set<const Origin*>& told) {
  for (const size_t pool : all.pools_of(service)) {
    for (const Origin& backend : all.origin.pools[pool].backends) {
      if (!backend.has("port") || !told.insert(&backend).second) continue;
      all.report.error(DiagnosticId::nat_any_port, backend.of("port"),
                       "nat service " + tick(service.name) +
                           " is any-port and keeps the client's port: its backends can't have their own");
    }
  }
}

}  // namespace

void validate_nat(Validation& all) {
  NatOwners owners;
  std::set<const Origin*> told;
  for (size_t i = 0; i < all.config.services.size(); ++i) {
    const ServiceConfig& service = all.config.services[i];
    const ServiceOrigin& origin = all.origin.services[i];
    if (service.forward != Forward::nat) continue;
    if (origin.has("address") && !service.address.is_host()) {
      all.report.error(DiagnosticId::nat_prefix, origin.of("address"),
                       "a nat service's address must be one VIP, not the prefix " +
                           tick(service.address.text()) +
                           ": replies couldn't tell which of them the client asked");
    }
    if (!origin.given("port")) validate_any_port(service, all, told);
    validate_replies(i, owners, all);
  }
}

}  // namespace shunt
