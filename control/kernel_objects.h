// What the kernel knows about a network, as values: links, addresses, routes, neighbours; read from rtnetlink
// messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/address.h"
#include "control/netlink_message.h"

namespace shunt {

struct KernelLink {
  uint32_t index = 0;
  std::string name;
  std::string alias;
  std::string kind;  // "tun", "veth", "vlan"; empty for most hardware
  MacAddress mac;    // zero where the link has none
  uint32_t mtu = 0;
  uint32_t queue_length = 0;
  uint32_t open_queues = 0;  // multi-queue tap: queues that processes hold attached
  bool up = false;           // administratively
  bool carrier = false;
  auto operator<=>(const KernelLink&) const = default;
};

struct KernelAddress {
  uint32_t interface = 0;
  Prefix prefix;  // with host bits
  auto operator<=>(const KernelAddress&) const = default;
};

enum class RouteType : uint8_t { unicast, blackhole, unreachable, prohibit };

// Sorted by prefix, then metric: of routes to one prefix the kernel uses the first.
struct KernelRoute {
  Prefix prefix;
  uint32_t metric = 0;
  uint32_t table = 254;
  uint8_t protocol = 0;
  RouteType type = RouteType::unicast;
  uint32_t interface = 0;                 // 0: a type that needs none
  std::optional<IpAddress> gateway = {};  // none: on-link. May be of the other family (RFC 5549)
  uint16_t hops = 1;                      // of a multipath route one is kept; how many there were
  auto operator<=>(const KernelRoute&) const = default;
};

struct KernelNeighbour {
  uint32_t interface = 0;
  IpAddress address;
  std::optional<MacAddress> mac;
  bool usable = false;  // the kernel would send to `mac` now (it isn't failed or incomplete)
  bool permanent = false;
  bool managed = false;
  bool external = false;  // NTF_EXT_LEARNED: no garbage collection, no table limit
  auto operator<=>(const KernelNeighbour&) const = default;
};

// Each gives nothing for a message of another kind, a short one, or an object that no packet of shunt's can
// meet: routes of types that aren't above or cloned ones, proxy and multicast neighbours, bridge entries. Of
// a multipath route the hop kept is the first that is on one of `interfaces`, else the first.
std::optional<KernelLink> parse_link(const NetlinkView& view);
std::optional<KernelAddress> parse_address(const NetlinkView& view);
std::optional<KernelRoute> parse_route(const NetlinkView& view, std::span<const uint32_t> interfaces = {});
std::optional<KernelNeighbour> parse_neighbour(const NetlinkView& view);

// Requests for dumps of these. table or protocol 0: all. (A kernel without the route's family lists the other
// one.)
NetlinkMessage links_request();
NetlinkMessage addresses_request();
NetlinkMessage routes_request(Family family, uint32_t table, uint8_t protocol = 0);
NetlinkMessage neighbours_request();

}  // namespace shunt
