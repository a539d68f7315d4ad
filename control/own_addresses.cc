#include "control/own_addresses.h"

#include <algorithm>

#include "control/config_validate.h"
#include "control/probe_prefix.h"

namespace shunt {

OwnAddresses::OwnAddresses(const Config& config, const std::function<bool(size_t)>& counts)
    : probes_(probe_prefixes(config)), peers_(config.cluster.peers) {
  for (size_t i = 0; i < config.services.size(); ++i) {
    const ServiceConfig& service = config.services[i];
    if (!counts(i) || service.address.length < kWidestVip) continue;
    if (service.address.is_host()) {
      vips_.try_emplace(service.address.address, &service);
    } else {
      prefixes_.push_back(&service);
    }
  }
  for (const PortConfig& port : config.ports) {
    for (const Prefix& prefix : port.addresses) {
      node_.insert(prefix.address);
      if (const auto broadcast = prefix.broadcast()) broadcasts_.insert(*broadcast);
    }
    for (const auto& source : {port.encap_source, port.encap_source6}) {
      // (A prefix to spread flows over may be the backends' own subnet.)
      if (source && source->is_host()) encap_sources_.insert(source->address);
    }
  }
}

const ServiceConfig* OwnAddresses::vip(const IpAddress& address) const {
  const auto found = vips_.find(address);
  if (found != vips_.end()) return found->second;
  const auto prefix = std::ranges::find_if(
      prefixes_, [&](const ServiceConfig* service) { return service->address.contains(address); });
  return prefix == prefixes_.end() ? nullptr : *prefix;
}

// The entry of `[cluster] peers` that has the address; nullptr: none.
const Prefix* OwnAddresses::peer(const IpAddress& address) const {
  const auto found = std::ranges::find_if(peers_, [&](const Prefix& peer) { return peer.contains(address); });
  return found == peers_.end() ? nullptr : &*found;
}

std::optional<AddressFault> OwnAddresses::fault_of(const IpAddress& address) const {
  const std::string text = tick(address.text());
  if (!can_be_backend(address)) {
    return AddressFault{DiagnosticId::unusable_address, text + " can't be a backend's address"};
  }
  if (const ServiceConfig* service = vip(address)) {
    return AddressFault{DiagnosticId::backend_is_vip, text + " is a VIP (of service " + tick(service->name) +
                                                          "): a backend needs an address of its own"};
  }
  if (node_.contains(address)) {
    return AddressFault{DiagnosticId::backend_is_node_address,
                        text + " is this node's own address: a backend must be another machine"};
  }
  if (encap_sources_.contains(address)) {
    return AddressFault{DiagnosticId::backend_is_encap_source,
                        text + " is an `encap_source`: our own outer headers come from there"};
  }
  if (broadcasts_.contains(address)) {
    return AddressFault{DiagnosticId::backend_is_broadcast,
                        text + " is the broadcast address of a port's subnet"};
  }
  const auto probe =
      std::ranges::find_if(probes_, [&](const Prefix& prefix) { return prefix.contains(address); });
  if (probe != probes_.end()) {
    return AddressFault{DiagnosticId::backend_is_probe_address,
                        text + " is in " + tick(probe->text()) +
                            ", whose addresses stand for backends in checks through the tunnel"};
  }
  if (const Prefix* other = peer(address)) {
    return AddressFault{DiagnosticId::backend_is_peer, text + " is another shunt's, by " + tick("peers") +
                                                           " in [cluster] (" + tick(other->text()) +
                                                           "): what it got would come back"};
  }
  return std::nullopt;
}

}  // namespace shunt
