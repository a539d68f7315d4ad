// AdminState, drain policy and slow start, in what the compiler makes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/compiler_bed.h"

namespace shunt {
namespace {

using namespace control_test;
using testing::ElementsAre;

// Four backends, the i-th of them (from 1) in this state.
Config four(unsigned i, AdminState admin, DrainPolicy policy = DrainPolicy::keep) {
  Config made = config({pool("web", 1, 4)}, {service(1, "web")});
  made.pools[0].drain = seconds(60);
  made.pools[0].drain_policy = policy;
  made.pools[0].backends[i - 1].admin = admin;
  return made;
}

std::vector<uint16_t> accepts(const Bed& bed) {
  const PoolView& view = bed.compiled(1).pools[0];
  return {view.accept, view.accept + view.count};
}
std::vector<bool> present(const Bed& bed) {
  const PoolView& view = bed.compiled(1).pools[0];
  std::vector<bool> there;
  for (uint32_t number = 0; number < view.count; ++number)
    there.push_back(view.destinations[number].present);
  return there;
}

TEST(Drain, DrainingTakesNoNewFlowsAndKeepsSlotsAndOldOnes) {
  Bed bed(four(1, AdminState::enabled));
  const auto slots = owners(bed, 1);
  bed.load(four(2, AdminState::draining));
  EXPECT_THAT(accepts(bed), ElementsAre(256, 0, 256, 256));
  EXPECT_THAT(present(bed), ElementsAre(true, true, true, true));
  EXPECT_EQ(owners(bed, 1), slots);
  const ServiceCondition* condition = bed.compiler.condition(key_of(service(1, "")));
  EXPECT_EQ(condition->pool.members, 3U);
  bed.load(four(2, AdminState::enabled));
  EXPECT_THAT(accepts(bed), ElementsAre(256, 256, 256, 256));
}

TEST(Drain, KeepGoesOnWhenItsTimeIsOver) {
  Bed bed(four(2, AdminState::draining));
  bed.now += 61 * kSecond;
  bed.advance();
  EXPECT_THAT(present(bed), ElementsAre(true, true, true, true));
  EXPECT_EQ(bed.compiled(1).choice.passed_over[1], 1) << "misses go elsewhere";
  EXPECT_EQ(bed.compiled(1).resets, 0);
}

TEST(Drain, ResetEndsFlowsWhenItsTimeIsOver) {
  Bed bed(four(2, AdminState::draining, DrainPolicy::reset));
  EXPECT_EQ(bed.compiled(1).resets, 1);
  bed.now += 59 * kSecond;
  bed.advance();
  EXPECT_THAT(present(bed), ElementsAre(true, true, true, true));
  bed.now += 2 * kSecond;
  EXPECT_TRUE(bed.advance());
  EXPECT_THAT(present(bed), ElementsAre(true, false, true, true));
  EXPECT_EQ(bed.compiled(1).choice.passed_over[1], 1);
}

// A reload of the same state doesn't begin the time anew.
TEST(Drain, TimeRunsOnOverReloads) {
  Bed bed(four(2, AdminState::draining, DrainPolicy::reset));
  bed.now += 59 * kSecond;
  bed.load(four(2, AdminState::draining, DrainPolicy::reset));
  bed.now += 2 * kSecond;
  bed.advance();
  EXPECT_THAT(present(bed), ElementsAre(true, false, true, true));
  bed.load(four(2, AdminState::enabled, DrainPolicy::reset));
  EXPECT_THAT(present(bed), ElementsAre(true, true, true, true));
}

TEST(Drain, DisabledIsGoneAtOnceAndKeepsNumberAndSlots) {
  Bed bed(four(1, AdminState::enabled));
  const auto number = bed.number("web", 3);
  const std::vector<uint16_t> slots(bed.compiled(1).choice.owner,
                                    bed.compiled(1).choice.owner + bed.compiled(1).choice.slots);
  bed.load(four(3, AdminState::disabled));
  EXPECT_EQ(bed.number("web", 3), number);
  EXPECT_TRUE(std::equal(slots.begin(), slots.end(), bed.compiled(1).choice.owner));
  EXPECT_THAT(accepts(bed), ElementsAre(256, 256, 0, 256));
  EXPECT_THAT(present(bed), ElementsAre(true, true, false, true));
  EXPECT_EQ(bed.compiled(1).choice.passed_over[2], 1);
}

TEST(Drain, AnyNumberAtOnce) {
  Config made = four(1, AdminState::draining);
  for (BackendConfig& each : made.pools[0].backends)
    each.admin = AdminState::draining;
  Bed bed(made);
  EXPECT_THAT(accepts(bed), ElementsAre(0, 0, 0, 0));
  EXPECT_FALSE(bed.compiler.condition(key_of(service(1, "")))->pool.up);
}

// A backup pool takes over from one that drains whole.
TEST(Drain, BackupPoolTakesOver) {
  Config made = config({pool("web", 1, 2), pool("spare", 3, 4)}, {service(1, "web", "spare")});
  for (BackendConfig& each : made.pools[0].backends)
    each.admin = AdminState::draining;
  Bed bed(made);
  EXPECT_THAT(chosen_address(bed, 1, 7).text(), testing::AnyOf("10.0.0.3", "10.0.0.4"));
}

TEST(SlowStart, GrowsEvenlyFromComingUpBesideOthers) {
  Config made = config({pool("web", 1, 3)}, {service(1, "web")});
  made.pools[0].slow_start = milliseconds(30'000);
  Bed bed(made);
  EXPECT_THAT(accepts(bed), ElementsAre(256, 256, 256)) << "all at once is nobody's slow start";
  bed.health("web", 2, false);
  bed.now += 10 * kSecond;
  bed.health("web", 2, true);
  EXPECT_THAT(accepts(bed), ElementsAre(256, 1, 256));
  bed.now += 15 * kSecond;
  EXPECT_TRUE(bed.advance());
  EXPECT_THAT(accepts(bed), ElementsAre(256, 128, 256));
  EXPECT_FALSE(bed.advance()) << "nothing has changed";
  bed.now += 15 * kSecond;
  EXPECT_TRUE(bed.advance());
  EXPECT_THAT(accepts(bed), ElementsAre(256, 256, 256));
  bed.now += 15 * kSecond;
  EXPECT_FALSE(bed.advance());
  // Whoever is new rises too; a table of slots isn't made anew for it but by its coming.
  Config more = made;
  more.pools[0].backends.push_back(backend(4));
  bed.load(more);
  EXPECT_THAT(accepts(bed), ElementsAre(256, 256, 256, 1));
}

TEST(SlowStart, TurnsFollow) {
  Config made = config({pool("web", 1, 2)}, {service(1, "web")});
  made.pools[0].slow_start = milliseconds(10'000);
  made.services[0].scheduler = Scheduler::round_robin;
  Bed bed(made);
  bed.health("web", 2, false);
  bed.health("web", 2, true);
  bed.now += 5 * kSecond;
  bed.advance();
  const Balance& balance = *bed.compiled(1).balance;
  EXPECT_EQ(std::vector<uint16_t>(balance.turns, balance.turns + balance.turn_count),
            (std::vector<uint16_t>{0, 1, 0}));
}

}  // namespace
}  // namespace shunt
