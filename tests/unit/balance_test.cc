// Who gets new flows, by each scheduler: of what the compiler makes, with loads that the test counts.
#include "dataplane/balance.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/snapshot.h"
#include "tests/unit/chi_square.h"
#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;

constexpr unsigned kFlows = 100'000;

struct Loads {
  std::vector<uint64_t> live;
  std::vector<uint32_t> us;

  uint64_t flows(uint16_t number) const { return live[number]; }
  uint32_t answer_us(uint16_t number) const { return us[number]; }
};

struct World {
  World(Scheduler scheduler, const std::vector<uint16_t>& weights, uint32_t limit = 0)
      : bed(make(scheduler, weights, limit)) {
    loads.live.resize(weights.size());
    loads.us.assign(weights.size(), 1'000);
  }
  static Config make(Scheduler scheduler, const std::vector<uint16_t>& weights, uint32_t limit) {
    std::vector<BackendConfig> backends;
    for (unsigned i = 0; i < weights.size(); ++i) {
      backends.push_back(backend(1 + i, weights[i]));
      backends.back().max_connections = limit;
    }
    PoolConfig web = pool("web", backends);
    web.slots = 65'537;
    ServiceConfig made = service(1, "web");
    made.scheduler = scheduler;
    if (scheduler == Scheduler::source_hash) made.hash = HashInput::source;
    return config({web}, {made});
  }
  const Service& service_now() const { return bed.compiled(1); }

  // As select does.
  ChosenBackend open(uint64_t flow) {
    const Service& at = service_now();
    const Balancer balancer(at.choice, *at.balance, loads);
    const Hash128 random = keyed_hash(kClusterKey, flow, 99);
    switch (at.balance->by) {
      case BalanceBy::slot:
        return balancer.by_slot(kClusterKey, random);
      case BalanceBy::turn:
        return balancer.by_turn(static_cast<uint32_t>(flow), random.low);
      case BalanceBy::connections:
        return balancer.least_connections(random);
      case BalanceBy::response_time:
        return balancer.least_response_time(random);
    }
    return {};
  }
  // So many flows, all of which last.
  std::vector<uint64_t> fill(unsigned flows = kFlows) {
    for (unsigned flow = 0; flow < flows; ++flow) {
      const ChosenBackend chosen = open(flow);
      if (chosen) ++loads.live[chosen.number];
    }
    return loads.live;
  }

  Bed bed;
  Loads loads;
};

const std::vector<std::vector<uint16_t>> kWeightSets = {
    {1, 1, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {256, 1}, std::vector<uint16_t>(40, 3)};
constexpr Scheduler kSchedulers[] = {
    Scheduler::maglev,      Scheduler::rendezvous,        Scheduler::source_hash,
    Scheduler::round_robin, Scheduler::least_connections, Scheduler::least_response_time};

TEST(Balance, SharesFollowWeights) {
  for (const auto& weights : kWeightSets) {
    for (const Scheduler scheduler : kSchedulers) {
      World world(scheduler, weights);
      std::vector<double> wanted(weights.begin(), weights.end());
      if (scheduler == Scheduler::rendezvous) {
        // Flows follow the slots, which are drawn (rendezvous_test compares those with the weights).
        wanted.assign(weights.size(), 0);
        const SlotChoice& choice = world.service_now().choice;
        for (uint32_t slot = 0; slot < choice.slots; ++slot)
          ++wanted[choice.owner[slot]];
      }
      EXPECT_GT(test::chi_square_p(world.fill(), wanted), 0.001)
          << "scheduler " << static_cast<int>(scheduler) << ", " << weights.size() << " backends";
    }
  }
}

TEST(Balance, TurnsAreSmooth) {
  World world(Scheduler::round_robin, {4, 2, 1});
  std::vector<uint16_t> order;
  for (unsigned flow = 0; flow < 14; ++flow)
    order.push_back(world.open(flow).number);
  for (unsigned flow = 0; flow < 7; ++flow)
    EXPECT_EQ(order[flow], order[flow + 7]);
  // The heaviest comes every other time, never three times in a row.
  for (unsigned flow = 2; flow < 14; ++flow)
    EXPECT_FALSE(order[flow] == order[flow - 1] && order[flow] == order[flow - 2]) << flow;
}

TEST(Balance, TurnsOfWhoIsDownGoToAllOthers) {
  World world(Scheduler::round_robin, {1, 1, 1, 1});
  world.bed.health("web", 2, false);
  const auto counts = world.fill(3'000);
  EXPECT_EQ(counts, (std::vector<uint64_t>{1'000, 0, 1'000, 1'000}));
}

TEST(Balance, FewestConnectionsIsExactInSmallPools) {
  World world(Scheduler::least_connections, std::vector<uint16_t>(kExactPool, 1));
  world.loads.live.assign(kExactPool, 50);
  world.loads.live[7] = 49;
  for (unsigned flow = 0; flow < 1'000; ++flow)
    ASSERT_EQ(world.open(flow).number, 7);
}

// Among equals by weight, so that a pool without load isn't one backend.
TEST(Balance, EqualLoadsAreDrawn) {
  World world(Scheduler::least_connections, {1, 1, 1, 1});
  std::vector<uint64_t> counts(4);
  for (unsigned flow = 0; flow < kFlows; ++flow)
    ++counts[world.open(flow).number];
  EXPECT_GT(test::chi_square_p(counts, {1, 1, 1, 1}), 0.001);
}

TEST(Balance, SlowBackendsGetLess) {
  World world(Scheduler::least_response_time, {1, 1, 1, 1});
  world.loads.us = {1'000, 1'000, 5'000, 1'000};
  world.loads.live.assign(4, 10);
  std::vector<uint64_t> counts(4);
  for (unsigned flow = 0; flow < kFlows; ++flow)
    ++counts[world.open(flow).number];
  // Drawn once, twice or three times in three, against others that are five times as quick.
  const double its = 1.0 / 25;
  const double once = 27.0 / 64 * its / (2 + its);
  const double twice = 9.0 / 64 * 2 * its / (1 + 2 * its);
  EXPECT_NEAR(static_cast<double>(counts[2]) / kFlows, once + twice + 1.0 / 64, 0.002);
}

TEST(Balance, NobodyGetsMoreThanItsLimit) {
  for (const Scheduler scheduler : kSchedulers) {
    World world(scheduler, {1, 2, 3, 250}, 100);
    EXPECT_EQ(world.fill(1'000), std::vector<uint64_t>(4, 100)) << static_cast<int>(scheduler);
    EXPECT_FALSE(world.open(1'001)) << "all are full";
    --world.loads.live[1];
    EXPECT_EQ(world.open(1'002).number, 1) << static_cast<int>(scheduler);
  }
}

TEST(Balance, NobodyIsNobody) {
  for (const Scheduler scheduler : kSchedulers) {
    World idle(scheduler, {0, 0});
    EXPECT_FALSE(idle.open(1)) << static_cast<int>(scheduler);
    World empty(scheduler, {});
    EXPECT_FALSE(empty.open(1)) << static_cast<int>(scheduler);
  }
}

// A switch of scheduler changes who gets new flows and nothing that flows are known by.
TEST(Balance, NumbersOutliveASwitch) {
  World world(Scheduler::maglev, {1, 2, 3});
  const uint16_t id = world.service_now().id;
  const PoolView before = world.service_now().pools[0];
  for (const Scheduler scheduler : kSchedulers) {
    world.bed.load(World::make(scheduler, {1, 2, 3}, 0));
    const Service& now = world.service_now();
    EXPECT_EQ(now.id, id);
    EXPECT_EQ(now.pools[0].pairs, before.pairs);
    EXPECT_EQ(now.pools[0].destinations, before.destinations) << "shared, not made again";
  }
}

}  // namespace
}  // namespace shunt
