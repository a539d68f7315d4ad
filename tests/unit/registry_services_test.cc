// Registry: what belongs to a service: its id, the positions of its pools, the rows of its counters.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "control/registry.h"
#include "stats/traffic_counters.h"
#include "tests/unit/control_samples.h"

namespace shunt {

bool operator==(const PairRange& a, const PairRange& b) {
  return a.first == b.first && a.capacity == b.capacity;
}
void PrintTo(const PairRange& range, std::ostream* out) {
  *out << range.first << " + " << range.capacity;
}

namespace {

using namespace control_test;

class RegistryServices : public testing::Test {
 protected:
  void apply(const Config& config) {
    const auto applied = registry_.apply(config, now_);
    ASSERT_TRUE(applied) << applied.error().text();
    ++generation_;
  }
  bool advance() {
    std::vector<PairRange> freed;
    const bool changed = registry_.advance(sweeps_.progress, generation_, now_, freed);
    freed_.insert(freed_.end(), freed.begin(), freed.end());
    generation_ += changed ? 1U : 0U;
    return changed;
  }
  void sweep_all() {
    advance();
    sweeps_.see(generation_);
    advance();
    sweeps_.pass();
    sweeps_.pass();
    advance();
  }
  const ServiceRecord& record(unsigned i) { return registry_.services().at(key_of(service(i, ""))); }
  const PoolPosition& position(unsigned i, const std::string& pool) {
    return record(i).positions[record(i).position_of(pool).value()];
  }

