// NextHops: where a packet for an address leaves, and to which MAC. The kernel's routes and neighbours,
// mirrored.
//
// Two parts of a snapshot, only read. Routes are kept as disjoint intervals, found by bisection, so that
// their number costs log2 and not a walk; neighbours as a map by port and address.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/address.h"
#include "dataplane/address_map.h"

namespace shunt {

struct Route {
  Prefix prefix;
  uint8_t port = 0;
  std::optional<IpAddress> gateway;  // absent: on-link

  bool operator==(const Route&) const = default;
};

class RouteTable {
 public:
  RouteTable() = default;
  // Of two routes with one prefix the earlier one counts.
  explicit RouteTable(const std::vector<Route>& routes);

  // The longest match; nothing where no route covers the address.
  const Route* find(const IpAddress& address) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  // An address as a number that sorts like it; IPv4 in its mapped place.
  struct Position {
    uint64_t high = 0;
    uint64_t low = 0;
    auto operator<=>(const Position&) const = default;
  };
  struct Interval {
    Position first;  // until the next interval's
    int32_t route = -1;
  };
  static Position position_of(const IpAddress& address);
  static std::optional<Position> after(
      const Prefix& prefix);  // the first address behind it; none at the very end

  std::vector<Route> routes_;  // shortest prefix first within one start
  std::vector<Interval> intervals_;
};

struct NeighbourRow {
  uint8_t port = 0;
  IpAddress address;
  MacAddress mac;
};

class NeighbourTable {
 public:
  NeighbourTable() = default;
  explicit NeighbourTable(const std::vector<NeighbourRow>& rows);
  const MacAddress* find(uint8_t port, const IpAddress& address) const {
    return macs_.find(AddressKey::of(address, port));
  }
  size_t size() const { return macs_.size(); }

 private:
  AddressMap<MacAddress> macs_;
};

}  // namespace shunt
