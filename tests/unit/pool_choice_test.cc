// PoolChoice: who may be chosen, in what order, and which pool a service chooses from.
#include "control/pool_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control_samples.h"

namespace shunt {
namespace {

using namespace control_test;
using testing::ElementsAre;

PoolRecord record_of(const PoolConfig& config) {
  PoolRecord record;
  record.config = config;
  for (const BackendConfig& each : config.backends)
    record.backends.push_back(BackendRecord{each, static_cast<uint16_t>(record.backends.size()), {}});
  return record;
}

std::vector<BackendHealth> health_of(std::initializer_list<bool> up) {
  std::vector<BackendHealth> health;
  for (const bool each : up)
    health.push_back({each, 0});
  return health;
}

// ---- Which pool, and how: a row for each case of the rule.
struct RuleRow {
  const char* name;
  PoolCondition pool;
  PoolCondition backup;  // no members: there is no backup_pool
  double panic;
  bool use_backup;
  ChoiceMode mode;
};

class ChoiceRuleTable : public testing::TestWithParam<RuleRow> {};

TEST_P(ChoiceRuleTable, Chooses) {
  const RuleRow& row = GetParam();
  const ChoiceRule rule = rule_for(row.pool, row.backup.members == 0 ? nullptr : &row.backup, row.panic);
  EXPECT_EQ(rule.use_backup, row.use_backup);
  EXPECT_EQ(rule.mode, row.mode);
}

constexpr auto kUp = ChoiceMode::up_only;
constexpr auto kAll = ChoiceMode::everybody;
INSTANTIATE_TEST_SUITE_P(
    Design, ChoiceRuleTable,
    testing::Values(RuleRow{"all_up", {10, 10}, {}, 0.5, false, kUp},
                    RuleRow{"exactly_the_share_is_no_panic", {10, 5}, {}, 0.5, false, kUp},
                    RuleRow{"more_than_the_share", {10, 4}, {}, 0.5, false, kAll},
                    RuleRow{"backup_before_panic", {10, 4}, {2, 1}, 0.5, true, kUp},
                    RuleRow{"backup_unused_while_most_are_up", {10, 5}, {2, 2}, 0.5, false, kUp},
                    RuleRow{"backup_with_nobody_up", {10, 4}, {2, 0}, 0.5, false, kAll},
                    RuleRow{"backup_whatever_panic_says", {10, 0}, {2, 2}, 1, true, kUp},
                    RuleRow{"four_members_never_panic", {4, 1}, {}, 0.5, false, kUp},
                    RuleRow{"four_members_use_the_backup", {4, 1}, {1, 1}, 0.5, true, kUp},
                    RuleRow{"five_members_panic", {5, 2}, {}, 0.5, false, kAll},
                    RuleRow{"few_members_but_none_up", {3, 0}, {}, 0.5, false, kAll},
                    RuleRow{"panic_1_with_some_up", {10, 1}, {}, 1, false, kUp},
                    RuleRow{"panic_1_with_none_up_is_nobody", {10, 0}, {}, 1, false, kUp},
                    RuleRow{"panic_0_with_one_down", {5, 4}, {}, 0, false, kAll},
                    RuleRow{"panic_0_with_all_up", {5, 5}, {}, 0, false, kUp},
                    RuleRow{"no_members", {0, 0}, {}, 0.5, false, kAll},
                    RuleRow{"no_members_but_a_backup", {0, 0}, {1, 1}, 0.5, true, kUp}),
    [](const auto& row) { return std::string(row.param.name); });

// ---- Who counts.
TEST(PoolCondition, CountsActiveMembersWithWeight) {
  PoolRecord record = record_of(pool("web", {backend(1), backend(2, 0), backend(3), backend(4), backend(5)}));
  record.backends[3]->departure.begin(kStart);  // draining
  record.backends.insert(record.backends.begin() + 1, std::nullopt);
  for (uint16_t number = 0; number < record.backends.size(); ++number) {
    if (record.backends[number]) record.backends[number]->number = number;
  }
  const PoolCondition condition = condition_of(record, health_of({true, false, false, false, true, true}));
  EXPECT_EQ(condition.members, 3U) << "1, 3 and 5";
  EXPECT_EQ(condition.up, 2U);
}

TEST(PoolChoice, UnknownCountsAsUp) {
  const PoolRecord record = record_of(pool("web", 1, 2));
  const PoolChoice choice = make_choice(record, std::vector<BackendHealth>(2), kUp, kStart);
  EXPECT_THAT(choice.accept, ElementsAre(256, 256));
  EXPECT_THAT(choice.passed_over, ElementsAre(0, 0));
}

TEST(PoolChoice, AcceptsOnlyThoseThatMayBeChosen) {
  PoolRecord record = record_of(pool("web", {backend(1), backend(2, 0), backend(3), backend(4), backend(5)}));
  record.backends[3]->departure.begin(kStart);
  const auto health = health_of({true, true, false, true, true});
  const PoolChoice up = make_choice(record, health, kUp, kStart);
  EXPECT_THAT(up.accept, ElementsAre(256, 0, 0, 0, 256));
  EXPECT_TRUE(up.has_anybody());
  // In a panic the one that is down too; never weight 0 or one that drains.
  EXPECT_THAT(make_choice(record, health, kAll, kStart).accept, ElementsAre(256, 0, 256, 0, 256));
}

TEST(PoolChoice, NobodyIsNobody) {
  EXPECT_FALSE(make_choice(record_of(pool("web", {})), {}, kAll, kStart).has_anybody());
  const PoolRecord idle = record_of(pool("web", {backend(1, 0), backend(2, 0)}));
  EXPECT_FALSE(make_choice(idle, health_of({true, true}), kAll, kStart).has_anybody());
  const PoolRecord down = record_of(pool("web", 1, 2));
  EXPECT_FALSE(make_choice(down, health_of({false, false}), kUp, kStart).has_anybody());
  EXPECT_TRUE(make_choice(down, health_of({false, false}), kAll, kStart).has_anybody());
}

TEST(PoolChoice, SumsRunInTheOrderOfAddressAndPort) {
  // Numbers 0 … 4 in the order of the file, which is another one on another shunt.
  const PoolRecord record = record_of(
      pool("web", {backend(9, 2), backend(3, 5, 81), backend(3, 7, 80), backend(256, 1), backend(10, 0)}));
  const PoolChoice choice = make_choice(record, health_of({true, true, true, true, true}), kUp, kStart);
  EXPECT_THAT(choice.numbers, ElementsAre(2, 1, 0, 3)) << "10.0.0.3:80, :81, 10.0.0.9, 10.0.1.0";
  EXPECT_THAT(choice.running_sum, ElementsAre(7 * 256, 12 * 256, 14 * 256, 15 * 256));
}

TEST(PoolChoice, WhoIsDownHasNoShareOfTheSum) {
  const PoolRecord record = record_of(pool("web", {backend(1, 3), backend(2, 4), backend(3, 5)}));
  const PoolChoice choice = make_choice(record, health_of({true, false, true}), kUp, kStart);
  EXPECT_THAT(choice.numbers, ElementsAre(0, 1, 2));
  EXPECT_THAT(choice.running_sum, ElementsAre(3 * 256, 3 * 256, 8 * 256));
}

TEST(PoolChoice, PassedOverAfterItsDrain) {
  const PoolRecord record = record_of(pool("web", {backend(1), backend(2), backend(3, 0)}, seconds(10)));
  std::vector<BackendHealth> health = health_of({true, false, true});
  health[1].refused_since_ns = kStart;
  health[2].refused_since_ns = kStart;
  EXPECT_THAT(make_choice(record, health, kUp, kStart + 10 * kSecond).passed_over, ElementsAre(0, 0, 0));
  EXPECT_THAT(make_choice(record, health, kUp, kStart + 10 * kSecond + 1).passed_over, ElementsAre(0, 1, 1));
  // In a panic the one that is down is chosen again.
  EXPECT_THAT(make_choice(record, health, kAll, kStart + 11 * kSecond).passed_over, ElementsAre(0, 0, 1));
}

}  // namespace
}  // namespace shunt
