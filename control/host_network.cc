#include "control/host_network.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>

namespace shunt {
namespace {

constexpr uint32_t kMainTable = 254;
constexpr uint32_t kIpv6DefaultMetric = 1024;  // what the kernel makes of 0
constexpr uint32_t kQueueLength = 10'000;      // a tap's default of 500 to 1,000 loses bursts

void log_failure(const Result<>& result) {
  if (!result) spdlog::warn("{}", result.error().text());
}

bool is_own(const KernelRoute& route, const RoutesConfig& routes) {
  return route.protocol == kOwnRouteProtocol || route.protocol == routes.protocol;
}

}  // namespace

Result<std::unique_ptr<HostNetwork>> HostNetwork::open(boost::asio::io_context& io) {
  auto network = KernelNetwork::open();
  if (!network) return network.error();
  return std::unique_ptr<HostNetwork>(new HostNetwork(io, network.take()));
}

Result<> HostNetwork::open_interfaces(const Config& config, const std::vector<MacAddress>& macs,
                                      const std::vector<MacAddress>& host_macs) {
  host_macs_ = host_macs;
  routes_config_ = config.routes;
  taps_.resize(config.ports.size());
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    if (port.host_interface.empty()) continue;
    auto tap = HostTap::open(network_, {port.host_interface, port.name, macs[i], port.mtu, port.addresses});
    if (!tap)
      return Error{"port \"" + port.name + "\": host_interface \"" + port.host_interface + "\"",
                   tap.error().text()};
    taps_[i] = tap.take();
  }
  // What a killed shuntd left behind is taken over where it is still wanted, and goes otherwise.
  find_leftovers(kOwnRouteProtocol);
  find_leftovers(config.routes.protocol);
  return Ok{};
}

// On our own interfaces only: another shuntd may have routes of the same protocol on its own.
void HostNetwork::find_leftovers(uint8_t protocol) {
  auto routes = network_.routes(protocol);
  if (!routes) return;
  for (const KernelRoute& route : routes.value()) {
    if (port_of(route.interface)) own_routes_.insert(route);
  }
}

std::set<Prefix> HostNetwork::announced_before() const {
  std::set<Prefix> vips;
  for (const KernelRoute& route : own_routes_) {
    if (route.protocol == routes_config_.protocol && route.table == routes_config_.table)
      vips.insert(route.prefix);
  }
  return vips;
}

void HostNetwork::on_link(uint32_t interface, const std::optional<KernelLink>& link) {
  const auto port = port_of(interface);
  if (!port) return;
  const std::string name = taps_[*port]->name();
  if (!link) {
    spdlog::error(
        "host_interface {} is gone: somebody removed it; shuntd has to be restarted to make it again", name);
  } else if (link->up) {
    spdlog::info("host_interface {} is up", name);
  } else {
    spdlog::warn("host_interface {} is down", name);
  }
  tell_later();  // the kernel drops routes and neighbours with the link
}

bool HostNetwork::lacks_own_routes() const {
  if (!monitor_) return false;
  return !std::ranges::includes(monitor_->routes(), own_routes_);
}

KernelEvents HostNetwork::events() {
  KernelEvents events;
  events.on_neighbour = [this](uint32_t interface, const IpAddress& address,
                               const std::optional<MacAddress>& mac) {
    on_neighbour(interface, address, mac);
  };
  events.on_routes_changed = [this] { tell_later(); };
  events.on_addresses_changed = [this] { tell_later(); };
  events.on_link = [this](uint32_t interface, const std::optional<KernelLink>& link) {
    on_link(interface, link);
  };
  events.on_note = [](const std::string& text) { spdlog::warn("{}", text); };
  return events;
}

Result<> HostNetwork::follow(std::function<void()> changed) {
  changed_ = std::move(changed);
  auto monitor = KernelMonitor::open(io_, events(), {.second_table = routes_config_.table});
  if (!monitor) return monitor.error();
  monitor_ = monitor.take();
  return monitor_->watch(indices());
}

std::optional<uint8_t> HostNetwork::port_of(uint32_t interface) const {
  for (uint8_t i = 0; i < taps_.size(); ++i) {
    if (taps_[i] && taps_[i]->index() == interface) return i;
  }
  return std::nullopt;
}

void HostNetwork::on_neighbour(uint32_t interface, const IpAddress& address,
                               const std::optional<MacAddress>& mac) {
  const auto port = port_of(interface);
  if (!port) return;
  const NextHopKey key{*port, address};
  if (!mac) {
    // The last known MAC stays in use; the kernel is asked again for a next hop of ours.
    if (wanted_.contains(key)) log_failure(network_.add_managed_neighbour(interface, address));
    return;
  }
  if (std::ranges::find(host_macs_, *mac) != host_macs_.end()) return;  // a VIP's own entry
  const auto known = macs_.find(key);
  if (known != macs_.end() && known->second == *mac) return;
  if (known != macs_.end())
    spdlog::info("next hop {} moved from {} to {}", address.text(), known->second.text(), mac->text());
  if (known == macs_.end() && macs_.size() >= kMaxNeighbours) return;
  macs_[key] = *mac;
  tell_later();
}

void HostNetwork::tell_later() {
  if (telling_ || !changed_) return;
  telling_ = true;
  boost::asio::post(io_, [this] {
    telling_ = false;
    changed_();
  });
}

std::vector<int> HostNetwork::fds() const {
  std::vector<int> fds;
  for (const auto& tap : taps_)
    fds.push_back(tap ? tap->fd() : -1);
  return fds;
}

std::vector<uint32_t> HostNetwork::indices() const {
  std::vector<uint32_t> indices;
  for (const auto& tap : taps_) {
    if (tap) indices.push_back(tap->index());
  }
  return indices;
}

