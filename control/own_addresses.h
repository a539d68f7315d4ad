// OwnAddresses: what no backend may be: VIPs (packets to it would come back to us), the node itself, other
// shunts and their VIPs.
//
// Reads a Config that has to outlive it. Cost: a look-up, and a walk over VIP prefixes and peers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/diagnostic.h"

namespace shunt {

struct AddressFault {
  DiagnosticId id = DiagnosticId::unusable_address;
  std::string text;
};

class OwnAddresses {
 public:
  // `counts`: whether the service of this index has an address that could be read.
  OwnAddresses(const Config& config, const std::function<bool(size_t)>& counts);

  // Why the address can't be a backend's; nothing where it can.
  std::optional<AddressFault> fault_of(const IpAddress& address) const;

 private:
  const ServiceConfig* vip(const IpAddress& address) const;
  const Prefix* peer(const IpAddress& address) const;

  std::map<IpAddress, const ServiceConfig*> vips_;
  std::vector<const ServiceConfig*> prefixes_;
  std::set<IpAddress> node_;
  std::set<IpAddress> broadcasts_;
  std::set<IpAddress> encap_sources_;
  std::vector<Prefix> probes_;
  const std::vector<Prefix>& peers_;
};

}  // namespace shunt
