#include "dataplane/next_hops.h"

#include <gtest/gtest.h>

#include <random>

namespace shunt {
namespace {

Route route(const char* prefix, uint8_t port, const char* gateway = nullptr) {
  Route made{*Prefix::parse(prefix), port, std::nullopt};
  if (gateway != nullptr) made.gateway = *IpAddress::parse(gateway);
  return made;
}

// The port that an address leaves by; −1: no route.
int port_of(const RouteTable& table, const char* address) {
  const Route* found = table.find(*IpAddress::parse(address));
  return found == nullptr ? -1 : found->port;
}

TEST(RouteTable, WithoutRoutesNothingIsFound) {
  EXPECT_EQ(port_of(RouteTable{}, "10.0.0.1"), -1);
  EXPECT_EQ(port_of(RouteTable(std::vector<Route>{}), "::1"), -1);
}

TEST(RouteTable, TheLongestMatchWins) {
  const RouteTable table({route("0.0.0.0/0", 0, "192.0.2.1"), route("10.0.0.0/8", 1), route("10.1.0.0/16", 2),
                          route("10.1.2.3", 3), route("192.0.2.0/24", 4)});
  EXPECT_EQ(port_of(table, "8.8.8.8"), 0);
  EXPECT_EQ(port_of(table, "10.0.0.0"), 1);
  EXPECT_EQ(port_of(table, "10.255.255.255"), 1);
  EXPECT_EQ(port_of(table, "11.0.0.0"), 0);
  EXPECT_EQ(port_of(table, "10.1.0.0"), 2);
  EXPECT_EQ(port_of(table, "10.1.2.2"), 2);
  EXPECT_EQ(port_of(table, "10.1.2.3"), 3);
  EXPECT_EQ(port_of(table, "10.1.2.4"), 2);
  EXPECT_EQ(port_of(table, "255.255.255.255"), 0);
  EXPECT_EQ(port_of(table, "0.0.0.0"), 0);
  EXPECT_EQ(table.find(*IpAddress::parse("8.8.8.8"))->gateway, IpAddress::parse("192.0.2.1"));
}

TEST(RouteTable, OfTwinsTheEarlierCounts) {
  const RouteTable table({route("10.0.0.0/8", 1), route("10.0.0.0/8", 2), route("10.0.0.5/8", 3)});
  EXPECT_EQ(port_of(table, "10.0.0.1"), 1);
  EXPECT_EQ(table.routes().size(), 1U);
}

TEST(RouteTable, TheFamiliesDoNotServeEachOther) {
  const RouteTable six({route("::/0", 1)});
  EXPECT_EQ(port_of(six, "10.0.0.1"), -1);
  EXPECT_EQ(port_of(six, "2001:db8::1"), 1);
  const RouteTable both({route("::/0", 1), route("0.0.0.0/0", 2), route("2001:db8::/32", 3)});
  EXPECT_EQ(port_of(both, "10.0.0.1"), 2);
  EXPECT_EQ(port_of(both, "2001:db8::1"), 3);
  EXPECT_EQ(port_of(both, "2001:db9::1"), 1);
  EXPECT_EQ(port_of(both, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 1);
}

// Longest match by looking at every route.
const Route* naive(const std::vector<Route>& routes, const IpAddress& address) {
  const Route* best = nullptr;
  for (const Route& candidate : routes) {
    if (candidate.prefix.address.family() != address.family() || !candidate.prefix.contains(address))
      continue;
    if (best == nullptr || candidate.prefix.length > best->prefix.length) best = &candidate;
  }
  return best;
}

struct Model {
  explicit Model(uint32_t seed) : random(seed) {}

  // Few distinct bits, so that prefixes nest and touch.
  IpAddress address(Family family) {
    std::array<uint8_t, 16> bytes{};
    bytes[0] = 0x20;
    for (const size_t at : {size_t{1}, size_t{7}, size_t{8}, size_t{15}})
      bytes[at] = static_cast<uint8_t>(random() % 3 * 127);
    const auto four = static_cast<uint32_t>((random() % 3) << 30U | (random() % 3) << 15U | random() % 3);
    return family == Family::ipv6 ? IpAddress::v6(bytes.data()) : IpAddress::v4(be32(four));
  }
  Route any_route(uint8_t port) {
    const Family family = random() % 2 == 0 ? Family::ipv4 : Family::ipv6;
    const IpAddress base = address(family);
    return {{base, static_cast<uint8_t>(random() % (base.bits() + 1))}, port, std::nullopt};
  }

  std::mt19937 random;
};

TEST(RouteTable, AgreesWithANaiveLongestMatch) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    Model model(seed);
    std::vector<Route> routes;
    for (auto i = static_cast<unsigned>(model.random() % 40); i > 0; --i)
      routes.push_back(model.any_route(static_cast<uint8_t>(i)));
    const RouteTable table(routes);
    const auto check = [&](const IpAddress& address) {
      const Route* const wanted = naive(routes, address);
      const Route* const found = table.find(address);
      ASSERT_EQ(found != nullptr, wanted != nullptr) << "seed " << seed << ' ' << address.text();
      if (found != nullptr) {
        ASSERT_EQ(*found, *wanted) << "seed " << seed << ' ' << address.text();
      }
    };
    for (int i = 0; i < 200; ++i)
      check(model.address(i % 2 == 0 ? Family::ipv4 : Family::ipv6));
    for (const Route& each : routes) {
      check(each.prefix.network());
      check(each.prefix.address);
    }
  }
}

TEST(NeighbourTable, IsByPortAndAddress) {
  const IpAddress address = *IpAddress::parse("10.0.0.1");
  const MacAddress first = *MacAddress::parse("02:00:00:00:00:01");
  const MacAddress second = *MacAddress::parse("02:00:00:00:00:02");
  const NeighbourTable table({{0, address, first}, {1, address, second}});
  EXPECT_EQ(*table.find(0, address), first);
  EXPECT_EQ(*table.find(1, address), second);
  EXPECT_EQ(table.find(2, address), nullptr);
  EXPECT_EQ(table.find(0, *IpAddress::parse("10.0.0.2")), nullptr);
  EXPECT_EQ(table.size(), 2U);
}

}  // namespace
}  // namespace shunt
