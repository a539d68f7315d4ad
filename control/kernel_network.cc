#include "control/kernel_network.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/unique_fd.h"

namespace shunt {
namespace {

uint8_t family_number(const IpAddress& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}

std::string on_interface(std::string_view what, const std::string& object, uint32_t interface) {
  return std::string(what)
      .append(" ")
      .append(object)
      .append(" on interface ")
      .append(std::to_string(interface));
}

NetlinkMessage address_message(uint16_t type, uint16_t flags, uint32_t interface, const Prefix& prefix) {
  ifaddrmsg head{};
  head.ifa_family = family_number(prefix.address);
  head.ifa_prefixlen = prefix.length;
  head.ifa_index = interface;
  NetlinkMessage message(type, flags, head);
  message.put_address(IFA_LOCAL, prefix.address).put_address(IFA_ADDRESS, prefix.address);
  return message;
}

uint8_t route_type_number(RouteType type) {
  switch (type) {
    case RouteType::unicast:
      return RTN_UNICAST;
    case RouteType::blackhole:
      return RTN_BLACKHOLE;
    case RouteType::unreachable:
      return RTN_UNREACHABLE;
    case RouteType::prohibit:
      return RTN_PROHIBIT;
  }
  return RTN_UNICAST;
}

NetlinkMessage route_message(uint16_t type, uint16_t flags, const KernelRoute& route) {
  rtmsg head{};
  head.rtm_family = family_number(route.prefix.address);
  head.rtm_dst_len = route.prefix.length;
  head.rtm_protocol = route.protocol;
  head.rtm_type = route_type_number(route.type);
  const bool direct = route.type == RouteType::unicast && !route.gateway;
  head.rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  if (type == RTM_DELROUTE) head.rtm_scope = RT_SCOPE_NOWHERE;  // any
  if (route.gateway) head.rtm_flags = RTNH_F_ONLINK;
  NetlinkMessage message(type, flags, head);
  message.put_address(RTA_DST, route.prefix.network()).put(RTA_TABLE, route.table);
  if (route.metric != 0) message.put(RTA_PRIORITY, route.metric);
  if (route.interface != 0) message.put(RTA_OIF, route.interface);
  if (!route.gateway) return message;
  if (route.gateway->family() == route.prefix.address.family()) {
    message.put_address(RTA_GATEWAY, *route.gateway);
  } else {  // rtvia: the family, then the address
    uint8_t via[2 + 16] = {};
    store(via, static_cast<uint16_t>(family_number(*route.gateway)));
    std::copy_n(route.gateway->wire(), route.gateway->bits() / 8, via + 2);
    message.put_bytes(RTA_VIA, via, 2 + route.gateway->bits() / 8);
  }
  return message;
}

std::string route_text(const KernelRoute& route) {
  const Prefix network{route.prefix.network(), route.prefix.length};
  std::string text = "route " + network.text();
  if (route.gateway) text += " via " + route.gateway->text();
  if (route.interface != 0) text += " on interface " + std::to_string(route.interface);
  return text + " table " + std::to_string(route.table);
}

struct NeighbourChange {
  uint16_t state = NUD_NONE;
  uint8_t flags = 0;
  uint32_t extended_flags = 0;
};

NetlinkMessage neighbour_message(uint16_t type, uint16_t flags, uint32_t interface, const IpAddress& address,
                                 const NeighbourChange& change = {}) {
  ndmsg head{};
  head.ndm_family = family_number(address);
  head.ndm_ifindex = static_cast<int32_t>(interface);
  head.ndm_state = change.state;
  head.ndm_flags = change.flags;
  NetlinkMessage message(type, flags, head);
  message.put_address(NDA_DST, address);
  if (change.extended_flags != 0) message.put(NDA_FLAGS_EXT, change.extended_flags);
  return message;
}

constexpr uint16_t kAdd = NLM_F_CREATE | NLM_F_EXCL;
constexpr uint16_t kReplace = NLM_F_CREATE | NLM_F_REPLACE;
constexpr NeighbourChange kManaged = {NUD_NONE, NTF_EXT_LEARNED, NTF_EXT_MANAGED};

}  // namespace

Result<KernelNetwork> KernelNetwork::open() {
  auto socket = NetlinkSocket::open();
  if (!socket) return socket.error();
  return KernelNetwork(socket.take());
}

bool is_interface_name(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '/' || c == ':' || c == '\0' || c == ' ' || (c >= '\t' && c <= '\r');
  });
}

