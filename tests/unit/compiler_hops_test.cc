// Compiler: where packets to a backend go, which addresses are a nat service's backends, which VIPs are
// announced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;
using testing::ElementsAre;

MacAddress mac(std::string_view text) {
  return MacAddress::parse(text).value();
}
const MacAddress kOne = mac("02:00:00:00:00:11");
const MacAddress kTwo = mac("02:00:00:00:00:12");
const MacAddress kRouter = mac("02:00:00:00:00:fe");

ServiceConfig forwarded(unsigned i, const std::string& pool, Forward forward) {
  ServiceConfig config = service(i, pool);
  config.forward = forward;
  return config;
}

KernelView kernel(std::vector<NeighbourRow> neighbours = {}) {
  KernelView view;
  view.routes = {{prefix("10.0.0.0/24"), 0, std::nullopt},
                 {prefix("10.0.1.0/24"), 0, address("10.0.0.254")},
                 {prefix("10.0.2.0/24"), 1, std::nullopt}};
  view.neighbours = std::move(neighbours);
  return view;
}

// Two ports: net0 (MTU 1500), net1 (MTU 9000), each with a MAC of its own.
Config two_ports(std::vector<PoolConfig> pools, std::vector<ServiceConfig> services) {
  Config two = config(std::move(pools), std::move(services));
  two.ports[0].addresses = {prefix("10.0.0.1/24")};
  two.ports.push_back(two.ports[0]);
  two.ports[1].name = "net1";
  two.ports[1].addresses = {prefix("10.0.2.1/24")};
  two.ports[1].mtu = 9'000;
  return two;
}

const Destination& destination(const Bed& bed, unsigned service, unsigned number) {
  return bed.compiled(service).destination(BackendRef::of(0, number));
}

MacAddress mac_at(const Destination& destination, size_t at) {
  MacAddress address;
  std::copy_n(destination.head.begin() + static_cast<std::ptrdiff_t>(at), 6, address.bytes.begin());
  return address;
}

class CompilerHops : public testing::Test {
 protected:
  // On-link at net0, behind its router, on-link at net1, nowhere.
  CompilerHops()
      : web_(pool("web", {backend(11), backend(256 + 11), backend(2 * 256 + 11), backend(3 * 256 + 11)})),
        bed_(two_ports({web_}, {service(1, "web")})) {
    bed_.compiler.set_ports({{kPortMac, kHostMac, true}, {mac("02:00:00:00:00:02"), kHostMac, true}});
  }
  void use(KernelView view) {
    bed_.compiler.set_kernel(std::move(view));
    bed_.compile();
  }

  PoolConfig web_;
  Bed bed_;
};

