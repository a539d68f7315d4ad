// KernelMonitor: a mirror of the kernel's links, addresses, routes and neighbours on the interfaces of
// interest, kept by rtnetlink events on an Asio loop.
//
// Owner: the control thread; all calls and callbacks are on the io_context's thread. Links, addresses and
// neighbours follow each event. Routes are listed again after events, because the kernel tells neither of
// IPv4 routes that go with a link or address nor of those that a replacement displaced; listings come no
// closer together than 5 ms and take at most a tenth of the time. Lost events (ENOBUFS) are counted and
// everything is listed again; callbacks tell the difference, so a loss is not seen by callers. Bound: the
// kernel's own tables; the queue of events is receive_buffer_bytes. Needs no privileges beyond the buffer's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "control/kernel_objects.h"
#include "control/netlink_socket.h"

namespace shunt {

// Absent ones aren't called. None may destroy the monitor.
struct KernelEvents {
  // A neighbour's first or next MAC. Nothing is said when it becomes stale or unreachable: the last MAC is
  // used until there is another. nullopt: the kernel dropped the entry; a managed one has to be added again.
  std::function<void(uint32_t interface, const IpAddress&, const std::optional<MacAddress>&)> on_neighbour;
  std::function<void()> on_routes_changed;
  std::function<void()> on_addresses_changed;
  // nullopt: the link is gone. Once for each watched link at the start, then at each change.
  std::function<void(uint32_t interface, const std::optional<KernelLink>&)> on_link;
  // For the log: something an operator should know.
  std::function<void(const std::string&)> on_note;
};

struct KernelMonitorOptions {
  uint32_t table = 254;                        // routes of this table; main
  uint32_t second_table = 254;                 // and of this one, where it is another
  int receive_buffer_bytes = 8 * 1024 * 1024;  // about 10,000 events
};

struct KernelMonitorCounts {
  uint64_t events = 0;
  uint64_t overflows = 0;  // the kernel threw events away
  uint64_t resyncs = 0;    // everything was listed, the first time included
  uint64_t route_listings = 0;
  uint64_t multipath_routes = 0;   // now; of each the first next hop on a watched interface is mirrored
  uint64_t unresolved_routes = 0;  // now; a nexthop object without an interface in the route: not mirrored
};

class KernelMonitor {
 public:
  static Result<std::unique_ptr<KernelMonitor>> open(boost::asio::io_context& io, KernelEvents events,
                                                     const KernelMonitorOptions& options = {});
  ~KernelMonitor();
  KernelMonitor(const KernelMonitor&) = delete;
  KernelMonitor& operator=(const KernelMonitor&) = delete;

  // The interfaces of interest, by index; lists everything at once (callbacks run before it returns) and
  // follows events from then on. May be called again with another set.
  Result<> watch(std::vector<uint32_t> interfaces);

  // Routes by watched interfaces, and those that discard packets whatever the interface; sorted.
  const std::vector<KernelRoute>& routes() const { return routes_; }
  // Of all interfaces, sorted.
  const std::vector<KernelAddress>& addresses() const { return addresses_; }
  const KernelLink* link(uint32_t interface) const;
  const KernelNeighbour* neighbour(uint32_t interface, const IpAddress& address) const;
  size_t neighbour_count() const { return neighbours_.size(); }
  const KernelMonitorCounts& counts() const { return counts_; }

 private:
  using NeighbourKey = std::pair<uint32_t, IpAddress>;
  struct RouteListing {
    std::vector<KernelRoute> routes;
    uint64_t multipath = 0;
    uint64_t unresolved = 0;
  };

  KernelMonitor(boost::asio::io_context& io, NetlinkSocket lister, KernelEvents events,
                std::set<uint32_t> tables);
  bool watched(uint32_t interface) const;

  // Events.
  void arm();
  void on_readable();
  bool read_events();
  void discard_events();
  void apply(const NetlinkView& view);
  void apply_link(const NetlinkView& view);
  void apply_address(const NetlinkView& view);
  void apply_route(const NetlinkView& view);
  void apply_neighbour(const NetlinkView& view);

  // Listings.
  Result<> resync();
  Result<> list_links();
  Result<> list_addresses();
  Result<> list_routes();
  Result<> list_table(uint32_t table, RouteListing& listing);
  Result<> list_neighbours();
  void refresh_later();
  void refresh();
  void note(const std::string& text) const;
  void update_link(uint32_t interface, std::optional<KernelLink> link);
  void update_neighbour(KernelNeighbour neighbour);
  void drop_neighbour(uint32_t interface, const IpAddress& address);

  NetlinkSocket lister_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
  // Handlers hold it weakly: one that is queued when the monitor goes finds it gone.
  std::shared_ptr<KernelMonitor*> self_;
  KernelEvents events_;
  std::set<uint32_t> tables_;
  std::vector<uint8_t> buffer_;

  std::vector<uint32_t> interfaces_;
  std::map<uint32_t, KernelLink> links_;
  std::vector<KernelAddress> addresses_;
  std::vector<KernelRoute> routes_;
  std::map<NeighbourKey, KernelNeighbour> neighbours_;
  KernelMonitorCounts counts_;

  bool routes_dirty_ = false;
  bool resync_due_ = false;  // events were lost and the listing that should make up for it failed
  bool timer_armed_ = false;
  std::chrono::nanoseconds listing_time_{0};  // of the last route listing
};

}  // namespace shunt