  Registry registry_;
  Sweeps sweeps_{2};
  uint64_t now_ = kStart;
  uint64_t generation_ = 0;
  std::vector<PairRange> freed_;
};

const std::vector<PoolConfig> kFivePools = {pool("a", 1, 2), pool("b", 11, 12), pool("c", 21, 22),
                                            pool("d", 31, 32), pool("e", 41, 42)};

TEST_F(RegistryServices, APoolKeepsItsPositionUntilItHasDrainedAndIsSwept) {
  apply(config(kFivePools, {service(1, "a")}));
  apply(config(kFivePools, {service(1, "b")}));
  EXPECT_EQ(record(1).position_of("a"), 0);
  EXPECT_EQ(position(1, "a").departure.presence, Presence::draining);
  EXPECT_EQ(record(1).position_of("b"), 1);
  EXPECT_EQ(position(1, "b").departure.presence, Presence::active);
  now_ += 600 * kSecond;
  EXPECT_TRUE(advance());
  EXPECT_EQ(record(1).position_of("a"), std::nullopt);
  EXPECT_EQ(record(1).positions[0].pool, "a") << "not free yet";
  apply(config(kFivePools, {service(1, "b", "c")}));
  EXPECT_EQ(record(1).position_of("c"), 2);
  sweep_all();
  EXPECT_EQ(record(1).positions[0].pool, "");
  apply(config(kFivePools, {service(1, "b", "d")}));
  EXPECT_EQ(record(1).position_of("d"), 0);
}

TEST_F(RegistryServices, APoolThatComesBackWithinItsDrainIsWhereItWas) {
  apply(config(kFivePools, {service(1, "a", "b")}));
  apply(config(kFivePools, {service(1, "b")}));
  now_ += 599 * kSecond;
  apply(config(kFivePools, {service(1, "b", "a")}));
  EXPECT_EQ(record(1).position_of("a"), 0);
  EXPECT_EQ(record(1).position_of("b"), 1);
  now_ += 600 * kSecond;
  EXPECT_FALSE(advance());
}

TEST_F(RegistryServices, APoolThatComesBackAfterItsDrainTakesOneNewPosition) {
  apply(config(kFivePools, {service(1, "a")}));
  apply(config(kFivePools, {service(1, "b")}));
  now_ += 600 * kSecond;
  advance();
  for (int reload = 0; reload < 5; ++reload) {
    apply(config(kFivePools, {service(1, "a", "b")}));
    EXPECT_EQ(record(1).position_of("a"), 2) << reload;
    EXPECT_EQ(record(1).position_of("b"), 1) << reload;
    EXPECT_EQ(record(1).positions[3].pool, "") << reload;
  }
  sweep_all();
  EXPECT_EQ(record(1).positions[0].pool, "");
  EXPECT_EQ(record(1).position_of("a"), 2);
}

TEST_F(RegistryServices, AFifthPoolIsRefusedUntilOneHasDrained) {
  for (const char* name : {"a", "b", "c", "d"})
    apply(config(kFivePools, {service(1, name)}));
  Registry copy = registry_;
  const auto refused = copy.apply(config(kFivePools, {service(1, "e")}), now_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "service \"s1\": its flows still use four other pools: try again when those have drained");
  now_ += 600 * kSecond;
  sweep_all();
  apply(config(kFivePools, {service(1, "e")}));
  EXPECT_EQ(record(1).position_of("e"), 0);
}

TEST_F(RegistryServices, AnIdIsUsedAgainOnlyAfterTheSweeps) {
  apply(config(kFivePools, {service(1, "a"), service(2, "a"), service(3, "a")}));
  apply(config(kFivePools, {service(1, "a"), service(3, "a")}));
  EXPECT_TRUE(registry_.waiting());
  apply(config(kFivePools, {service(1, "a"), service(3, "a"), service(2, "a")}));
  EXPECT_EQ(record(2).id, 4) << "its old flows have ended: it is another service";
  apply(config(kFivePools, {service(1, "a"), service(3, "a")}));

  // Both ids wait now. One pass isn't enough.
  advance();
  sweeps_.see(generation_);
  advance();
  sweeps_.pass();
  advance();
  EXPECT_TRUE(registry_.waiting());
  sweeps_.pass();
  advance();
  EXPECT_FALSE(registry_.waiting());
  apply(config(kFivePools,
               {service(1, "a"), service(3, "a"), service(5, "a"), service(6, "a"), service(7, "a")}));
  std::vector<uint16_t> ids = {record(5).id, record(6).id, record(7).id};
  std::ranges::sort(ids);
  EXPECT_EQ(ids, (std::vector<uint16_t>{2, 4, 5}));
}

TEST_F(RegistryServices, TheLastIdIsRefusedBeyond) {
  std::vector<ServiceConfig> services;
  for (unsigned i = 1; i < kMaxServices; ++i)
    services.push_back(service(i, "a"));
  apply(config(kFivePools, services));
  EXPECT_EQ(record(kMaxServices - 1).id, kMaxServices - 1);
  services.back() = service(kMaxServices, "a");
  Registry copy = registry_;
  const auto refused = copy.apply(config(kFivePools, services), now_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "service \"s16384\": no service id left: removed services still wait for their flows");
}

TEST_F(RegistryServices, RowsOfServicesAndPoolsDoNotOverlap) {
  apply(
      config({pool("a", 1, 3), pool("b", 11, 60)}, {service(1, "a", "b"), service(2, "b"), service(3, "a")}));
  std::map<uint32_t, uint32_t> ranges;
  for (const auto& [key, service] : registry_.services()) {
    for (const PoolPosition& each : service.positions) {
      if (each.pool.empty()) continue;
      EXPECT_GE(each.pairs.capacity, registry_.pools().at(each.pool).backends.size());
      EXPECT_TRUE(ranges.emplace(each.pairs.first, each.pairs.capacity).second);
    }
  }
  ASSERT_EQ(ranges.size(), 4U);
  uint32_t end = 0;
  for (const auto& [first, capacity] : ranges) {
    EXPECT_GE(first, end);
    end = first + capacity;
  }
  EXPECT_LE(end, kMaxPairs);
}

TEST_F(RegistryServices, RowsMoveWhenAPoolGrowsAndTheOldOnesStayPartOfTheSum) {
  apply(config({pool("a", 1, 16)}, {service(1, "a")}));
  const PairRange first = position(1, "a").pairs;
  EXPECT_EQ(first.capacity, 16U);
  apply(config({pool("a", 1, 17)}, {service(1, "a")}));
  const PairRange second = position(1, "a").pairs;
  EXPECT_EQ(second.capacity, 32U);
  EXPECT_EQ(position(1, "a").before, std::vector<PairRange>{first});
  apply(config({pool("a", 1, 32)}, {service(1, "a")}));
  EXPECT_EQ(position(1, "a").pairs, second);
  EXPECT_TRUE(freed_.empty());

  // The rows of a number that becomes free, in both ranges.
  apply(config({pool("a", 2, 32)}, {service(1, "a")}));
  now_ += 600 * kSecond;
  sweep_all();
  EXPECT_EQ(freed_, (std::vector<PairRange>{{second.first, 1}, {first.first, 1}}));

  // All of them, when the service goes; then they are used again.
  freed_.clear();
  apply(config({pool("a", 2, 32)}, {}));
  sweep_all();
  EXPECT_EQ(freed_, (std::vector<PairRange>{second, first}));
  apply(config({pool("a", 2, 32), pool("b", 51, 52)}, {service(2, "a", "b")}));
  EXPECT_EQ(position(2, "a").pairs, second);
  EXPECT_EQ(position(2, "b").pairs, first);
}

TEST_F(RegistryServices, RowsOfAFreedPositionAreZeroedAndUsedAgain) {
  apply(config(kFivePools, {service(1, "a")}));
  const PairRange rows = position(1, "a").pairs;
  apply(config(kFivePools, {service(1, "b")}));
  now_ += 600 * kSecond;
  sweep_all();
  EXPECT_EQ(freed_, std::vector<PairRange>{rows});
  apply(config(kFivePools, {service(1, "b"), service(2, "c")}));
  EXPECT_EQ(position(2, "c").pairs, rows);
}

TEST_F(RegistryServices, AnIdIsToldOnceWhenItIsFreeAndThenUsedAgain) {
  apply(config(kFivePools, {service(1, "a"), service(2, "a")}));
  const uint16_t id = record(2).id;
  apply(config(kFivePools, {service(1, "a")}));
  sweeps_.see(generation_);
  advance();
  sweeps_.pass();
  advance();
  EXPECT_EQ(registry_.take_freed_services(), std::vector<uint16_t>{}) << "one pass may have begun before";
  sweep_all();
  EXPECT_EQ(registry_.take_freed_services(), std::vector<uint16_t>{id});
  EXPECT_EQ(registry_.take_freed_services(), std::vector<uint16_t>{});
  apply(config(kFivePools, {service(1, "a"), service(3, "b")}));
  EXPECT_EQ(record(3).id, id);
}

TEST_F(RegistryServices, MoreRowsThanThereAreAreRefused) {
  // 8,192 rows for each service: 128 of them take all.
  std::vector<ServiceConfig> services;
  for (unsigned i = 1; i <= 129; ++i)
    services.push_back(service(i, "a"));
  const std::vector<PoolConfig> large = {pool("a", 1, 4'097)};
  Registry copy = registry_;
  const auto refused = copy.apply(config(large, services), now_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "configuration: more than 1048576 pairs of service and backend");
  services.pop_back();
  apply(config(large, services));
}

}  // namespace
}  // namespace shunt
