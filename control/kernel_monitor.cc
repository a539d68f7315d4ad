#include "control/kernel_monitor.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/system/error_code.hpp>
#include <cerrno>

namespace shunt {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;
constexpr int kReadsPerWake = 256;  // then other handlers of the loop get their turn
constexpr auto kListingGap = std::chrono::milliseconds(5);
constexpr auto kRetryGap = std::chrono::seconds(1);

constexpr int kGroups[] = {RTNLGRP_LINK,       RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                           RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP};

Error errno_error(const std::string& where) {
  return {where, kernel_error_text(errno, {})};
}

Result<UniqueFd> open_events(int receive_buffer_bytes) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return errno_error("netlink events");
  const int size = receive_buffer_bytes;
  // FORCE passes net.core.rmem_max and needs CAP_NET_ADMIN; with less, overflows are only more frequent.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0)
    return errno_error("netlink events");
  for (const int group : kGroups) {
    const int result = ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
    if (result != 0 && group != RTNLGRP_NEXTHOP) return errno_error("netlink events");  // nexthops: Linux 5.3
  }
  return fd;
}

}  // namespace

KernelMonitor::KernelMonitor(boost::asio::io_context& io, NetlinkSocket lister, KernelEvents events,
                             std::set<uint32_t> tables)
    : lister_(std::move(lister)),
      descriptor_(io),
      timer_(io),
      self_(std::make_shared<KernelMonitor*>(this)),
      events_(std::move(events)),
      tables_(std::move(tables)),
      buffer_(kBufferBytes) {}

KernelMonitor::~KernelMonitor() = default;

Result<std::unique_ptr<KernelMonitor>> KernelMonitor::open(boost::asio::io_context& io, KernelEvents events,
                                                           const KernelMonitorOptions& options) {
  auto lister = NetlinkSocket::open();
  if (!lister) return lister.error();
  auto fd = open_events(options.receive_buffer_bytes);
  if (!fd) return fd.error();
  std::unique_ptr<KernelMonitor> monitor(
      new KernelMonitor(io, lister.take(), std::move(events), {options.table, options.second_table}));
  boost::system::error_code error;
  if (monitor->descriptor_.assign(fd.value().get(), error); error)
    return Error{"netlink events", error.message()};
  (void)fd.value().release();
  return monitor;
}

Result<> KernelMonitor::watch(std::vector<uint32_t> interfaces) {
  const bool first = counts_.resyncs == 0;
  std::sort(interfaces.begin(), interfaces.end());
  interfaces_ = std::move(interfaces);
  const auto done = resync();
  if (done && first) arm();
  return done;
}

bool KernelMonitor::watched(uint32_t interface) const {
  return std::binary_search(interfaces_.begin(), interfaces_.end(), interface);
}

const KernelLink* KernelMonitor::link(uint32_t interface) const {
  const auto found = links_.find(interface);
  return found == links_.end() ? nullptr : &found->second;
}

const KernelNeighbour* KernelMonitor::neighbour(uint32_t interface, const IpAddress& address) const {
  const auto found = neighbours_.find({interface, address});
  return found == neighbours_.end() ? nullptr : &found->second;
}

void KernelMonitor::note(const std::string& text) const {
  if (events_.on_note) events_.on_note(text);
}

void KernelMonitor::arm() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [weak = std::weak_ptr(self_)](const boost::system::error_code& error) {
                           const auto self = weak.lock();
                           if (self && !error) (*self)->on_readable();
                         });
}

void KernelMonitor::on_readable() {
  if (!read_events()) {
    ++counts_.overflows;
    note("the kernel sent more network changes than could be read: listing everything again");
    if (const auto done = resync(); !done) {
      note(done.error().text());
      resync_due_ = true;
      refresh_later();
    }
  }
  arm();
}

// False: events were lost.
bool KernelMonitor::read_events() {
  for (int reads = 0; reads < kReadsPerWake; ++reads) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t size = ::recvfrom(descriptor_.native_handle(), buffer_.data(), buffer_.size(),
                                    MSG_DONTWAIT | MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN;
    if (static_cast<size_t>(size) > buffer_.size()) return false;
    if (from.nl_pid != 0) continue;  // not from the kernel
    for_each_message({buffer_.data(), static_cast<size_t>(size)},
                     [&](const NetlinkView& view) { apply(view); });
  }
  return true;
}

