// Registry: numbers, positions and ids that stay what they were, and how they become free again.
#include "control/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stats/traffic_counters.h"
#include "tests/unit/control_samples.h"

namespace shunt {
namespace {

using namespace control_test;

// A registry over time: each change is "published" as a generation of its own.
class RegistryTest : public testing::Test {
 protected:
  void apply(const Config& config) {
    const auto applied = registry_.apply(config, now_);
    ASSERT_TRUE(applied) << applied.error().text();
    ++generation_;
  }
  std::string refused(const Config& config) {
    Registry copy = registry_;
    const auto applied = copy.apply(config, now_);
    return applied ? "" : applied.error().text();
  }
  // What the daemon does now and then; a change is published at once.
  bool advance() {
    freed_.clear();
    const bool changed = registry_.advance(sweeps_.progress, generation_, now_, freed_);
    generation_ += changed ? 1U : 0U;
    return changed;
  }
  // Every worker takes up what is published, and both its tables are swept twice.
  void sweep_all() {
    sweeps_.see(generation_);
    advance();
    sweeps_.pass();
    sweeps_.pass();
  }

  const BackendRecord* record(const std::string& pool, unsigned i) {
    for (const auto& entry : registry_.pools().at(pool).backends) {
      if (entry && entry->is_present() && entry->config.name == backend(i).name) return &*entry;
    }
    return nullptr;
  }
  const ServiceRecord& service_record(unsigned i) { return registry_.services().at(key_of(service(i, ""))); }

