// KernelNetwork: what shunt changes in the kernel's network, by rtnetlink and /proc/sys/net.
//
// Owner: the control thread; made in the network namespace that it is to change (sysctls are the calling
// thread's namespace's). Everything is synchronous and may be repeated: adding what is there and removing
// what isn't succeed, except add_route. Cost on the machine of bench/RESULTS.md: 3–15 µs each, so thousands
// need no batching.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "control/kernel_objects.h"
#include "control/netlink_socket.h"

namespace shunt {

// What is absent stays as it is.
struct LinkChange {
  std::optional<bool> up = {};
  std::optional<uint32_t> mtu = {};
  std::optional<MacAddress> mac = {};
  std::optional<uint32_t> queue_length = {};
  std::optional<std::string> alias = {};  // at most 255 bytes
};

class KernelNetwork {
 public:
  static Result<KernelNetwork> open();

  Result<std::optional<KernelLink>> find_link(const std::string& name);
  Result<KernelLink> link(const std::string& name);  // an error when there is none
  Result<> set_link(const std::string& name, const LinkChange& change);
  Result<> remove_link(const std::string& name);
  // One first-in first-out queue of so many packets for the whole interface, instead of the default for each
  // of its hardware queues: those of a multi-queue tap with a queue length of 10,000 take 96 MiB.
  Result<> set_fifo_queue(uint32_t interface, uint32_t packets);

  // IPv6 addresses skip duplicate address detection: it would leave shunt mute for its first two seconds, and
  // for good if a probe comes back.
  Result<> add_address(uint32_t interface, const Prefix& prefix);
  Result<> remove_address(uint32_t interface, const Prefix& prefix);
  Result<std::vector<KernelAddress>> addresses();

  // A gateway is taken as on-link, whether or not the interface has an address in its subnet. metric 0 is the
  // family's default (1024 in IPv6). add_route refuses where a route to the prefix with that metric exists,
  // whoever made it; replace_route takes its place; remove_route removes only one that equals `route` (metric
  // 0: any).
  Result<> add_route(const KernelRoute& route);
  Result<> replace_route(const KernelRoute& route);
  Result<> remove_route(const KernelRoute& route);
  Result<std::vector<KernelRoute>> routes(
      uint8_t protocol);                           // both families, all tables, sorted; protocol 0: all
  Result<size_t> remove_routes(uint8_t protocol);  // how many there were; 0 is refused

  Result<> add_permanent_neighbour(uint32_t interface, const IpAddress& address, const MacAddress& mac);
  // The kernel resolves it now and keeps it fresh, outside its table limit and garbage collection
  // (Linux 5.16). It goes when the link loses its carrier and must then be added again (KernelMonitor tells).
  Result<> add_managed_neighbour(uint32_t interface, const IpAddress& address);
  // Asks the network once if the kernel isn't sure; entries keep their kind.
  Result<> ask_neighbour(uint32_t interface, const IpAddress& address);
  Result<> remove_neighbour(uint32_t interface, const IpAddress& address);
  Result<std::optional<KernelNeighbour>> neighbour(uint32_t interface, const IpAddress& address);

 private:
  explicit KernelNetwork(NetlinkSocket socket) : socket_(std::move(socket)) {}

  NetlinkSocket socket_;
};

// /proc/sys/net/FAMILY/GROUP/INTERFACE/KEY; group is "conf" or "neigh". Nothing is written where it has that
// value.
Result<> set_interface_sysctl(Family family, std::string_view group, const std::string& interface,
                              std::string_view key, std::string_view value);

// False where the kernel runs without IPv6.
bool kernel_has_ipv6();

// A name that the kernel takes for an interface (1–15 bytes, no '/', blank, '.' or '..').
bool is_interface_name(std::string_view name);

}  // namespace shunt