// What is queued is older than the listing that follows. Bounded by the receive buffer: the queue may be
// refilled while it is emptied, and what is left then is applied after the listing, where each object's last
// event wins.
void KernelMonitor::discard_events() {
  for (size_t reads = 0; reads < 100'000; ++reads) {
    const ssize_t size = ::recv(descriptor_.native_handle(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
  }
}

void KernelMonitor::apply(const NetlinkView& view) {
  ++counts_.events;
  switch (view.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      apply_link(view);
      break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      apply_address(view);
      break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      apply_route(view);
      break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      apply_neighbour(view);
      break;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      routes_dirty_ = true;
      refresh_later();
      break;
    default:
      break;
  }
}

void KernelMonitor::apply_link(const NetlinkView& view) {
  auto link = parse_link(view);
  if (!link || !watched(link->index)) return;
  const uint32_t index = link->index;
  if (view.type == RTM_DELLINK) link.reset();
  update_link(index, std::move(link));
  routes_dirty_ = true;
  refresh_later();
}

void KernelMonitor::apply_address(const NetlinkView& view) {
  const auto address = parse_address(view);
  if (!address) return;
  const auto place = std::lower_bound(addresses_.begin(), addresses_.end(), *address);
  const bool known = place != addresses_.end() && *place == *address;
  if (view.type == RTM_NEWADDR && !known) {
    addresses_.insert(place, *address);
  } else if (view.type == RTM_DELADDR && known) {
    addresses_.erase(place);
  } else {
    return;  // its lifetime or flags
  }
  if (events_.on_addresses_changed) events_.on_addresses_changed();
  routes_dirty_ = true;
  refresh_later();
}

void KernelMonitor::apply_route(const NetlinkView& view) {
  const auto route = parse_route(view, interfaces_);
  if (!route || !tables_.contains(route->table)) return;
  // interface 0: a discarding route or a nexthop object. A replacement may have displaced one of ours.
  const bool replaces = view.type == RTM_NEWROUTE && (view.flags & NLM_F_REPLACE) != 0;
  if (!watched(route->interface) && route->interface != 0 && !replaces) return;
  routes_dirty_ = true;
  refresh_later();
}

void KernelMonitor::apply_neighbour(const NetlinkView& view) {
  const auto neighbour = parse_neighbour(view);
  if (!neighbour || !watched(neighbour->interface)) return;
  if (view.type == RTM_DELNEIGH)
    drop_neighbour(neighbour->interface, neighbour->address);
  else
    update_neighbour(*neighbour);
}

void KernelMonitor::update_link(uint32_t interface, std::optional<KernelLink> link) {
  const auto known = links_.find(interface);
  if (!link) {
    if (known == links_.end()) return;
    links_.erase(known);
  } else {
    if (known != links_.end() && known->second == *link) return;
    links_.insert_or_assign(interface, *link);
  }
  if (events_.on_link) events_.on_link(interface, link);
}

void KernelMonitor::update_neighbour(KernelNeighbour neighbour) {
  KernelNeighbour& known = neighbours_[{neighbour.interface, neighbour.address}];
  const auto before = known.mac;
  if (!neighbour.mac) neighbour.mac = before;  // incomplete or failed: the last one stands
  known = neighbour;
  if (neighbour.mac && neighbour.mac != before && events_.on_neighbour) {
    events_.on_neighbour(neighbour.interface, neighbour.address, neighbour.mac);
  }
}

void KernelMonitor::drop_neighbour(uint32_t interface, const IpAddress& address) {
  if (neighbours_.erase({interface, address}) == 0) return;
  if (events_.on_neighbour) events_.on_neighbour(interface, address, std::nullopt);
}

Result<> KernelMonitor::resync() {
  discard_events();
  for (const auto step : {&KernelMonitor::list_links, &KernelMonitor::list_addresses,
                          &KernelMonitor::list_routes, &KernelMonitor::list_neighbours}) {
    if (const auto done = (this->*step)(); !done) return done;
  }
  ++counts_.resyncs;
  resync_due_ = false;
  return Ok{};
}

Result<> KernelMonitor::list_links() {
  const auto rows = collect<KernelLink>(lister_, links_request(), "links", parse_link);
  if (!rows) return rows.error();
  std::map<uint32_t, KernelLink> now;
  for (const KernelLink& row : rows.value()) {
    if (watched(row.index)) now.emplace(row.index, row);
  }
  const auto before = links_;
  for (const auto& [index, link] : before) {
    if (now.contains(index)) continue;
    if (watched(index))
      update_link(index, std::nullopt);
    else
      links_.erase(index);  // no longer of interest
  }
  for (const auto& [index, link] : now)
    update_link(index, link);
  return Ok{};
}

Result<> KernelMonitor::list_addresses() {
  auto rows = collect<KernelAddress>(lister_, addresses_request(), "addresses", parse_address);
  if (!rows) return rows.error();
  std::sort(rows.value().begin(), rows.value().end());
  if (rows.value() == addresses_) return Ok{};
  addresses_ = rows.take();
  if (events_.on_addresses_changed) events_.on_addresses_changed();
  return Ok{};
}

Result<> KernelMonitor::list_table(uint32_t table, RouteListing& listing) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const auto rows =
        collect<KernelRoute>(lister_, routes_request(family, table), "routes",
                             [&](const NetlinkView& view) { return parse_route(view, interfaces_); });
    if (!rows) return rows.error();
    for (const KernelRoute& row : rows.value()) {
      if (row.table != table || row.prefix.address.family() != family) continue;
      const bool unicast = row.type == RouteType::unicast;
      if (unicast && row.interface == 0) ++listing.unresolved;
      if (unicast && !watched(row.interface)) continue;
      if (row.hops > 1) ++listing.multipath;
      listing.routes.push_back(row);
    }
  }
  return Ok{};
}

