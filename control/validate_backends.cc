// Rules of [[pool.backend]]: addresses that can be backends, and what the services that use the pool allow.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "control/config_validate.h"
#include "control/own_addresses.h"

namespace shunt {
namespace {

void validate_duplicates(const PoolConfig& pool, const PoolOrigin& origin, Report& report) {
  std::map<std::pair<IpAddress, uint16_t>, size_t> first;
  for (size_t i = 0; i < pool.backends.size(); ++i) {
    const BackendConfig& backend = pool.backends[i];
    if (!origin.backends[i].has("address") || (origin.backends[i].given("port") && backend.port == 0))
      continue;
    const auto [earlier, is_new] = first.try_emplace({backend.address, backend.port}, i);
    if (is_new) continue;
    const std::string port = backend.port == 0 ? "" : " port " + std::to_string(backend.port);
    report.error(DiagnosticId::duplicate_backend, origin.backends[i].of("address"),
                 tick(backend.address.text()) + port + " is already backend " +
                     tick(pool.backends[earlier->second].name) + " of this pool, in line " +
                     std::to_string(origin.backends[earlier->second].of("address").line));
  }
}

// What the services that use a pool do with its backends.
struct PoolUse {
  bool known = true;  // every service's forward could be read
  bool l2 = false;
  bool translated = false;
  const ServiceConfig* first = nullptr;     // nullptr: nobody uses it
  std::vector<const ServiceConfig*> exact;  // of those that keep the client's port
};

PoolUse use_of(size_t index, const Validation& all) {
  PoolUse use;
  for (const size_t user : all.users[index]) {
    const ServiceConfig& service = all.config.services[user];
    const Origin& origin = all.origin.services[user];
    use.known = use.known && origin.has("forward") == origin.given("forward");
    if (use.first == nullptr) use.first = &service;
    use.l2 = use.l2 || service.forward == Forward::l2;
    const bool translated = service.forward == Forward::nat;
    use.translated = use.translated || translated;
    if (!translated && origin.has("port")) use.exact.push_back(&service);
  }
  return use;
}

// A pool may serve several kinds of services, now or after the next edit: what one has no use for is no
// error.
void warn_of_ignored(const BackendConfig& backend, const Origin& origin, const PoolUse& use, Report& report) {
  if (!use.known || use.first == nullptr) return;
  if (origin.has("mac") && !use.l2) {
    report.warning(DiagnosticId::mac_ignored, origin.of("mac"),
                   "`mac` is ignored by service " + tick(use.first->name) + ": it is for l2 only");
  }
  if (!origin.has("port") || use.translated) return;
  const auto other = std::find_if(use.exact.begin(), use.exact.end(), [&](const ServiceConfig* service) {
    return service->port != backend.port;
  });
  if (other == use.exact.end()) return;
  report.warning(DiagnosticId::port_ignored, origin.of("port"),
                 "`port` is ignored by service " + tick((*other)->name) + ", which forwards port " +
                     std::to_string((*other)->port) + " unchanged: only nat translates it");
}

}  // namespace

void validate_backends(Validation& all) {
  const OwnAddresses own(all.config,
                         [&](size_t service) { return all.origin.services[service].has("address"); });
  for (size_t i = 0; i < all.config.pools.size(); ++i) {
    const PoolConfig& pool = all.config.pools[i];
    const PoolOrigin& origin = all.origin.pools[i];
    validate_names(pool.backends, origin.backends, "backend", all.report);
    validate_duplicates(pool, origin, all.report);
    const PoolUse use = use_of(i, all);
    for (size_t k = 0; k < pool.backends.size(); ++k) {
      if (origin.backends[k].has("address")) {
        const auto fault = own.fault_of(pool.backends[k].address);
        if (fault) all.report.error(fault->id, origin.backends[k].of("address"), fault->text);
      }
      warn_of_ignored(pool.backends[k], origin.backends[k], use, all.report);
    }
  }
}

}  // namespace shunt
