// KernelNetwork against the real kernel, in namespaces of the test's own: links, addresses, routes,
// neighbours, sysctls.
//
//   [ this namespace  shunt0 192.0.2.1 ]---veth---[ far0 192.0.2.2  second namespace ]
#include "control/kernel_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/unit/network_namespace.h"

namespace shunt {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr uint8_t kProtocol = 0x5a;

class KernelNetworkTest : public WiredNamespace {
 protected:
  KernelRoute route(const char* to, std::optional<IpAddress> gateway = {}) const {
    return {.prefix = prefix(to),
            .metric = 50,
            .protocol = kProtocol,
            .interface = near_index(),
            .gateway = gateway};
  }
  std::vector<KernelRoute> ours() { return network().routes(kProtocol).take(); }

  std::optional<KernelNeighbour> neighbour(const char* address) {
    return network().neighbour(near_index(), ip(address)).take();
  }
  // Polls until the neighbour has a usable MAC.
  bool resolves(const char* address) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto found = neighbour(address);
      if (found && found->usable) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
};

TEST_F(KernelNetworkTest, ChangesOnlyWhatIsNamedOfALink) {
  const auto before = network().link("shunt0").take();
  EXPECT_TRUE(before.up);
  EXPECT_EQ(before.mac, mac("02:00:00:00:00:01"));
  EXPECT_EQ(before.kind, "veth");
  ASSERT_TRUE(succeeds(network().set_link("shunt0", {.mtu = 1400, .queue_length = 77, .alias = "a name"})));
  auto wanted = before;
  wanted.mtu = 1400;
  wanted.queue_length = 77;
  wanted.alias = "a name";
  EXPECT_EQ(network().link("shunt0").take(), wanted);
  ASSERT_TRUE(succeeds(network().set_link("shunt0", {.up = false})));
  EXPECT_FALSE(network().link("shunt0").take().up);
}

TEST_F(KernelNetworkTest, SaysWhichInterfaceIsMissing) {
  EXPECT_EQ(network().link("nowhere0").error().text(), "interface nowhere0: No such device");
  EXPECT_FALSE(network().find_link("nowhere0").take());
  EXPECT_TRUE(succeeds(network().remove_link("nowhere0")));
  for (const char* name : {"", ".", "..", "a/b", "a b", "sixteen-bytes-xx"}) {
    EXPECT_THAT(network().find_link(name).error().what, HasSubstr("not an interface name")) << name;
  }
}

TEST_F(KernelNetworkTest, PassesOnTheKernelsExplanation) {
  ASSERT_TRUE(succeeds(network().set_link("shunt0", {.up = false})));
  const auto refused = network().add_route(route("198.51.100.0/24"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where,
            "route 198.51.100.0/24 on interface " + std::to_string(near_index()) + " table 254");
  EXPECT_THAT(refused.error().what, HasSubstr("Network is down: "));
  EXPECT_THAT(refused.error().what, HasSubstr("not up"));
}

TEST_F(KernelNetworkTest, AddressesMayBeAddedAndRemovedTwice) {
  for (const char* text : {"198.51.100.9/28", "2001:db8:9::9/56"}) {
    const KernelAddress wanted = {near_index(), prefix(text)};
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(succeeds(network().add_address(near_index(), wanted.prefix)));
    EXPECT_THAT(network().addresses().take(), testing::Contains(wanted).Times(1));
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(succeeds(network().remove_address(near_index(), wanted.prefix)));
    EXPECT_THAT(network().addresses().take(), testing::Not(testing::Contains(wanted)));
  }
  EXPECT_THAT(network().add_address(9999, prefix("198.51.100.9/28")).error().text(),
              HasSubstr("No such device"));
}

TEST_F(KernelNetworkTest, RoutesAreAddedReplacedAndRemoved) {
  // On-link gateways outside of every subnet of the interface.
  for (const auto& [to, first, second] : {std::tuple{"198.51.100.10/32", "203.0.113.1", "203.0.113.2"},
                                          std::tuple{"2001:db8:a::/48", "2001:db8:b::1", "2001:db8:b::2"}}) {
    const KernelRoute wanted = route(to, ip(first));
    ASSERT_TRUE(succeeds(network().add_route(wanted)));
    EXPECT_EQ(ours(), std::vector{wanted});
    EXPECT_THAT(network().add_route(wanted).error().what, HasSubstr("File exists"));
    const KernelRoute other = route(to, ip(second));
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(succeeds(network().replace_route(other)));
    EXPECT_EQ(ours(), std::vector{other});
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(succeeds(network().remove_route(other)));
    EXPECT_TRUE(ours().empty());
  }
}

TEST_F(KernelNetworkTest, RoutesOfEveryShapeReadBack) {
  KernelRoute blackhole = route("203.0.113.0/24");
  blackhole.type = RouteType::blackhole;
  blackhole.interface = 0;
  KernelRoute elsewhere = route("198.51.100.0/25");
  elsewhere.table = 1000;
  const KernelRoute mixed = route("198.51.100.128/25", ip("2001:db8::2"));  // an IPv6 next hop (RFC 5549)
  std::vector<KernelRoute> wanted = {blackhole, elsewhere, mixed, route("198.51.101.0/24"),
                                     route("2001:db8:c::/64")};
  for (const KernelRoute& each : wanted)
    ASSERT_TRUE(succeeds(network().add_route(each))) << each.prefix.text();
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(ours(), wanted);
  for (const KernelRoute& each : wanted)
    ASSERT_TRUE(succeeds(network().remove_route(each))) << each.prefix.text();
  EXPECT_TRUE(ours().empty());
}

TEST_F(KernelNetworkTest, RemovesAllRoutesOfAProtocolAndNoOther) {
  KernelRoute users = route("198.51.100.2/32");
  users.protocol = 4;  // static
  ASSERT_TRUE(succeeds(network().add_route(users)));
  for (const char* to : {"198.51.100.1/32", "203.0.113.0/24", "2001:db8:a::1/128"}) {
    ASSERT_TRUE(succeeds(network().add_route(route(to))));
  }
  KernelRoute same_place = users;
  same_place.protocol = kProtocol;
  ASSERT_TRUE(succeeds(network().remove_route(same_place)));  // isn't there: the user's has another protocol
  EXPECT_EQ(network().remove_routes(kProtocol).take(), 3U);
  EXPECT_TRUE(ours().empty());
  EXPECT_EQ(network().routes(4).take(), std::vector{users});
  EXPECT_EQ(network().remove_routes(kProtocol).take(), 0U);
  EXPECT_FALSE(network().remove_routes(0));
}

TEST_F(KernelNetworkTest, ManagedNeighboursResolveByThemselves) {
  for (const char* address : {"192.0.2.2", "2001:db8::2"}) {
    ASSERT_TRUE(succeeds(network().add_managed_neighbour(near_index(), ip(address))));
    ASSERT_TRUE(resolves(address)) << address;
    const auto found = neighbour(address);
    EXPECT_EQ(found->mac, mac("02:00:00:00:00:02"));
    EXPECT_TRUE(found->managed && found->external && !found->permanent);
    for (int i = 0; i < 2; ++i)
      ASSERT_TRUE(succeeds(network().remove_neighbour(near_index(), ip(address))));
  }
}

TEST_F(KernelNetworkTest, AskingResolvesAndLeavesAnEntryItsKind) {
  for (const char* address : {"192.0.2.2", "2001:db8::2"}) {
    ASSERT_TRUE(succeeds(network().ask_neighbour(near_index(), ip(address))));
    ASSERT_TRUE(resolves(address)) << address;
    EXPECT_FALSE(neighbour(address)->managed);
    ASSERT_TRUE(succeeds(network().add_managed_neighbour(near_index(), ip(address))));
    EXPECT_TRUE(neighbour(address)->usable);  // becoming managed doesn't lose the MAC
    ASSERT_TRUE(succeeds(network().ask_neighbour(near_index(), ip(address))));
    const auto asked = neighbour(address);
    EXPECT_TRUE(asked->managed && asked->external && asked->usable) << address;
  }
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  ASSERT_TRUE(succeeds(network().ask_neighbour(near_index(), ip("192.0.2.9"))));
  const auto kept = neighbour("192.0.2.9");
  EXPECT_TRUE(kept->permanent);
  EXPECT_EQ(kept->mac, mac("02:00:00:00:00:09"));
}

// More managed neighbours than the kernel's table limit (gc_thresh3 = 1,024) would allow, and as many routes.
TEST_F(KernelNetworkTest, ThousandsAtOnce) {
  constexpr uint32_t kCount = 2'000;
  ASSERT_TRUE(succeeds(network().add_address(near_index(), prefix("10.1.0.1/16"))));
  const auto address = [](uint32_t i) { return IpAddress::v4(be32(0x0a010100U + i)); };
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(succeeds(network().add_managed_neighbour(near_index(), address(i)))) << i;
  }
  const auto neighbours_done = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < kCount; ++i) {
    KernelRoute each = route("0.0.0.0/32");
    each.prefix.address = IpAddress::v4(be32(0xc6336400U + i));
    ASSERT_TRUE(succeeds(network().replace_route(each))) << i;
  }
  const auto routes_done = std::chrono::steady_clock::now();
  EXPECT_EQ(ours().size(), kCount);
  EXPECT_TRUE(network().neighbour(near_index(), address(0)).take());
  EXPECT_TRUE(network().neighbour(near_index(), address(kCount - 1)).take());
  EXPECT_EQ(network().remove_routes(kProtocol).take(), kCount);
  const auto each_us = [](auto span) {
    return std::chrono::duration<double, std::micro>(span).count() / kCount;
  };
  std::printf("each: neighbour %.1f us, route %.1f us\n", each_us(neighbours_done - start),
              each_us(routes_done - neighbours_done));
}

TEST_F(KernelNetworkTest, SetsSysctlsOfTheInterface) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const std::string path = std::string("/proc/sys/net/") + (family == Family::ipv4 ? "ipv4" : "ipv6");
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(
          succeeds(set_interface_sysctl(family, "neigh", "shunt0", "base_reachable_time_ms", "4400")));
    }
    std::string value;
    std::ifstream(path + "/neigh/shunt0/base_reachable_time_ms") >> value;
    EXPECT_EQ(value, "4400");
  }
  EXPECT_EQ(set_interface_sysctl(Family::ipv4, "conf", "nowhere0", "accept_redirects", "0").error().text(),
            "/proc/sys/net/ipv4/conf/nowhere0/accept_redirects: No such file or directory");
  EXPECT_THAT(set_interface_sysctl(Family::ipv4, "conf", "shunt0", "accept_redirects", "x").error().what,
              HasSubstr("cannot be set to x: Invalid argument"));
  EXPECT_FALSE(set_interface_sysctl(Family::ipv4, "conf", "../all", "accept_redirects", "0"));
}

}  // namespace
}  // namespace shunt