Result<std::optional<KernelLink>> KernelNetwork::find_link(const std::string& name) {
  if (!is_interface_name(name)) return Error{"interface " + name, "not an interface name"};
  NetlinkMessage message(RTM_GETLINK, 0, ifinfomsg{});
  message.put_text(IFLA_IFNAME, name);
  std::optional<KernelLink> link;
  const auto got = socket_.get(message, "interface " + name, {ENODEV}, [&](const NetlinkView& view) {
    if (auto parsed = parse_link(view)) link = std::move(parsed);
  });
  if (!got) return got.error();
  return link;
}

Result<KernelLink> KernelNetwork::link(const std::string& name) {
  auto found = find_link(name);
  if (!found) return found.error();
  if (!found.value()) return Error{"interface " + name, kernel_error_text(ENODEV, {})};
  return *found.take();
}

Result<> KernelNetwork::set_link(const std::string& name, const LinkChange& change) {
  const auto current = link(name);
  if (!current) return current.error();
  if (change.alias && change.alias->size() > 255)
    return Error{"interface " + name, "alias is longer than 255 bytes"};
  ifinfomsg head{};
  head.ifi_index = static_cast<int>(current.value().index);
  if (change.up) {
    head.ifi_change = IFF_UP;
    head.ifi_flags = *change.up ? head.ifi_change : 0U;
  }
  NetlinkMessage message(RTM_NEWLINK, 0, head);
  if (change.mac) message.put(IFLA_ADDRESS, change.mac->bytes);
  if (change.mtu) message.put(IFLA_MTU, *change.mtu);
  if (change.queue_length) message.put(IFLA_TXQLEN, *change.queue_length);
  if (change.alias) message.put_bytes(IFLA_IFALIAS, change.alias->data(), change.alias->size());
  return socket_.request(message, "interface " + name);
}

Result<> KernelNetwork::remove_link(const std::string& name) {
  const auto current = find_link(name);
  if (!current) return current.error();
  if (!current.value()) return Ok{};
  ifinfomsg head{};
  head.ifi_index = static_cast<int>(current.value()->index);
  NetlinkMessage message(RTM_DELLINK, 0, head);
  return socket_.request(message, "interface " + name, {ENODEV});
}

Result<> KernelNetwork::set_fifo_queue(uint32_t interface, uint32_t packets) {
  tcmsg head{};
  head.tcm_ifindex = static_cast<int>(interface);
  head.tcm_parent = TC_H_ROOT;
  NetlinkMessage message(RTM_NEWQDISC, kReplace, head);
  message.put_text(TCA_KIND, "pfifo").put(TCA_OPTIONS, tc_fifo_qopt{packets});
  // A kernel without traffic control has no such queues either.
  return socket_.request(message, "queue of interface " + std::to_string(interface), {EOPNOTSUPP});
}

Result<> KernelNetwork::add_address(uint32_t interface, const Prefix& prefix) {
  auto message = address_message(RTM_NEWADDR, kAdd, interface, prefix);
  if (!prefix.address.is_v4()) message.put<uint32_t>(IFA_FLAGS, IFA_F_NODAD);
  return socket_.request(message, on_interface("address", prefix.text(), interface), {EEXIST});
}

Result<> KernelNetwork::remove_address(uint32_t interface, const Prefix& prefix) {
  auto message = address_message(RTM_DELADDR, 0, interface, prefix);
  return socket_.request(message, on_interface("address", prefix.text(), interface), {EADDRNOTAVAIL, ENODEV});
}

Result<std::vector<KernelAddress>> KernelNetwork::addresses() {
  return collect<KernelAddress>(socket_, addresses_request(), "addresses", parse_address);
}

Result<> KernelNetwork::add_route(const KernelRoute& route) {
  auto message = route_message(RTM_NEWROUTE, kAdd, route);
  return socket_.request(message, route_text(route));
}

Result<> KernelNetwork::replace_route(const KernelRoute& route) {
  auto message = route_message(RTM_NEWROUTE, kReplace, route);
  return socket_.request(message, route_text(route));
}

Result<> KernelNetwork::remove_route(const KernelRoute& route) {
  auto message = route_message(RTM_DELROUTE, 0, route);
  return socket_.request(message, route_text(route), {ESRCH, ENODEV});
}

