// Compiler: whom new flows get: the same on every shunt, by health, backup_pool and panic, over time.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;

constexpr uint64_t kTuples = 100'000;

std::vector<BackendConfig> reversed(std::vector<BackendConfig> backends) {
  std::ranges::reverse(backends);
  return backends;
}

std::map<IpAddress, uint64_t> shares(const Bed& bed, unsigned service, uint64_t tuples = kTuples) {
  std::map<IpAddress, uint64_t> count;
  for (uint64_t tuple = 0; tuple < tuples; ++tuple)
    ++count[chosen_address(bed, service, tuple)];
  return count;
}

TEST(CompilerChoice, TheOrderInTheFileChangesNoSlot) {
  const std::vector<BackendConfig> backends = {backend(4, 2), backend(1), backend(9, 3), backend(2, 0),
                                               backend(7)};
  Bed bed(config({pool("web", backends)}, {service(1, "web")}));
  const auto before = owners(bed, 1);
  ASSERT_EQ(before.size(), 251U);
  Bed other(config({pool("web", reversed(backends))}, {service(1, "web")}));
  EXPECT_NE(other.number("web", 4), bed.number("web", 4)) << "numbers differ, or this shows nothing";
  EXPECT_EQ(owners(other, 1), before);
  // In a running daemon numbers stay, and so does the table.
  bed.load(config({pool("web", reversed(backends))}, {service(1, "web")}));
  EXPECT_EQ(owners(bed, 1), before);
}

// Two shunts: other order in the file, other history (numbers with holes), one cluster key.
struct Cluster {
  std::vector<BackendConfig> backends;
  Bed one;
  Bed two;

  Cluster()
      : backends({backend(1), backend(2, 3), backend(3), backend(4, 2), backend(5), backend(6), backend(7),
                  backend(8)}),
        one(config({pool("web", backends)}, {service(1, "web")})),
        two(config({pool("web", {backend(20), backend(8), backend(21)})},
                   {service(5, "web"), service(1, "web")})) {
    two.load(config({pool("web", reversed(backends))}, {service(1, "web")}));
  }
  uint64_t differences() const {
    uint64_t differ = 0;
    for (uint64_t tuple = 0; tuple < kTuples; ++tuple)
      differ += chosen_address(one, 1, tuple) != chosen_address(two, 1, tuple) ? 1U : 0U;
    return differ;
  }
};

TEST(CompilerChoice, ShuntsWithOneClusterKeyChooseAlike) {
  const Cluster cluster;
  EXPECT_NE(cluster.one.number("web", 8), cluster.two.number("web", 8));
  EXPECT_EQ(cluster.differences(), 0U);
}

TEST(CompilerChoice, ShuntsAgreeWhileBackendsAreDown) {
  Cluster cluster;
  for (Bed* bed : {&cluster.one, &cluster.two}) {
    for (const unsigned i : {2U, 5U, 7U})
      bed->health("web", i, false);
  }
  EXPECT_EQ(cluster.differences(), 0U) << "the running sum's order is part of it";
  EXPECT_FALSE(shares(cluster.one, 1).contains(backend(5).address));
}

TEST(CompilerChoice, ShuntsWithOtherKeysChooseOtherwise) {
  const Config web = config({pool("web", 1, 8)}, {service(1, "web")});
  Bed one(web);
  Bed two(web, HashKey{{1, 2, 3, 4}});
  EXPECT_NE(owners(one, 1), owners(two, 1));
}

TEST(CompilerChoice, OnlyFlowsOfTheBackendThatIsDownMove) {
  Bed bed(config({pool("web", 1, 8)}, {service(1, "web")}));
  std::vector<IpAddress> before;
  for (uint64_t tuple = 0; tuple < kTuples; ++tuple)
    before.push_back(chosen_address(bed, 1, tuple));
  bed.health("web", 3, false);
  uint64_t own = 0;
  uint64_t moved = 0;
  for (uint64_t tuple = 0; tuple < kTuples; ++tuple) {
    const IpAddress now = chosen_address(bed, 1, tuple);
    EXPECT_NE(now, backend(3).address);
    const bool was_its = before[tuple] == backend(3).address;
    own += was_its ? 1U : 0U;
    moved += !was_its && now != before[tuple] ? 1U : 0U;
  }
  EXPECT_GT(own, kTuples / 10);
  EXPECT_EQ(moved, 0U);
  bed.health("web", 3, true);
  for (uint64_t tuple = 0; tuple < kTuples; ++tuple)
    ASSERT_EQ(chosen_address(bed, 1, tuple), before[tuple]);
}