  Registry registry_;
  Sweeps sweeps_{2};
  uint64_t now_ = kStart;
  uint64_t generation_ = 0;
  std::vector<PairRange> freed_;
};

TEST_F(RegistryTest, IdsAndNumbersAreStableOverReloads) {
  apply(config({pool("web", 1, 4), pool("far", 11, 12)}, {service(1, "web", "far"), service(2, "web")}));
  EXPECT_EQ(service_record(1).id, 1);
  EXPECT_EQ(service_record(2).id, 2);
  EXPECT_EQ(service_record(1).position_of("web"), 0);
  EXPECT_EQ(service_record(1).position_of("far"), 1);
  std::vector<uint16_t> numbers;
  for (unsigned i = 1; i <= 4; ++i)
    numbers.push_back(record("web", i)->number);
  EXPECT_EQ(numbers, (std::vector<uint16_t>{0, 1, 2, 3}));

  // Everything in another order, other weights and names, one more of each.
  PoolConfig web = pool("web", {backend(5), backend(4, 9), backend(2), backend(1), backend(3)});
  web.backends[4].name = "renamed";
  apply(config({pool("far", 11, 12), web}, {service(3, "web"), service(2, "web"), service(1, "web", "far")}));
  EXPECT_EQ(service_record(1).id, 1);
  EXPECT_EQ(service_record(2).id, 2);
  EXPECT_EQ(service_record(3).id, 3);
  EXPECT_EQ(service_record(1).position_of("web"), 0);
  EXPECT_EQ(record("web", 1)->number, 0);
  EXPECT_EQ(registry_.pools().at("web").backends[2]->config.name, "renamed");
  EXPECT_EQ(record("web", 4)->number, 3);
  EXPECT_EQ(record("web", 4)->config.weight, 9);
  EXPECT_EQ(record("web", 5)->number, 4);
  EXPECT_FALSE(registry_.waiting());
}

TEST_F(RegistryTest, ANumberBelongsToAddressAndPort) {
  apply(config({pool("web", {backend(1, 1, 80), backend(2, 1, 80)})}, {service(1, "web")}));
  // The same address with another port is another backend, whatever its name.
  apply(config({pool("web", {backend(1, 1, 81), backend(2, 1, 80)})}, {service(1, "web")}));
  const auto& backends = registry_.pools().at("web").backends;
  ASSERT_EQ(backends.size(), 3U);
  EXPECT_EQ(backends[0]->departure.presence, Presence::draining);
  EXPECT_EQ(backends[2]->config.port, 81);
}

TEST_F(RegistryTest, ARemovedBackendDrainsThenIsGone) {
  apply(config({pool("web", 1, 3)}, {service(1, "web")}));
  apply(config({pool("web", {backend(1), backend(3)})}, {service(1, "web")}));
  ASSERT_NE(record("web", 2), nullptr);
  EXPECT_EQ(record("web", 2)->departure.presence, Presence::draining);
  EXPECT_FALSE(record("web", 2)->is_active());
  EXPECT_TRUE(registry_.waiting());

  now_ += 600 * kSecond - 1;
  EXPECT_FALSE(advance());
  ASSERT_NE(record("web", 2), nullptr);
  now_ += 1;
  EXPECT_TRUE(advance()) << "a snapshot without it has to be made";
  EXPECT_EQ(record("web", 2), nullptr);
  EXPECT_TRUE(registry_.pools().at("web").backends[1].has_value()) << "its number isn't free";
}

TEST_F(RegistryTest, AReloadDoesNotPutOffTheEndOfADrain) {
  apply(config({pool("web", 1, 2)}, {service(1, "web")}));
  const Config without = config({pool("web", 1, 1)}, {service(1, "web")});
  apply(without);
  now_ += 599 * kSecond;
  apply(without);
  now_ += 1 * kSecond;
  EXPECT_TRUE(advance());
  EXPECT_EQ(record("web", 2), nullptr);
}

TEST_F(RegistryTest, NoDrainIsOverAtOnce) {
  apply(config({pool("web", {backend(1), backend(2)}, seconds(0))}, {service(1, "web")}));
  apply(config({pool("web", {backend(1)}, seconds(0))}, {service(1, "web")}));
  EXPECT_TRUE(advance());
  EXPECT_EQ(record("web", 2), nullptr);
}

// Each worker's progress alone must hold a number back: who is slow, and in what.
struct Laggard {
  const char* name;
  uint64_t SweepProgress::Worker::* counter;
  size_t worker;
};
class RegistryLaggard : public RegistryTest, public testing::WithParamInterface<Laggard> {};

TEST_P(RegistryLaggard, HoldsANumberBack) {
  apply(config({pool("web", 1, 3)}, {service(1, "web")}));
  apply(config({pool("web", {backend(1), backend(3)})}, {service(1, "web")}));
  sweeps_.see(generation_);  // the last snapshot in which it drains
  now_ += 600 * kSecond;
  ASSERT_TRUE(advance());

  const auto& slow = GetParam();
  const uint64_t before = sweeps_.progress.workers[slow.worker].*slow.counter;
  for (int i = 0; i < 10; ++i) {
    sweeps_.see(generation_);
    sweeps_.pass();
    sweeps_.progress.workers[slow.worker].*slow.counter = before;
    EXPECT_FALSE(advance()) << i;
  }
  const PoolConfig more = pool("web", {backend(1), backend(3), backend(4)});
  apply(config({more}, {service(1, "web")}));
  EXPECT_EQ(record("web", 4)->number, 3) << "number 1 may still be named by an entry";

  sweeps_.see(generation_);
  advance();
  sweeps_.pass();
  EXPECT_FALSE(advance()) << "the pass that was under way may have been past it";
  sweeps_.pass();
  EXPECT_TRUE(advance());
  EXPECT_FALSE(registry_.pools().at("web").backends[1].has_value());
  EXPECT_FALSE(registry_.waiting());
  apply(config({pool("web", {backend(1), backend(3), backend(4), backend(5)})}, {service(1, "web")}));
  EXPECT_EQ(record("web", 5)->number, 1);
}

INSTANTIATE_TEST_SUITE_P(Of, RegistryLaggard,
                         testing::Values(Laggard{"generation_0", &SweepProgress::Worker::generation, 0},
                                         Laggard{"generation_1", &SweepProgress::Worker::generation, 1},
                                         Laggard{"flows_0", &SweepProgress::Worker::flow_passes, 0},
                                         Laggard{"flows_1", &SweepProgress::Worker::flow_passes, 1},
                                         Laggard{"probation_0", &SweepProgress::Worker::probation_passes, 0},
                                         Laggard{"probation_1", &SweepProgress::Worker::probation_passes, 1}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(RegistryTest, ABackendThatComesBackWithinItsDrainKeepsItsNumber) {
  const Config with = config({pool("web", 1, 3)}, {service(1, "web")});
  apply(with);
  apply(config({pool("web", {backend(1), backend(3)})}, {service(1, "web")}));
  now_ += 599 * kSecond;
  apply(with);
  EXPECT_EQ(record("web", 2)->number, 1);
  EXPECT_TRUE(record("web", 2)->is_active());
  now_ += 600 * kSecond;
  EXPECT_FALSE(advance()) << "the old drain doesn't run on";
  EXPECT_TRUE(record("web", 2)->is_active());
}

TEST_F(RegistryTest, ABackendThatComesBackAfterItsDrainIsAnother) {
  const Config with = config({pool("web", 1, 3)}, {service(1, "web")});
  apply(with);
  apply(config({pool("web", {backend(1), backend(3)})}, {service(1, "web")}));
  now_ += 600 * kSecond;
  advance();
  apply(with);
  EXPECT_EQ(record("web", 2)->number, 3) << "entries that name number 1 have ended";
  sweep_all();
  advance();
  EXPECT_FALSE(registry_.pools().at("web").backends[1].has_value());
  EXPECT_EQ(record("web", 2)->number, 3);
}

TEST_F(RegistryTest, ARemovedPoolDrainsAndIsForgottenWhenNothingNamesIt) {
  apply(config({pool("web", 1, 2), pool("old", 11, 12)}, {service(1, "old")}));
  apply(config({pool("web", 1, 2)}, {service(1, "web")}));
  ASSERT_TRUE(registry_.pools().contains("old"));
  EXPECT_FALSE(registry_.pools().at("old").configured);
  EXPECT_EQ(record("old", 11)->departure.presence, Presence::draining);
  now_ += 600 * kSecond;
  advance();
  ASSERT_TRUE(registry_.pools().contains("old"));
  sweep_all();
  advance();
  EXPECT_FALSE(registry_.pools().contains("old"));
  EXPECT_FALSE(registry_.waiting());
}

TEST_F(RegistryTest, ARemovedPoolThatComesBackHasItsNumbersStill) {
  const Config both =
      config({pool("web", 1, 2), pool("old", 11, 13)}, {service(1, "web"), service(2, "old")});
  apply(both);
  apply(config({pool("web", 1, 2)}, {service(1, "web")}));
  Config reversed = both;
  std::ranges::reverse(reversed.pools[1].backends);
  apply(reversed);
  EXPECT_EQ(record("old", 11)->number, 0);
  EXPECT_EQ(record("old", 13)->number, 2);
  EXPECT_TRUE(record("old", 13)->is_active());
}

TEST_F(RegistryTest, AFullPoolSaysThatRemovedBackendsStillDrain) {
  const auto whole = [](unsigned first) {
    return config({pool("web", first, first + 16'382)}, {service(1, "web")});
  };
  apply(whole(1));
  EXPECT_EQ(registry_.pools().at("web").backends.size(), 16'383U);
  EXPECT_EQ(refused(whole(2)),
            "pool \"web\": has no number left for \"b16384\": removed backends still drain; "
            "try again when they have");
}

}  // namespace
}  // namespace shunt
