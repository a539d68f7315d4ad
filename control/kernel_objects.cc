#include "control/kernel_objects.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>

namespace shunt {
namespace {

std::optional<Family> family_of(uint8_t number) {
  if (number == AF_INET) return Family::ipv4;
  if (number == AF_INET6) return Family::ipv6;
  return std::nullopt;
}

IpAddress unspecified(Family family) {
  static constexpr uint8_t kZero[16] = {};
  return family == Family::ipv4 ? IpAddress() : IpAddress::v6(kZero);
}

std::optional<RouteType> route_type(uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
      return RouteType::unicast;
    case RTN_BLACKHOLE:
      return RouteType::blackhole;
    case RTN_UNREACHABLE:
      return RouteType::unreachable;
    case RTN_PROHIBIT:
      return RouteType::prohibit;
    default:
      return std::nullopt;
  }
}

void read_tun_data(std::span<const uint8_t> bytes, KernelLink& link) {
  for_each_attribute(bytes, [&](const NetlinkAttribute& attribute) {
    if (attribute.type == IFLA_TUN_NUM_QUEUES) link.open_queues = attribute.as<uint32_t>();
  });
}

void read_link_info(std::span<const uint8_t> bytes, KernelLink& link) {
  for_each_attribute(bytes, [&](const NetlinkAttribute& attribute) {
    if (attribute.type == IFLA_INFO_KIND) link.kind = attribute.text();
    // The kind comes first, and each kind numbers its data itself.
    if (attribute.type == IFLA_INFO_DATA && link.kind == "tun") read_tun_data(attribute.bytes, link);
  });
}

struct Hop {
  uint32_t interface = 0;
  std::optional<IpAddress> gateway;
};

// RTA_GATEWAY is an address of the route's family; RTA_VIA names its family itself.
void read_gateway(const NetlinkAttribute& attribute, Hop& hop) {
  if (attribute.type == RTA_GATEWAY) hop.gateway = attribute.address();
  if (attribute.type == RTA_VIA && attribute.bytes.size() > 2) {
    hop.gateway = NetlinkAttribute{RTA_VIA, attribute.bytes.subspan(2)}.address();
  }
}

// RTA_MULTIPATH: rtnexthop structs, each with attributes of its own.
uint16_t read_hops(std::span<const uint8_t> bytes, std::span<const uint32_t> interfaces, Hop& kept) {
  uint16_t count = 0;
  bool kept_is_ours = false;
  while (bytes.size() >= sizeof(rtnexthop)) {
    const auto head = load<rtnexthop>(bytes.data());
    if (head.rtnh_len < sizeof(rtnexthop) || head.rtnh_len > bytes.size()) break;
    Hop hop;
    hop.interface = static_cast<uint32_t>(head.rtnh_ifindex);
    for_each_attribute(bytes.subspan(sizeof(rtnexthop), head.rtnh_len - sizeof(rtnexthop)),
                       [&](const NetlinkAttribute& attribute) { read_gateway(attribute, hop); });
    const bool ours = std::find(interfaces.begin(), interfaces.end(), hop.interface) != interfaces.end();
    if (count == 0 || (ours && !kept_is_ours)) {
      kept = hop;
      kept_is_ours = ours;
    }
    ++count;
    bytes = bytes.subspan(std::min(bytes.size(), netlink_align(head.rtnh_len)));
  }
  return count;
}

}  // namespace

std::optional<KernelLink> parse_link(const NetlinkView& view) {
  const auto head = view.header<ifinfomsg>();
  // AF_BRIDGE messages tell of a bridge's ports, with the same type.
  if (!head || head->ifi_family != AF_UNSPEC || (view.type != RTM_NEWLINK && view.type != RTM_DELLINK))
    return {};
  KernelLink link;
  link.index = static_cast<uint32_t>(head->ifi_index);
  link.up = (head->ifi_flags & IFF_UP) != 0;
  link.carrier = (head->ifi_flags & IFF_LOWER_UP) != 0;
  for_each_attribute(view.attributes<ifinfomsg>(), [&](const NetlinkAttribute& attribute) {
    switch (attribute.type) {
      case IFLA_IFNAME:
        link.name = attribute.text();
        break;
      case IFLA_IFALIAS:
        link.alias = attribute.text();
        break;
      case IFLA_MTU:
        link.mtu = attribute.as<uint32_t>();
        break;
      case IFLA_TXQLEN:
        link.queue_length = attribute.as<uint32_t>();
        break;
      case IFLA_ADDRESS:
        link.mac = attribute.mac().value_or(MacAddress{});
        break;
      case IFLA_LINKINFO:
        read_link_info(attribute.bytes, link);
        break;
      default:
        break;
    }
  });
  return link;
}

