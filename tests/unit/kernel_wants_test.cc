// What shunt wants of the kernel, in both families: next hops, routes to VIPs, multicast groups.
#include "control/kernel_wants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;
using testing::ElementsAre;
using testing::IsEmpty;

BackendConfig backend_at(const std::string& text) {
  BackendConfig config = backend(1);
  config.name = text;
  config.address = address(text);
  return config;
}

ServiceConfig service_at(const std::string& vip, Announce announce) {
  ServiceConfig config = service(1, "web");
  config.name = vip;
  config.address = prefix(vip);
  config.announce = announce;
  return config;
}

// Two ports, each with a subnet of both families.
Config two_families(std::vector<PoolConfig> pools, std::vector<ServiceConfig> services) {
  Config two = config(std::move(pools), std::move(services));
  two.ports[0].addresses = {prefix("192.0.2.2/24"), prefix("2001:db8::2/64")};
  two.ports.push_back(two.ports[0]);
  two.ports[1].name = "net1";
  two.ports[1].host_interface = "shunt1";
  two.ports[1].addresses = {prefix("10.0.0.2/24"), prefix("2001:db8:1::2/64")};
  return two;
}

TEST(KernelWants, NextHopsOfBothFamilies) {
  Bed bed(two_families({pool("web", {backend_at("10.0.0.11"), backend_at("2001:db8:1::11"),
                                     backend_at("2001:db8:9::11"), backend_at("2001:db8:a::11")})},
                       {service(1, "web")}));
  KernelView view;
  view.routes = {{prefix("10.0.0.0/24"), 1, std::nullopt},
                 {prefix("2001:db8:1::/64"), 1, std::nullopt},
                 {prefix("2001:db8:9::/64"), 1, address("2001:db8:1::fe")},
                 {prefix("::/0"), 0, address("fe80::1")}};
  bed.compiler.set_kernel(view);
  bed.compile();
  EXPECT_THAT(
      wanted_next_hops(bed.compiler.registry(), *bed.snapshot),
      ElementsAre(NextHopKey{0, address("fe80::1")}, NextHopKey{1, address("10.0.0.11")},
                  NextHopKey{1, address("2001:db8:1::11")}, NextHopKey{1, address("2001:db8:1::fe")}));
}

TEST(KernelWants, RoutesToVipsOfBothFamilies) {
  const Config config = two_families(
      {pool("web", {backend(1)})},
      {service_at("2001:db8::10", Announce::arp), service_at("2001:db8:1::/96", Announce::arp),
       service_at("2001:db8:f::10", Announce::route), service_at("198.51.100.10", Announce::route)});
  EXPECT_THAT(wanted_vip_routes(config, {{prefix("198.51.100.10"), 7}, {prefix("2001:db8:f::10"), 0}}),
              ElementsAre(VipRoute{prefix("198.51.100.10"), 0, true, 7},
                          VipRoute{prefix("2001:db8::10"), 0, false, 0},
                          VipRoute{prefix("2001:db8:1::/96"), 1, false, 0},
                          VipRoute{prefix("2001:db8:f::10"), 0, true, 0}));
}

// By the first interface that checks can come from, of the VIP's family.
TEST(KernelWants, RoutesToProbeAddresses) {
  PoolConfig four = pool("four", {backend(1)});
  four.health.emplace().via = HealthVia::tunnel;
  PoolConfig six = four;
  six.name = "six";
  PoolConfig own = four;
  own.name = "own";
  own.probe_prefix = prefix("172.31.0.0/24");
  PoolConfig plain = pool("plain", {backend(1)});
  plain.health.emplace();
  const auto uses = [](const std::string& vip, const std::string& pool) {
    ServiceConfig config = service_at(vip, Announce::route);
    config.pool = pool;
    return config;
  };
  Config config =
      two_families({four, six, own, plain}, {uses("198.51.100.10", "four"), uses("198.51.100.11", "own"),
                                             uses("2001:db8:f::10", "six"), uses("198.51.100.12", "plain")});
  EXPECT_THAT(wanted_probe_routes(config), ElementsAre(VipRoute{prefix("172.31.0.0/24"), 0, false},
                                                       VipRoute{prefix("198.18.0.0/15"), 0, false},
                                                       VipRoute{prefix("2001:2::/48"), 0, false}));
  config.ports[0].addresses = {prefix("2001:db8::2/64")};
  EXPECT_THAT(wanted_probe_routes(config), ElementsAre(VipRoute{prefix("172.31.0.0/24"), 1, false},
                                                       VipRoute{prefix("198.18.0.0/15"), 1, false},
                                                       VipRoute{prefix("2001:2::/48"), 0, false}));
  config.ports[0].host_interface.clear();
  config.ports[1].addresses.clear();
  EXPECT_THAT(wanted_probe_routes(config), ElementsAre(VipRoute{prefix("172.31.0.0/24"), 1, false},
                                                       VipRoute{prefix("198.18.0.0/15"), 1, false},
                                                       VipRoute{prefix("2001:2::/48"), 1, false}));
}

TEST(KernelWants, GroupsWhereIpv6VipsAreAnsweredFor) {
  Bed bed(two_families(
      {pool("web", {backend(1)})},
      {service_at("2001:db8::10", Announce::arp), service_at("2001:db8:1::ab:cdef", Announce::arp),
       service_at("2001:db8:1::1:0:10", Announce::arp), service_at("2001:db8:1::/96", Announce::arp),
       service_at("2001:db8::11", Announce::route), service_at("2001:db8::12", Announce::none),
       service_at("192.0.2.10", Announce::arp), service_at("2001:db8:f::7", Announce::arp)}));
  using Group = std::pair<uint8_t, IpAddress>;
  // The last one is in no port's subnet, so every port answers for it.
  EXPECT_THAT(wanted_groups(*bed.snapshot),
              ElementsAre(Group{0, address("ff02::1:ff00:7")}, Group{0, address("ff02::1:ff00:10")},
                          Group{1, address("ff02::1:ff00:7")}, Group{1, address("ff02::1:ff00:10")},
                          Group{1, address("ff02::1:ffab:cdef")}));
  bed.load(two_families({pool("web", {backend(1)})}, {}));
  EXPECT_THAT(wanted_groups(*bed.snapshot), IsEmpty());
}

}  // namespace
}  // namespace shunt