TEST(CompilerChoice, WeightZeroGetsNothingAndKeepsItsFlows) {
  Bed bed(config({pool("web", {backend(1), backend(2, 0), backend(3)})}, {service(1, "web")}));
  EXPECT_FALSE(shares(bed, 1, 10'000).contains(backend(2).address));
  EXPECT_EQ(std::ranges::count(owners(bed, 1), backend(2).address) > 0, true) << "it has its slots";
  const BackendRef flow = BackendRef::of(0, bed.number("web", 2));
  EXPECT_EQ(bed.compiled(1).destination(flow).address, backend(2).address);
  EXPECT_EQ(bed.compiled(1).accept(flow), 0);
}

TEST(CompilerChoice, NobodyIsChosenWhereNobodyIs) {
  Bed bed(config({pool("empty", {}), pool("idle", {backend(1, 0), backend(2, 0)})},
                 {service(1, "empty"), service(2, "idle")}));
  EXPECT_EQ(chosen_address(bed, 1, 7), IpAddress{});
  EXPECT_EQ(chosen_address(bed, 2, 7), IpAddress{});
  EXPECT_FALSE(slot_owner(bed.compiled(1).choice, kClusterKey, keyed_hash(kClusterKey, 7, 0)));
}

TEST(CompilerChoice, PanicTakesEverybodyAndSaysSo) {
  Bed bed(config({pool("web", 1, 6)}, {service(1, "web")}));
  for (const unsigned i : {1U, 2U, 3U})
    bed.health("web", i, false);
  EXPECT_FALSE(bed.compiled(1).panic) << "half isn't more than half";
  EXPECT_EQ(shares(bed, 1, 10'000).size(), 3U);
  bed.health("web", 4, false);
  EXPECT_TRUE(bed.compiled(1).panic);
  EXPECT_EQ(shares(bed, 1, 10'000).size(), 6U);
  const ServiceCondition* condition = bed.compiler.condition(key_of(service(1, "")));
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->pool.members, 6U);
  EXPECT_EQ(condition->pool.up, 2U);
  EXPECT_EQ(condition->rule.mode, ChoiceMode::everybody);
  bed.health("web", 4, true);
  EXPECT_FALSE(bed.compiled(1).panic);
}

TEST(CompilerChoice, TheBackupIsUsedWhileMoreThanPanicIsDown) {
  const std::vector<PoolConfig> pools = {pool("web", 1, 4), pool("far", 11, 12)};
  Bed bed(config(pools, {service(1, "web", "far"), service(2, "web")}));
  EXPECT_EQ(bed.compiled(1).choice_pool, 0);
  for (const unsigned i : {1U, 2U, 3U})
    bed.health("web", i, false);
  EXPECT_EQ(bed.compiled(1).choice_pool, 1);
  EXPECT_EQ(bed.compiled(2).choice_pool, 0) << "a service of the same pool, without a backup";
  auto used = shares(bed, 1, 10'000);
  EXPECT_EQ(used.size(), 2U);
  EXPECT_TRUE(used.contains(backend(11).address));
  EXPECT_FALSE(bed.compiled(1).panic);
  // Flows of the pool keep their backend, and one that is up goes on accepting.
  EXPECT_EQ(bed.compiled(1).accept(BackendRef::of(0, bed.number("web", 4))), 256);
  EXPECT_EQ(bed.compiled(1).accept(BackendRef::of(0, bed.number("web", 1))), 0);

  bed.health("far", 11, false);
  EXPECT_EQ(shares(bed, 1, 10'000).size(), 1U);
  bed.health("far", 12, false);
  EXPECT_EQ(bed.compiled(1).choice_pool, 0) << "nobody up in the backup";
  used = shares(bed, 1, 10'000);
  EXPECT_EQ(used.size(), 1U) << "four members, one up: no panic";
  EXPECT_TRUE(used.contains(backend(4).address));
  bed.health("web", 4, false);
  EXPECT_TRUE(bed.compiled(1).panic);
  EXPECT_EQ(shares(bed, 1, 10'000).size(), 4U);
  bed.health("web", 1, true);
  bed.health("web", 2, true);
  EXPECT_EQ(bed.compiled(1).choice_pool, 0);
  EXPECT_EQ(shares(bed, 1, 10'000).size(), 2U);
}

TEST(CompilerChoice, APoolWithoutHealthIsUpAgain) {
  Bed bed(config({pool("web", 1, 2)}, {service(1, "web")}));
  bed.health("web", 1, false);
  PoolConfig unchecked = pool("web", 1, 2);
  unchecked.health.reset();
  bed.load(config({unchecked}, {service(1, "web")}));
  EXPECT_EQ(bed.compiled(1).accept(BackendRef::of(0, 0)), 256);
}

TEST(CompilerChoice, AMissPassesOverWhoWasOutForLongerThanItsDrain) {
  Bed bed(config({pool("web", {backend(1), backend(2), backend(3)}, seconds(10))}, {service(1, "web")}));
  uint64_t tuple = 0;
  while (chosen_address(bed, 1, tuple) != backend(2).address)
    ++tuple;
  const Hash128 hash = keyed_hash(kClusterKey, tuple, 0);
  const auto owner = [&] { return slot_owner(bed.compiled(1).choice, kClusterKey, hash).number; };
  const uint16_t number = bed.number("web", 2);
  bed.health("web", 2, false);
  EXPECT_NE(chosen_address(bed, 1, tuple), backend(2).address);
  EXPECT_EQ(owner(), number) << "a flow from before is its";
  bed.now += 10 * kSecond;
  EXPECT_FALSE(bed.advance());
  EXPECT_EQ(owner(), number);
  bed.now += 1;
  EXPECT_TRUE(bed.advance()) << "time alone makes a snapshot";
  EXPECT_NE(owner(), number);
  EXPECT_FALSE(bed.advance()) << "and only once";

  bed.health("web", 2, true);
  EXPECT_EQ(owner(), number);
  bed.health("web", 2, false);
  EXPECT_EQ(owner(), number) << "its drain begins anew";
}

}  // namespace
}  // namespace shunt
