// Compiler: what a reload, a check's result, time and sweeps make of a snapshot, and what they leave alone.
#include "control/compiler.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;

// The parts of a snapshot that one service uses, as addresses in memory.
struct Parts {
  const uint16_t* slots;
  const uint16_t* accept;
  const uint64_t* running_sum;
  const Destination* destinations;

  static Parts of(const Service& service) {
    return {service.choice.owner, service.choice.accept, service.choice.running_sum,
            service.pools[service.choice_pool].destinations};
  }
  bool operator==(const Parts&) const = default;
};

TEST(Compiler, AServiceIsCompiledWhole) {
  ServiceConfig web = service(1, "web");
  web.timeouts = {seconds(700), seconds(7), seconds(17), seconds(70)};
  Bed bed(config({pool("web", {backend(1), backend(2, 3)})}, {web}));
  const Service& compiled = bed.compiled(1);
  EXPECT_EQ(compiled.id, bed.id(1));
  EXPECT_EQ(bed.snapshot->service(compiled.id), &compiled);
  EXPECT_EQ(compiled.vip, web.address);
  EXPECT_EQ(compiled.port, be16(80));
  EXPECT_TRUE(compiled.exact_key);
  EXPECT_FALSE(compiled.panic);
  EXPECT_EQ(compiled.timeout_s[static_cast<size_t>(TcpState::established)], 700);
  EXPECT_EQ(compiled.timeout_s[static_cast<size_t>(TcpState::fin_client)], 17);
  EXPECT_EQ(compiled.timeout_s[static_cast<size_t>(TcpState::reset)], 10);
  EXPECT_EQ(compiled.timeout_s[static_cast<size_t>(TcpState::none)], 70);
  EXPECT_EQ(compiled.syn_timeout_ms, 7'000U);
  EXPECT_EQ(compiled.udp_timeout_ms, 70'000U);
  EXPECT_EQ(compiled.choice.slots, 251U);
  EXPECT_EQ(compiled.choice.count, 2U);
  EXPECT_EQ(bed.snapshot->generation, 1U);
  const auto match = bed.snapshot->vips->find(AddressKey::of(web.address.address), Family::ipv4, 6, 80);
  EXPECT_TRUE(match.is_vip);
  EXPECT_EQ(match.service, compiled.id);
}

TEST(Compiler, OnlyOneAddressAndPortMakeAnExactKey) {
  ServiceConfig any_port = service(2, "web");
  any_port.port = 0;
  ServiceConfig wide = service(3, "web");
  wide.address = prefix("203.0.113.0/28");
  Bed bed(config({pool("web", 1, 2)}, {service(1, "web"), any_port, wide}));
  EXPECT_TRUE(bed.compiled(1).exact_key);
  for (const Service& each : bed.snapshot->services)
    EXPECT_EQ(each.exact_key, each.id == bed.id(1)) << each.id;
}

TEST(Compiler, AHealthChangeRebuildsOnePoolsChoiceAndNothingElse) {
  Bed bed(config({pool("web", 1, 8), pool("mail", 11, 18)},
                 {service(1, "web"), service(2, "web"), service(3, "mail")}));
  const auto before = std::move(bed.snapshot);
  const Parts web = Parts::of(before->services[bed.id(1)]);
  const Parts mail = Parts::of(before->services[bed.id(3)]);
  EXPECT_EQ(web, Parts::of(before->services[bed.id(2)])) << "services of a pool share its parts";

  bed.health("web", 3, false);
  ASSERT_NE(bed.snapshot, nullptr);
  const Parts after = Parts::of(bed.compiled(1));
  EXPECT_NE(after.accept, web.accept);
  EXPECT_NE(after.running_sum, web.running_sum);
  EXPECT_EQ(after.slots, web.slots);
  EXPECT_EQ(after.destinations, web.destinations);
  EXPECT_EQ(Parts::of(bed.compiled(3)), mail);
  EXPECT_EQ(bed.snapshot->vips, before->vips);
  EXPECT_EQ(bed.snapshot->nat_sources, before->nat_sources);
  EXPECT_EQ(bed.snapshot->routes, before->routes);
  EXPECT_EQ(bed.snapshot->neighbours, before->neighbours);
  EXPECT_EQ(bed.snapshot->node_addresses, before->node_addresses);
  EXPECT_EQ(bed.snapshot->forbidden_sources, before->forbidden_sources);
  EXPECT_EQ(bed.snapshot->urgent_sources, before->urgent_sources);
  EXPECT_EQ(bed.compiled(1).choice.accept[bed.number("web", 3)], 0);
}

TEST(Compiler, HealthThatSaysNothingNewChangesNothing) {
  Bed bed(config({pool("web", 1, 2)}, {service(1, "web")}));
  EXPECT_FALSE(bed.compiler.set_health("web", "b1", true)) << "unknown is up";
  EXPECT_FALSE(bed.compiler.set_health("web", "nobody", false));
  EXPECT_FALSE(bed.compiler.set_health("nowhere", "b1", false));
  EXPECT_TRUE(bed.compiler.set_health("web", "b1", false));
  EXPECT_FALSE(bed.compiler.set_health("web", "b1", false));
  bed.load(config({pool("web", 2, 2)}, {service(1, "web")}));
  EXPECT_FALSE(bed.compiler.set_health("web", "b1", true)) << "a late answer about one that was removed";
}

TEST(Compiler, AReloadOfTheSameSharesWhatIsBig) {
  const Config same = config({pool("web", 1, 8)}, {service(1, "web")});
  Bed bed(same);
  const auto before = std::move(bed.snapshot);
  bed.load(same);
  EXPECT_EQ(Parts::of(bed.compiled(1)), Parts::of(before->services[bed.id(1)]));
  EXPECT_EQ(bed.snapshot->generation, before->generation + 1);
}

TEST(Compiler, AWeightRebuildsTheSlotsOfItsPoolOnly) {
  Bed bed(config({pool("web", 1, 8), pool("mail", 11, 18)}, {service(1, "web"), service(2, "mail")}));
  const auto before = std::move(bed.snapshot);
  PoolConfig heavier = pool("web", 1, 8);
  heavier.backends[0].weight = 9;
  bed.load(config({heavier, pool("mail", 11, 18)}, {service(1, "web"), service(2, "mail")}));
  EXPECT_NE(bed.compiled(1).choice.owner, before->services[bed.id(1)].choice.owner);
  EXPECT_EQ(Parts::of(bed.compiled(2)), Parts::of(before->services[bed.id(2)]));
  const auto [slots, all] = bed.compiler.slots_of("web", bed.number("web", 1));
  EXPECT_EQ(all, 251U);
  EXPECT_NEAR(slots, 251.0 * 9 / 16, 1);
}

TEST(Compiler, AnOldSnapshotStaysWholeUnderNewOnes) {
  Bed bed(config({pool("web", 1, 8)}, {service(1, "web")}));
  const auto old = std::move(bed.snapshot);
  const Service copy = old->services[1];
  const std::vector<uint16_t> slots(copy.choice.owner, copy.choice.owner + copy.choice.slots);
  bed.load(config({pool("web", 21, 30)}, {service(2, "web")}));
  bed.now += 601 * kSecond;
  bed.sweep_all();
  EXPECT_TRUE(std::ranges::equal(slots, std::span(copy.choice.owner, copy.choice.slots)));
  EXPECT_EQ(copy.destination(BackendRef::of(0, 0)).address, backend(1).address);
  EXPECT_EQ(copy.accept(BackendRef::of(0, 0)), 256);
}

TEST(Compiler, ARemovedBackendKeepsItsFlowsUntilItsDrainIsOver) {
  Bed bed(config({pool("web", 1, 4)}, {service(1, "web")}));
  const BackendRef flow = BackendRef::of(0, bed.number("web", 2));
  bed.load(config({pool("web", {backend(1), backend(3), backend(4)})}, {service(1, "web")}));
  EXPECT_TRUE(bed.compiled(1).destination(flow).present);
  EXPECT_EQ(bed.compiled(1).destination(flow).address, backend(2).address);
  EXPECT_EQ(bed.compiled(1).accept(flow), 0);
  EXPECT_EQ(std::ranges::count(owners(bed, 1), backend(2).address), 0) << "out of the slots at once";
  EXPECT_EQ(bed.compiler.slots_of("web", flow.number()).first, 0U);
  bed.now += 600 * kSecond;
  EXPECT_TRUE(bed.advance());
  EXPECT_FALSE(bed.compiled(1).destination(flow).present);
  EXPECT_EQ(bed.compiled(1).accept(flow), 0);
  bed.sweep_all();
  bed.load(config({pool("web", {backend(1), backend(3), backend(4), backend(5)})}, {service(1, "web")}));
  EXPECT_EQ(bed.number("web", 5), flow.number()) << "used again, when every table has been swept";
}

TEST(Compiler, ABackendThatComesBackHasItsFlows) {
  const Config whole = config({pool("web", 1, 4)}, {service(1, "web")});
  Bed bed(whole);
  const BackendRef flow = BackendRef::of(0, bed.number("web", 2));
  const auto slots = owners(bed, 1);
  bed.load(config({pool("web", {backend(1), backend(3), backend(4)})}, {service(1, "web")}));
  bed.now += 599 * kSecond;
  bed.load(whole);
  bed.now += 100 * kSecond;
  bed.advance();
  EXPECT_EQ(bed.compiled(1).destination(flow).address, backend(2).address);
  EXPECT_EQ(bed.compiled(1).accept(flow), 256);
  EXPECT_EQ(owners(bed, 1), slots);
}

TEST(Compiler, FlowsOfAPoolThatAServiceLeftAreKept) {
  const std::vector<PoolConfig> pools = {pool("web", 1, 4), pool("new", 11, 14)};
  Bed bed(config(pools, {service(1, "web")}));
  const BackendRef flow = BackendRef::of(0, bed.number("web", 2));
  bed.load(config(pools, {service(1, "new")}));
  EXPECT_EQ(bed.compiled(1).choice_pool, 1);
  EXPECT_EQ(bed.compiled(1).destination(flow).address, backend(2).address);
  EXPECT_EQ(bed.compiled(1).destination(BackendRef::of(1, 0)).address, backend(11).address);
  bed.now += 600 * kSecond;
  EXPECT_TRUE(bed.advance());
  EXPECT_FALSE(bed.compiled(1).destination(flow).present);
}

TEST(Compiler, ARefusedReloadLeavesAllAsItWas) {
  std::vector<PoolConfig> pools;
  for (unsigned i = 0; i < 5; ++i)
    pools.push_back(pool("p" + std::to_string(i), 10 * i + 1, 10 * i + 4));
  Bed bed(config(pools, {service(1, "p0"), service(2, "p0")}));
  for (const char* name : {"p1", "p2", "p3"})
    bed.load(config(pools, {service(1, name), service(2, "p0")}));
  const auto before = std::move(bed.snapshot);

  // Pools and services come before the one that can't be had; none of it may stick.
  std::vector<PoolConfig> changed = pools;
  changed[0].backends = {backend(9)};
  changed.push_back(pool("extra", 90, 91));
  EXPECT_EQ(bed.refused(config(changed, {service(7, "extra"), service(1, "p4")})),
            "service \"s1\": its flows still use four other pools: try again when those have drained");
  EXPECT_FALSE(bed.compiler.registry().pools().contains("extra"));
  EXPECT_EQ(bed.compiler.registry().services().size(), 2U);
  EXPECT_EQ(bed.compiler.config().pools.size(), 5U);
  EXPECT_FALSE(bed.advance()) << "nothing to compile";
  bed.compile();
  for (const unsigned i : {1U, 2U})
    EXPECT_EQ(Parts::of(bed.compiled(i)), Parts::of(before->services[bed.id(i)]));
  EXPECT_EQ(bed.snapshot->vips, before->vips);
}

TEST(Compiler, HealthOfAFormerOwnerIsNotInherited) {
  Bed bed(config({pool("web", 1, 6)}, {service(1, "web")}));
  bed.health("web", 2, false);
  const uint16_t number = bed.number("web", 2);
  bed.load(config({pool("web", {backend(1), backend(3), backend(4), backend(5), backend(6)})},
                  {service(1, "web")}));
  bed.now += 600 * kSecond;
  bed.sweep_all();
  bed.load(config({pool("web", {backend(1), backend(3), backend(4), backend(5), backend(6), backend(7)})},
                  {service(1, "web")}));
  ASSERT_EQ(bed.number("web", 7), number);
  EXPECT_EQ(bed.compiled(1).accept(BackendRef::of(0, number)), 256) << "until its first result";
  EXPECT_EQ((*bed.compiler.health("web"))[number].refused_since_ns, 0U);
}

TEST(Compiler, HealthOfAFormerPoolIsNotInherited) {
  const PoolConfig web = pool("web", 1, 2);
  Bed bed(config({web, pool("old", 11, 12)}, {service(1, "web"), service(2, "old")}));
  bed.health("old", 11, false);
  bed.load(config({web}, {service(1, "web")}));
  bed.now += 600 * kSecond;
  bed.advance();
  bed.sweeps.see(bed.compiler.generation());
  bed.advance();
  bed.sweeps.pass();
  bed.sweeps.pass();
  // The reload comes between the last sweep and the compile that would follow.
  std::vector<PairRange> freed;
  ASSERT_TRUE(bed.compiler.advance(bed.sweeps.progress, bed.now, freed));
  ASSERT_FALSE(bed.compiler.registry().pools().contains("old"));
  bed.load(config({web, pool("old", 21, 22)}, {service(1, "web"), service(2, "old")}));
  EXPECT_EQ(bed.compiled(2).accept(BackendRef::of(0, 0)), 256);
}

}  // namespace
}  // namespace shunt
