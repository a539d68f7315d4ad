#include "dataplane/next_hops.h"

#include <algorithm>
#include <tuple>

namespace shunt {

RouteTable::Position RouteTable::position_of(const IpAddress& address) {
  const uint8_t* bytes = address.bytes().data();
  return {load<be64>(bytes).host(), load<be64>(bytes + 8).host()};
}

std::optional<RouteTable::Position> RouteTable::after(const Prefix& prefix) {
  const unsigned length = prefix.length + (prefix.address.is_v4() ? 96U : 0U);
  Position position = position_of(prefix.network());
  if (length == 0) return std::nullopt;
  if (length > 64) {
    const uint64_t step = 1ULL << (128U - length);
    position.low += step;
    if (position.low < step) ++position.high;
    if (position == Position{}) return std::nullopt;
    return position;
  }
  position.low = 0;
  const uint64_t step = 1ULL << (64U - length);
  position.high += step;
  if (position.high < step) return std::nullopt;
  return position;
}

// Prefixes nest or are disjoint, so one pass in order of their starts with a stack of those still open cuts
// the address space into intervals that each belong to the innermost one.
RouteTable::RouteTable(const std::vector<Route>& routes) {
  // By start, outer prefixes first; twins stay in the order they came in, and the first of them is kept. (An
  // index breaks ties: std::stable_sort allocates by a function that clang refuses as deprecated.)
  const auto mapped_length = [](const Prefix& prefix) {
    return prefix.length + (prefix.address.is_v4() ? 96U : 0U);
  };
  using Order = std::tuple<Position, unsigned, size_t>;
  std::vector<Order> order;
  for (size_t i = 0; i < routes.size(); ++i) {
    order.emplace_back(position_of(routes[i].prefix.network()), mapped_length(routes[i].prefix), i);
  }
  std::ranges::sort(order);
  for (const auto& [start, length, i] : order) {
    const bool twin = !routes_.empty() && mapped_length(routes_.back().prefix) == length &&
                      position_of(routes_.back().prefix.network()) == start;
    if (!twin) routes_.push_back(routes[i]);
  }

  std::vector<int32_t> open;
  const auto add = [&](Position first, int32_t route) {
    if (!intervals_.empty() && intervals_.back().first == first) intervals_.pop_back();
    intervals_.push_back({first, route});
  };
  const auto close_until = [&](const Position* limit) {
    while (!open.empty()) {
      const auto end = after(routes_[static_cast<size_t>(open.back())].prefix);
      if (!end || (limit != nullptr && *limit < *end)) return;
      open.pop_back();
      add(*end, open.empty() ? -1 : open.back());
    }
  };
  for (size_t i = 0; i < routes_.size(); ++i) {
    const Position start = position_of(routes_[i].prefix.network());
    close_until(&start);
    open.push_back(static_cast<int32_t>(i));
    add(start, open.back());
  }
  close_until(nullptr);
}

const Route* RouteTable::find(const IpAddress& address) const {
  const auto above = std::ranges::upper_bound(intervals_, position_of(address), {}, &Interval::first);
  if (above == intervals_.begin()) return nullptr;
  const int32_t route = std::prev(above)->route;
  if (route < 0) return nullptr;
  const Route& found = routes_[static_cast<size_t>(route)];
  // An IPv6 default route covers IPv4's mapped place too, and must not serve it.
  return found.prefix.address.family() == address.family() ? &found : nullptr;
}

NeighbourTable::NeighbourTable(const std::vector<NeighbourRow>& rows) {
  std::vector<std::pair<AddressKey, MacAddress>> pairs;
  pairs.reserve(rows.size());
  for (const NeighbourRow& row : rows)
    pairs.emplace_back(AddressKey::of(row.address, row.port), row.mac);
  macs_ = AddressMap<MacAddress>(pairs);
}

}  // namespace shunt