KernelView HostNetwork::view() const {
  KernelView view;
  if (!monitor_) return view;
  for (const KernelRoute& route : monitor_->routes()) {
    const auto port = port_of(route.interface);
    if (!port || route.type != RouteType::unicast || route.table != kMainTable ||
        is_own(route, routes_config_))
      continue;
    // Sorted by metric within a prefix, and of equal prefixes RouteTable keeps the first.
    view.routes.push_back({route.prefix, *port, route.gateway});
  }
  for (const auto& [key, mac] : macs_)
    view.neighbours.push_back({key.first, key.second, mac});
  for (const KernelAddress& address : monitor_->addresses()) {
    if (port_of(address.interface)) view.node_addresses.push_back(address.prefix.address);
  }
  return view;
}

void HostNetwork::want_neighbours(const std::set<NextHopKey>& wanted) {
  for (const auto& key : wanted_) {
    if (!wanted.contains(key) && has_interface(key.first)) {
      log_failure(network_.remove_neighbour(taps_[key.first]->index(), key.second));
    }
  }
  for (const auto& key : wanted) {
    if (!wanted_.contains(key) && has_interface(key.first)) {
      log_failure(network_.add_managed_neighbour(taps_[key.first]->index(), key.second));
    }
  }
  wanted_ = wanted;
}

void HostNetwork::ask(uint8_t port, const IpAddress& address) {
  if (has_interface(port)) static_cast<void>(network_.ask_neighbour(taps_[port]->index(), address));
}

KernelRoute HostNetwork::own_route(const VipRoute& route) const {
  KernelRoute kernel_route;
  kernel_route.prefix = {route.vip.network(), route.vip.length};
  kernel_route.metric = kOwnRouteMetric;
  kernel_route.protocol = kOwnRouteProtocol;
  kernel_route.interface = taps_[route.port]->index();
  // Of a prefix only one address can have a neighbour entry: it is the gateway to the others.
  if (!route.vip.is_host()) kernel_route.gateway = route.vip.network();
  return kernel_route;
}

// As the kernel lists them.
std::set<KernelRoute> HostNetwork::kernel_routes(const std::set<VipRoute>& wanted,
                                                 const RoutesConfig& routes) const {
  std::set<KernelRoute> all;
  for (const VipRoute& vip : wanted) {
    KernelRoute route = own_route(vip);
    all.insert(route);
    if (!vip.announced) continue;
    route.protocol = routes.protocol;
    route.table = routes.table;
    route.metric = vip.metric == 0 && !vip.vip.address.is_v4() ? kIpv6DefaultMetric : vip.metric;
    all.insert(route);
  }
  return all;
}

void HostNetwork::set_vip_routes(const std::set<VipRoute>& wanted, const RoutesConfig& routes) {
  const std::set<KernelRoute> next = kernel_routes(wanted, routes);
  const bool all = routes_lost_ || lacks_own_routes();
  routes_lost_ = false;
  for (const VipRoute& vip : wanted) {
    if (all || !vip_routes_.contains(vip))
      log_failure(network_.add_permanent_neighbour(taps_[vip.port]->index(), vip.vip.network(),
                                                   host_macs_[vip.port]));
  }
  for (const KernelRoute& route : next) {
    if (all || !own_routes_.contains(route)) log_failure(network_.replace_route(route));
  }
  for (const KernelRoute& route : own_routes_) {
    if (!next.contains(route)) log_failure(network_.remove_route(route));
  }
  for (const VipRoute& vip : vip_routes_) {
    const bool stays = std::ranges::any_of(
        wanted, [&](const VipRoute& other) { return other.vip == vip.vip && other.port == vip.port; });
    if (!stays) log_failure(network_.remove_neighbour(taps_[vip.port]->index(), vip.vip.network()));
  }
  vip_routes_ = wanted;
  own_routes_ = next;
  routes_config_ = routes;
}

void HostNetwork::set_groups(const std::set<std::pair<uint8_t, IpAddress>>& wanted) {
  std::set<MulticastGroups::Membership> memberships;
  for (const auto& [port, group] : wanted) {
    if (has_interface(port)) memberships.emplace(taps_[port]->index(), group);
  }
  log_failure(groups_.set(memberships));
}

Result<> HostNetwork::set_addresses(const Config& config) {
  for (size_t i = 0; i < taps_.size(); ++i) {
    if (!taps_[i]) continue;
    if (auto set = taps_[i]->set_addresses(network_, config.ports[i].addresses); !set) return set;
  }
  return Ok{};
}

void HostNetwork::remove() {
  changed_ = nullptr;
  monitor_.reset();
  set_vip_routes({}, routes_config_);
  want_neighbours({});
  set_groups({});
  for (auto& tap : taps_) {
    if (tap) log_failure(tap->remove(network_));
    tap.reset();
  }
}

std::optional<KernelLink> HostNetwork::find_link(const std::string& interface) {
  auto link = network_.find_link(interface);
  return link ? link.take() : std::nullopt;
}

void HostNetwork::prepare_far_end(const std::string& interface, const MacAddress& port_mac,
                                  std::optional<MacAddress> before) {
  MacAddress far_mac = port_mac;
  far_mac.bytes[0] = static_cast<uint8_t>((far_mac.bytes[0] | 0x02U) ^ 0x08U);
  if (before && *before != port_mac) far_mac = *before;  // whoever made it chose that
  LinkChange change;
  change.mac = far_mac;
  change.queue_length = kQueueLength;
  log_failure(network_.set_link(interface, change));
}

}  // namespace shunt