std::optional<KernelAddress> parse_address(const NetlinkView& view) {
  const auto head = view.header<ifaddrmsg>();
  if (!head || (view.type != RTM_NEWADDR && view.type != RTM_DELADDR)) return {};
  std::optional<IpAddress> local;
  std::optional<IpAddress> other;
  for_each_attribute(view.attributes<ifaddrmsg>(), [&](const NetlinkAttribute& attribute) {
    if (attribute.type == IFA_LOCAL) local = attribute.address();
    if (attribute.type == IFA_ADDRESS) other = attribute.address();
  });
  if (!local) local = other;  // IPv6 has IFA_ADDRESS only; on a point-to-point link that one is the peer's
  if (!local || head->ifa_prefixlen > local->bits()) return {};
  return KernelAddress{head->ifa_index, Prefix{*local, head->ifa_prefixlen}};
}

std::optional<KernelRoute> parse_route(const NetlinkView& view, std::span<const uint32_t> interfaces) {
  const auto head = view.header<rtmsg>();
  if (!head || (view.type != RTM_NEWROUTE && view.type != RTM_DELROUTE)) return {};
  const auto family = family_of(head->rtm_family);
  const auto type = route_type(head->rtm_type);
  if (!family || !type || (head->rtm_flags & RTM_F_CLONED) != 0) return {};
  KernelRoute route;
  route.prefix = {unspecified(*family), head->rtm_dst_len};
  route.table = head->rtm_table;
  route.protocol = head->rtm_protocol;
  route.type = *type;
  Hop hop;
  for_each_attribute(view.attributes<rtmsg>(), [&](const NetlinkAttribute& attribute) {
    switch (attribute.type) {
      case RTA_DST:
        route.prefix.address = attribute.address().value_or(route.prefix.address);
        break;
      case RTA_TABLE:
        route.table = attribute.as<uint32_t>();
        break;
      case RTA_PRIORITY:
        route.metric = attribute.as<uint32_t>();
        break;
      case RTA_OIF:
        hop.interface = attribute.as<uint32_t>();
        break;
      case RTA_MULTIPATH:
        route.hops = read_hops(attribute.bytes, interfaces, hop);
        break;
      default:
        read_gateway(attribute, hop);
        break;
    }
  });
  if (route.prefix.length > route.prefix.address.bits() || route.prefix.address.family() != *family)
    return {};
  if (route.type == RouteType::unicast) {  // others have lo as their interface in IPv6, none in IPv4
    route.interface = hop.interface;
    route.gateway = hop.gateway;
  }
  return route;
}

std::optional<KernelNeighbour> parse_neighbour(const NetlinkView& view) {
  const auto head = view.header<ndmsg>();
  if (!head || (view.type != RTM_NEWNEIGH && view.type != RTM_DELNEIGH)) return {};
  if (!family_of(head->ndm_family) || (head->ndm_flags & NTF_PROXY) != 0) return {};
  if ((head->ndm_state & NUD_NOARP) != 0) return {};
  std::optional<IpAddress> address;
  KernelNeighbour neighbour;
  neighbour.interface = static_cast<uint32_t>(head->ndm_ifindex);
  neighbour.external = (head->ndm_flags & NTF_EXT_LEARNED) != 0;
  neighbour.permanent = (head->ndm_state & NUD_PERMANENT) != 0;
  for_each_attribute(view.attributes<ndmsg>(), [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NDA_DST) address = attribute.address();
    if (attribute.type == NDA_LLADDR) neighbour.mac = attribute.mac();
    if (attribute.type == NDA_FLAGS_EXT)
      neighbour.managed = (attribute.as<uint32_t>() & NTF_EXT_MANAGED) != 0;
  });
  if (!address || address->is_multicast()) return {};
  neighbour.address = *address;
  constexpr int kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  neighbour.usable = neighbour.mac && (head->ndm_state & kUsable) != 0;
  return neighbour;
}

NetlinkMessage links_request() {
  return {RTM_GETLINK, 0, ifinfomsg{}};
}
NetlinkMessage addresses_request() {
  return {RTM_GETADDR, 0, ifaddrmsg{}};
}
NetlinkMessage neighbours_request() {
  return {RTM_GETNEIGH, 0, ndmsg{}};
}

NetlinkMessage routes_request(Family family, uint32_t table, uint8_t protocol) {
  rtmsg head{};
  head.rtm_family = family == Family::ipv4 ? AF_INET : AF_INET6;
  head.rtm_protocol = protocol;
  NetlinkMessage message(RTM_GETROUTE, 0, head);
  if (table != 0) message.put(RTA_TABLE, table);
  return message;
}

}  // namespace shunt
