// HostNetwork: all that shunt has to do with the kernel's network: host_interfaces, routes and neighbours for
// next hops, and the routes by which the host itself, and a BGP daemon, know the VIPs.
//
// Owner: the control thread. Mirrors by netlink; a change is told once, after the event loop's turn in which
// it came. Bound: kMaxNeighbours last known MACs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/compiler.h"
#include "control/config.h"
#include "control/host_tap.h"
#include "control/kernel_monitor.h"
#include "control/kernel_network.h"
#include "control/kernel_wants.h"
#include "control/multicast_groups.h"

namespace shunt {

inline constexpr uint8_t kOwnRouteProtocol = 0x5b;       // of the host's own routes to VIPs
inline constexpr uint32_t kOwnRouteMetric = 0x73687431;  // "sht1": no other route loses to it
inline constexpr size_t kMaxNeighbours = 65'536;

class HostNetwork {
 public:
  static Result<std::unique_ptr<HostNetwork>> open(boost::asio::io_context& io);

  // Makes or adopts every host_interface. `macs`: of the ports, by index.
  Result<> open_interfaces(const Config& config, const std::vector<MacAddress>& macs,
                           const std::vector<MacAddress>& host_macs);
  // Starts mirroring; `changed` is called whenever view() has become another.
  Result<> follow(std::function<void()> changed);

  std::vector<int> fds() const;           // by port index; −1 where there is no host_interface
  std::vector<uint32_t> indices() const;  // the kernel's, of all host_interfaces
  bool has_interface(uint8_t port) const { return port < taps_.size() && taps_[port].has_value(); }
  KernelView view() const;

  // The kernel keeps these next hops fresh from now on, and no others.
  void want_neighbours(const std::set<NextHopKey>& wanted);
  void ask(uint8_t port, const IpAddress& address);
  // New routes are there before old ones go. What an earlier shuntd left behind goes too, with the first
  // call.
  void set_vip_routes(const std::set<VipRoute>& wanted, const RoutesConfig& routes);
  // VIPs that an earlier shuntd had announced by routes which are still there; of the start.
  std::set<Prefix> announced_before() const;
  // By port; those of a port without host_interface are left out.
  void set_groups(const std::set<std::pair<uint8_t, IpAddress>>& wanted);
  Result<> set_addresses(const Config& config);
  // The next set_vip_routes puts everything back, whatever is there.
  void distrust_routes() { routes_lost_ = true; }

  // The clean stop: routes and what was made go.
  void remove();

  // The device's far end must not answer to the port's MAC: a bridge would keep its frames. And bursts need
  // room.
  void prepare_far_end(const std::string& interface, const MacAddress& port_mac,
                       std::optional<MacAddress> before);
  // Nothing where there is none by that name.
  std::optional<KernelLink> find_link(const std::string& interface);

 private:
  HostNetwork(boost::asio::io_context& io, KernelNetwork network) : io_(io), network_(std::move(network)) {}

  KernelEvents events();
  void on_neighbour(uint32_t interface, const IpAddress& address, const std::optional<MacAddress>& mac);
  void tell_later();
  void on_link(uint32_t interface, const std::optional<KernelLink>& link);
  bool lacks_own_routes() const;
  void find_leftovers(uint8_t protocol);
  std::optional<uint8_t> port_of(uint32_t interface) const;
  KernelRoute own_route(const VipRoute& route) const;
  std::set<KernelRoute> kernel_routes(const std::set<VipRoute>& wanted, const RoutesConfig& routes) const;

  boost::asio::io_context& io_;
  KernelNetwork network_;
  std::vector<std::optional<HostTap>> taps_;  // by port index
  std::vector<MacAddress> host_macs_;
  std::unique_ptr<KernelMonitor> monitor_;
  std::function<void()> changed_;
  bool telling_ = false;
  bool routes_lost_ = false;  // what the kernel has of ours must be put back
  std::map<NextHopKey, MacAddress> macs_;
  std::set<NextHopKey> wanted_;
  std::set<VipRoute> vip_routes_;
  std::set<KernelRoute> own_routes_;  // the kernel's, to VIPs
  MulticastGroups groups_;
  RoutesConfig routes_config_;
};

}  // namespace shunt
