// What shunt wants of the kernel, derived from the desired state: next hops to be kept fresh, routes to VIPs,
// multicast groups. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "common/address.h"
#include "control/config.h"
#include "control/registry.h"
#include "dataplane/snapshot.h"

namespace shunt {

// A next hop, by port.
using NextHopKey = std::pair<uint8_t, IpAddress>;

// Where a VIP's routes point; `announced`: a route with [routes] protocol and this metric is there as well.
struct VipRoute {
  Prefix vip;
  uint8_t port = 0;
  bool announced = false;
  uint32_t metric = 0;  // 0 where it isn't announced
  auto operator<=>(const VipRoute&) const = default;
};

// Next hops of backends, and gateways by which clients are reached.
std::set<NextHopKey> wanted_next_hops(const Registry& registry, const Snapshot& snapshot);

// One for each VIP, by the host_interface whose subnet holds it, else by the first one; none without any.
// `announced`: the VIPs that have a route for others as well, with its metric.
std::set<VipRoute> wanted_vip_routes(const Config& config, const std::map<Prefix, uint32_t>& announced);

// The same for probe addresses (control/probe_prefix.h), never announced: by the first host_interface that
// has an address of their family, else by the first one. Checks come from that interface's address.
std::set<VipRoute> wanted_probe_routes(const Config& config);

// Solicited-node groups, by port, of the IPv6 VIPs that are answered for there. (A prefix has none: it would
// be one for each of its addresses.)
std::set<std::pair<uint8_t, IpAddress>> wanted_groups(const Snapshot& snapshot);

}  // namespace shunt