Result<> KernelMonitor::list_routes() {
  const auto start = std::chrono::steady_clock::now();
  routes_dirty_ = false;
  ++counts_.route_listings;
  RouteListing listing;
  for (const uint32_t table : tables_) {
    if (const auto listed = list_table(table, listing); !listed) return listed;
  }
  std::vector<KernelRoute>& now = listing.routes;
  const uint64_t multipath = listing.multipath;
  const uint64_t unresolved = listing.unresolved;
  std::sort(now.begin(), now.end());
  if (multipath > counts_.multipath_routes) {
    note(std::to_string(multipath) + " multipath routes: of each only the first next hop is used");
  }
  if (unresolved > counts_.unresolved_routes) {
    note(std::to_string(unresolved) +
         " routes name a nexthop object only and aren't used: set net.ipv4.nexthop_compat_mode=1");
  }
  counts_.multipath_routes = multipath;
  counts_.unresolved_routes = unresolved;
  listing_time_ = std::chrono::steady_clock::now() - start;
  if (now == routes_) return Ok{};
  routes_ = std::move(now);
  if (events_.on_routes_changed) events_.on_routes_changed();
  return Ok{};
}

Result<> KernelMonitor::list_neighbours() {
  const auto rows = collect<KernelNeighbour>(lister_, neighbours_request(), "neighbours", parse_neighbour);
  if (!rows) return rows.error();
  std::map<NeighbourKey, KernelNeighbour> now;
  for (const KernelNeighbour& row : rows.value()) {
    if (watched(row.interface)) now.emplace(NeighbourKey{row.interface, row.address}, row);
  }
  std::vector<NeighbourKey> gone;
  for (const auto& [key, neighbour] : neighbours_) {
    if (!now.contains(key)) gone.push_back(key);
  }
  for (const auto& [interface, address] : gone) {
    if (watched(interface))
      drop_neighbour(interface, address);
    else
      neighbours_.erase({interface, address});
  }
  for (const auto& [key, neighbour] : now)
    update_neighbour(neighbour);
  return Ok{};
}

void KernelMonitor::refresh_later() {
  if (timer_armed_) return;
  timer_armed_ = true;
  auto gap = std::max<std::chrono::nanoseconds>(kListingGap, 10 * listing_time_);
  if (resync_due_) gap = kRetryGap;
  timer_.expires_after(gap);
  timer_.async_wait([weak = std::weak_ptr(self_)](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!self || error) return;
    (*self)->timer_armed_ = false;
    (*self)->refresh();
  });
}

void KernelMonitor::refresh() {
  const bool everything = resync_due_;
  const auto done = everything ? resync() : routes_dirty_ ? list_routes() : Result<>(Ok{});
  if (done) return;
  note(done.error().text());
  if (!everything) routes_dirty_ = true;
  listing_time_ = kRetryGap / 10;
  refresh_later();
}

}  // namespace shunt