TEST_F(CompilerHops, FollowsRoutesAndNeighbours) {
  use(kernel({{0, address("10.0.0.11"), kOne},
              {0, address("10.0.0.254"), kRouter},
              {1, address("10.0.2.11"), kTwo}}));
  const Destination& near = destination(bed_, 1, 0);
  EXPECT_TRUE(near.present && near.has_route && near.on_link && near.has_mac);
  EXPECT_EQ(near.port, 0);
  EXPECT_EQ(near.mtu, 1500);
  EXPECT_EQ(mac_at(near, 0), kOne);
  EXPECT_EQ(mac_at(near, 6), kPortMac);

  const Destination& far = destination(bed_, 1, 1);
  EXPECT_TRUE(far.has_route && far.has_mac);
  EXPECT_FALSE(far.on_link);
  EXPECT_EQ(mac_at(far, 0), kRouter);

  const Destination& other_port = destination(bed_, 1, 2);
  EXPECT_EQ(other_port.port, 1);
  EXPECT_EQ(other_port.mtu, 9'000);
  EXPECT_EQ(mac_at(other_port, 0), kTwo);
  EXPECT_EQ(mac_at(other_port, 6), mac("02:00:00:00:00:02"));

  // It had a route before this one: the last known way stays.
  const Destination& lost = destination(bed_, 1, 3);
  EXPECT_TRUE(lost.present && lost.has_route);
  EXPECT_EQ(lost.port, 0);
  EXPECT_FALSE(destination(bed_, 1, 4).present);
}

TEST_F(CompilerHops, ANeighbourOfAnotherPortIsNobodys) {
  use(kernel({{1, address("10.0.0.11"), kOne}}));
  EXPECT_TRUE(destination(bed_, 1, 0).has_route);
  EXPECT_FALSE(destination(bed_, 1, 0).has_mac);
}

TEST_F(CompilerHops, ANeighbourChangeRebuildsOnlyTheDestinationsItChanges) {
  PoolConfig other = pool("other", {backend(12)});
  bed_.load(
      two_ports({web_, other}, {service(1, "web"), service(2, "other"), forwarded(3, "web", Forward::nat)}));
  use(kernel({{0, address("10.0.0.11"), kOne}, {0, address("10.0.0.12"), kTwo}}));
  const auto before = std::move(bed_.snapshot);
  use(kernel({{0, address("10.0.0.11"), kRouter}, {0, address("10.0.0.12"), kTwo}}));
  const auto& was = before->services;
  EXPECT_NE(bed_.compiled(1).pools[0].destinations, was[bed_.id(1)].pools[0].destinations);
  EXPECT_EQ(mac_at(destination(bed_, 1, 0), 0), kRouter);
  EXPECT_EQ(bed_.compiled(2).pools[0].destinations, was[bed_.id(2)].pools[0].destinations);
  for (const unsigned i : {1U, 2U}) {
    EXPECT_EQ(bed_.compiled(i).choice.owner, was[bed_.id(i)].choice.owner);
    EXPECT_EQ(bed_.compiled(i).choice.accept, was[bed_.id(i)].choice.accept);
  }
  EXPECT_EQ(mac_at(was[bed_.id(1)].destination(BackendRef{}), 0), kOne) << "the old snapshot stays as it was";
}

TEST_F(CompilerHops, AGatewayMacIsEveryNextHop) {
  Config direct = two_ports({web_}, {service(1, "web")});
  direct.ports[0].gateway_mac = kRouter;
  direct.ports[1].gateway_mac = kTwo;
  bed_.load(direct);
  use(KernelView{});  // the kernel isn't asked
  EXPECT_EQ(mac_at(destination(bed_, 1, 0), 0), kRouter);
  EXPECT_EQ(mac_at(destination(bed_, 1, 2), 0), kTwo) << "in net1's own subnet";
  EXPECT_EQ(destination(bed_, 1, 2).port, 1);
  EXPECT_EQ(destination(bed_, 1, 3).port, 0) << "the first port takes the rest";
  EXPECT_EQ(mac_at(destination(bed_, 1, 3), 0), kRouter);
}

TEST_F(CompilerHops, APinnedMacIsForL2Only) {
  web_.backends[0].mac = kTwo;
  web_.backends[1].mac = kTwo;
  Config pinned = two_ports({web_}, {service(1, "web"), forwarded(2, "web", Forward::ipip)});
  pinned.ports[0].gateway_mac = kRouter;
  bed_.load(pinned);
  use(kernel({{0, address("10.0.0.11"), kOne}}));
  EXPECT_EQ(mac_at(destination(bed_, 1, 0), 0), kTwo) << "before neighbour and gateway_mac";
  EXPECT_EQ(mac_at(destination(bed_, 2, 0), 0), kRouter);
  EXPECT_TRUE(destination(bed_, 1, 1).on_link) << "who names the MAC says that it is there";
  EXPECT_FALSE(destination(bed_, 2, 1).on_link);
}

TEST(CompilerHopsOnePort, APinnedMacNeedsNoRoute) {
  PoolConfig web = pool("web", 1, 1);
  web.backends[0].mac = kTwo;
  Bed bed(config({web}, {service(1, "web")}));
  bed.compiler.set_kernel({});
  bed.compile();
  EXPECT_TRUE(destination(bed, 1, 0).has_route && destination(bed, 1, 0).has_mac);
  EXPECT_EQ(mac_at(destination(bed, 1, 0), 0), kTwo);
}

TEST_F(CompilerHops, TheOuterSourceIsTheWayOutsOrTheFirst) {
  Config tunnels = two_ports({web_}, {forwarded(1, "web", Forward::ipip)});
  tunnels.ports[1].encap_source = prefix("192.0.2.64/26");
  bed_.load(tunnels);
  use(kernel());
  EXPECT_EQ(destination(bed_, 1, 2).outer_source, address("192.0.2.64"));
  EXPECT_EQ(destination(bed_, 1, 2).source_spread_mask, 0x3fU);
  EXPECT_EQ(destination(bed_, 1, 0).outer_source, address("192.0.2.64")) << "net0 has none of its own";
  tunnels.ports[0].encap_source = prefix("10.0.0.1");
  bed_.load(tunnels);
  EXPECT_EQ(destination(bed_, 1, 0).outer_source, address("10.0.0.1"));
  EXPECT_EQ(destination(bed_, 1, 0).source_spread_mask, 0U);
  EXPECT_EQ(destination(bed_, 1, 2).outer_source, address("192.0.2.64"));
  const auto encap = [&](std::string_view text) {
    return bed_.snapshot->forbidden_sources->is_vip(AddressKey::of(address(text)), Family::ipv4);
  };
  EXPECT_TRUE(encap("192.0.2.127"));
  EXPECT_TRUE(encap("10.0.0.1"));
  EXPECT_FALSE(encap("192.0.2.128"));
}

TEST_F(CompilerHops, AnEncapSourceThatIsTheNodesOwnMaySend) {
  Config tunnels = two_ports({web_}, {forwarded(1, "web", Forward::ipip)});
  tunnels.ports[0].encap_source = prefix("10.0.0.1");
  bed_.load(tunnels);
  KernelView view = kernel();
  view.node_addresses = {address("10.0.0.1")};
  use(view);
  EXPECT_FALSE(bed_.snapshot->forbidden_sources->is_vip(AddressKey::of(address("10.0.0.1")), Family::ipv4));
  EXPECT_NE(bed_.snapshot->node_addresses->find(AddressKey::of(address("10.0.0.1"))), nullptr);
}

// ---- nat
const NatSource* source(const Bed& bed, std::string_view from, uint16_t port,
                        Protocol protocol = Protocol::tcp) {
  return bed.snapshot->nat_sources->find(AddressKey::of(
      address(from), Snapshot::nat_extra(address(from).family(), static_cast<uint8_t>(protocol), port)));
}

TEST_F(CompilerHops, NatBackendsAreKnownByAddressPortAndProtocol) {
  PoolConfig mixed = pool("mixed", {backend(11, 1, 8'080), backend(2 * 256 + 11)});
  bed_.load(two_ports({mixed, web_}, {forwarded(3, "mixed", Forward::nat), service(2, "web")}));
  use(kernel());
  const NatSource* own_port = source(bed_, "10.0.0.11", 8'080);
  ASSERT_NE(own_port, nullptr);
  EXPECT_EQ(own_port->service, bed_.id(3));
  EXPECT_EQ(own_port->backend, BackendRef::of(0, 0));
  EXPECT_EQ(own_port->port, 0);
  const NatSource* services_port = source(bed_, "10.0.2.11", 80);
  ASSERT_NE(services_port, nullptr);
  EXPECT_EQ(services_port->port, 1) << "behind net1";
  EXPECT_EQ(source(bed_, "10.0.0.11", 80), nullptr);
  EXPECT_EQ(source(bed_, "10.0.0.11", 8'080, Protocol::udp), nullptr);
  EXPECT_EQ(bed_.snapshot->nat_sources->size(), 2U) << "no l2 service's";
  EXPECT_EQ(destination(bed_, 3, 0).backend_port, be16(8'080));
  EXPECT_EQ(destination(bed_, 3, 1).backend_port, be16(0));
}

TEST_F(CompilerHops, NatKnowsWhoDrains) {
  PoolConfig web = pool("web", {backend(11), backend(12)});
  const ServiceConfig nat = forwarded(1, "web", Forward::nat);
  bed_.load(two_ports({web}, {nat}));
  bed_.load(two_ports({pool("web", {backend(11)})}, {nat}));
  EXPECT_NE(source(bed_, "10.0.0.12", 80), nullptr);
  bed_.now += 600 * kSecond;
  EXPECT_TRUE(bed_.advance());
  EXPECT_EQ(source(bed_, "10.0.0.12", 80), nullptr);
  // A whole pool that the service left.
  ServiceConfig moved = nat;
  moved.pool = "new";
  const std::vector<PoolConfig> pools = {pool("web", {backend(11)}), pool("new", {backend(13)})};
  bed_.load(two_ports(pools, {moved}));
  ASSERT_NE(source(bed_, "10.0.0.11", 80), nullptr);
  EXPECT_EQ(source(bed_, "10.0.0.13", 80)->backend, BackendRef::of(bed_.compiled(1).choice_pool, 0));
  bed_.now += 600 * kSecond;
  EXPECT_TRUE(bed_.advance());
  EXPECT_EQ(source(bed_, "10.0.0.11", 80), nullptr);
}

// ---- announced
TEST_F(CompilerHops, VipsAreAnnouncedOnThePortsWhoseSubnetHoldsThem) {
  const auto arp = [](unsigned i, std::string_view vip) {
    ServiceConfig config = service(i, "web");
    config.address = prefix(vip);
    config.announce = Announce::arp;
    return config;
  };
  ServiceConfig second_service = arp(4, "10.0.0.100");
  second_service.port = 443;
  ServiceConfig routed = arp(5, "10.0.0.101");
  routed.announce = Announce::route;
  ServiceConfig kernels = arp(6, "10.0.0.1");
  kernels.unserved = Unserved::punt;
  bed_.load(two_ports({web_}, {arp(1, "10.0.0.100"), arp(2, "10.0.2.64/28"), arp(3, "203.0.113.1"),
                               second_service, routed, kernels, service(7, "web")}));
  EXPECT_THAT(bed_.snapshot->announced,
              testing::UnorderedElementsAre(AnnouncedVip{prefix("10.0.0.100"), 1},
                                            AnnouncedVip{prefix("10.0.2.64/28"), 2},
                                            AnnouncedVip{prefix("203.0.113.1"), 3}));
  // In the subnets of both ports.
  Config shared = two_ports({web_}, {arp(1, "10.0.0.100")});
  shared.ports[1].addresses.push_back(prefix("10.0.0.2/24"));
  bed_.load(shared);
  EXPECT_THAT(bed_.snapshot->announced, ElementsAre(AnnouncedVip{prefix("10.0.0.100"), 3}));
}

TEST_F(CompilerHops, PortsCarryWhatTheStagesAsk) {
  Config two = two_ports({web_}, {service(1, "web")});
  two.ports[0].addresses.push_back(prefix("172.16.4.1/22"));
  two.ports[0].addresses.push_back(prefix("172.16.9.0/31"));
  two.ports[1].gateway_mac = kRouter;
  bed_.load(two);
  ASSERT_EQ(bed_.snapshot->ports.size(), 2U);
  const PortState& port = bed_.snapshot->ports[0];
  EXPECT_EQ(port.mac, kPortMac);
  EXPECT_EQ(port.host_mac, kHostMac);
  EXPECT_TRUE(port.is_broadcast(address("10.0.0.255").v4()));
  EXPECT_TRUE(port.is_broadcast(address("172.16.7.255").v4()));
  EXPECT_TRUE(port.is_broadcast(address("255.255.255.255").v4()));
  EXPECT_FALSE(port.is_broadcast(address("172.16.9.1").v4())) << "a /31 has none (RFC 3021)";
  EXPECT_FALSE(port.is_broadcast(address("10.0.2.255").v4()));
  EXPECT_EQ(bed_.snapshot->ports[1].gateway_mac, kRouter);
  EXPECT_EQ(bed_.snapshot->ports[1].mtu, 9'000);
}

TEST_F(CompilerHops, AnswersToHealthChecksAreUrgent) {
  PoolConfig unchecked = pool("unchecked", {backend(12)});
  unchecked.health.reset();
  bed_.load(two_ports({web_, unchecked}, {service(1, "web"), service(2, "unchecked")}));
  EXPECT_NE(bed_.snapshot->urgent_sources->find(AddressKey::of(address("10.0.0.11"))), nullptr);
  EXPECT_EQ(bed_.snapshot->urgent_sources->find(AddressKey::of(address("10.0.0.12"))), nullptr);
}

}  // namespace
}  // namespace shunt