Result<std::vector<KernelRoute>> KernelNetwork::routes(uint8_t protocol) {
  std::vector<KernelRoute> all;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    auto rows = collect<KernelRoute>(socket_, routes_request(family, 0, protocol), "routes",
                                     [&](const NetlinkView& view) -> std::optional<KernelRoute> {
                                       auto route = parse_route(view);
                                       const bool wanted = route &&
                                                           route->prefix.address.family() == family &&
                                                           (protocol == 0 || route->protocol == protocol);
                                       return wanted ? route : std::nullopt;
                                     });
    if (!rows) return rows.error();
    all.insert(all.end(), rows.value().begin(), rows.value().end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

Result<size_t> KernelNetwork::remove_routes(uint8_t protocol) {
  if (protocol == 0) return Error{"routes", "protocol 0 would name every route"};
  const auto all = routes(protocol);
  if (!all) return all.error();
  for (const KernelRoute& route : all.value()) {
    if (const auto removed = remove_route(route); !removed) return removed.error();
  }
  return all.value().size();
}

Result<> KernelNetwork::add_permanent_neighbour(uint32_t interface, const IpAddress& address,
                                                const MacAddress& mac) {
  auto message = neighbour_message(RTM_NEWNEIGH, kReplace, interface, address, {NUD_PERMANENT, 0, 0});
  message.put(NDA_LLADDR, mac.bytes);
  return socket_.request(message, on_interface("neighbour", address.text(), interface));
}

Result<> KernelNetwork::add_managed_neighbour(uint32_t interface, const IpAddress& address) {
  auto message = neighbour_message(RTM_NEWNEIGH, kReplace, interface, address, kManaged);
  return socket_.request(message, on_interface("neighbour", address.text(), interface));
}

Result<> KernelNetwork::ask_neighbour(uint32_t interface, const IpAddress& address) {
  const std::string where = on_interface("neighbour", address.text(), interface);
  auto fresh = neighbour_message(RTM_NEWNEIGH, kAdd, interface, address, {NUD_NONE, NTF_USE, 0});
  const auto added = socket_.get(fresh, where, {EEXIST}, [](const NetlinkView&) {});
  if (!added) return added.error();
  if (added.value()) return Ok{};
  // NTF_USE takes from an entry whatever flag the request doesn't repeat, and `permanent` in any case.
  const auto known = neighbour(interface, address);
  if (!known) return known.error();
  if (!known.value() || known.value()->permanent) return Ok{};
  NeighbourChange change = {NUD_NONE, NTF_USE, 0};
  if (known.value()->external) change.flags |= NTF_EXT_LEARNED;
  if (known.value()->managed) change.extended_flags = NTF_EXT_MANAGED;
  auto again = neighbour_message(RTM_NEWNEIGH, NLM_F_REPLACE, interface, address, change);
  return socket_.request(again, where, {ENOENT});
}

Result<> KernelNetwork::remove_neighbour(uint32_t interface, const IpAddress& address) {
  auto message = neighbour_message(RTM_DELNEIGH, 0, interface, address);
  return socket_.request(message, on_interface("neighbour", address.text(), interface), {ENOENT, ENODEV});
}

Result<std::optional<KernelNeighbour>> KernelNetwork::neighbour(uint32_t interface,
                                                                const IpAddress& address) {
  auto message = neighbour_message(RTM_GETNEIGH, 0, interface, address);
  std::optional<KernelNeighbour> found;
  const auto got = socket_.get(message, on_interface("neighbour", address.text(), interface), {ENOENT},
                               [&](const NetlinkView& view) { found = parse_neighbour(view); });
  if (!got) return got.error();
  return found;
}

Result<> set_interface_sysctl(Family family, std::string_view group, const std::string& interface,
                              std::string_view key, std::string_view value) {
  std::string path = family == Family::ipv4 ? "/proc/sys/net/ipv4/" : "/proc/sys/net/ipv6/";
  path.append(group).append("/").append(interface).append("/").append(key);
  if (!is_interface_name(interface)) return Error{path, "not an interface name"};
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader) return Error{path, kernel_error_text(errno, {})};
  char current[64];
  const ssize_t size = ::read(reader.get(), current, sizeof current);
  // Where it has the value already, a read-only /proc/sys (a container) is no reason to fail.
  if (size > 0 && std::string_view(current, static_cast<size_t>(size)) == std::string(value) + "\n")
    return Ok{};
  const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!writer) return Error{path, kernel_error_text(errno, {})};
  if (::write(writer.get(), value.data(), value.size()) < 0) {
    return Error{path, "cannot be set to " + std::string(value) + ": " + kernel_error_text(errno, {})};
  }
  return Ok{};
}

bool kernel_has_ipv6() {
  return ::access("/proc/sys/net/ipv6/conf", F_OK) == 0;
}

}  // namespace shunt
