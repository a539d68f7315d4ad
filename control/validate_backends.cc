// Rules of [[pool.backend]]: addresses that can be backends, and what the services that use the pool allow.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "control/config_validate.h"

namespace shunt {
namespace {

// What no backend may be: VIPs (packets to it would come back to us), the node itself, other shunts and
// their VIPs.
class OwnAddresses {
 public:
  explicit OwnAddresses(const Validation& all) : peers_(all.config.cluster.peers) {
    for (size_t i = 0; i < all.config.services.size(); ++i) {
      const ServiceConfig& service = all.config.services[i];
      if (!all.origin.services[i].has("address") || service.address.length < kWidestVip) continue;
      if (service.address.is_host()) {
        vips_.try_emplace(service.address.address, &service);
      } else {
        prefixes_.push_back(&service);
      }
    }
    for (const PortConfig& port : all.config.ports) {
      for (const Prefix& prefix : port.addresses) {
        node_.insert(prefix.address);
        if (const auto broadcast = prefix.broadcast()) broadcasts_.insert(*broadcast);
      }
      for (const auto& source : {port.encap_source, port.encap_source6}) {
        if (source && source->is_host()) encap_sources_.insert(source->address);
      }
    }
  }
  // nullptr where the address is no VIP.
  const ServiceConfig* vip(const IpAddress& address) const {
    const auto found = vips_.find(address);
    if (found != vips_.end()) return found->second;
    const auto prefix = std::find_if(prefixes_.begin(), prefixes_.end(), [&](const ServiceConfig* service) {
      return service->address.contains(address);
    });
    return prefix == prefixes_.end() ? nullptr : *prefix;
  }
  bool is_node(const IpAddress& address) const { return node_.contains(address); }
  bool is_broadcast(const IpAddress& address) const { return broadcasts_.contains(address); }
  // (A prefix to spread flows over may be the backends' own subnet.)
  bool is_encap_source(const IpAddress& address) const { return encap_sources_.contains(address); }
  // The entry of `[cluster] peers` that has the address; nullptr: none.
  const Prefix* peer(const IpAddress& address) const {
    const auto found =
        std::ranges::find_if(peers_, [&](const Prefix& peer) { return peer.contains(address); });
    return found == peers_.end() ? nullptr : &*found;
  }

 private:
  std::map<IpAddress, const ServiceConfig*> vips_;
  std::vector<const ServiceConfig*> prefixes_;
  std::set<IpAddress> node_;
  std::set<IpAddress> broadcasts_;
  std::set<IpAddress> encap_sources_;
  const std::vector<Prefix>& peers_;
};

void validate_address(const BackendConfig& backend, SourcePosition position, const OwnAddresses& own,
                      Report& report) {
  const IpAddress& address = backend.address;
  const std::string text = tick(address.text());
  if (!can_be_backend(address)) {
    return report.error(DiagnosticId::unusable_address, position, text + " can't be a backend's address");
  }
  if (const ServiceConfig* service = own.vip(address)) {
    return report.error(
        DiagnosticId::backend_is_vip, position,
        text + " is a VIP (of service " + tick(service->name) + "): a backend needs an address of its own");
  }
  if (own.is_node(address)) {
    return report.error(DiagnosticId::backend_is_node_address, position,
                        text + " is this node's own address: a backend must be another machine");
  }
  if (own.is_encap_source(address)) {
    return report.error(DiagnosticId::backend_is_encap_source, position,
                        text + " is an `encap_source`: our own outer headers come from there");
  }
  if (own.is_broadcast(address)) {
    return report.error(DiagnosticId::backend_is_broadcast, position,
                        text + " is the broadcast address of a port's subnet");
  }
  if (const Prefix* peer = own.peer(address)) {
    report.error(DiagnosticId::backend_is_peer, position,
                 text + " is another shunt's, by " + tick("peers") + " in [cluster] (" + tick(peer->text()) +
                     "): what it got would come back");
  }
}

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
  const OwnAddresses own(all);
  for (size_t i = 0; i < all.config.pools.size(); ++i) {
    const PoolConfig& pool = all.config.pools[i];
    const PoolOrigin& origin = all.origin.pools[i];
    validate_names(pool.backends, origin.backends, "backend", all.report);
    validate_duplicates(pool, origin, all.report);
    const PoolUse use = use_of(i, all);
    for (size_t k = 0; k < pool.backends.size(); ++k) {
      if (origin.backends[k].has("address")) {
        validate_address(pool.backends[k], origin.backends[k].of("address"), own, all.report);
      }
      warn_of_ignored(pool.backends[k], origin.backends[k], use, all.report);
    }
  }
}

}  // namespace shunt
