#include "dataplane/idle_naps.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace shunt {
namespace {

// A worker's loop on a machine whose naps take longer than asked.
class Machine {
 public:
  // One loop without packets that takes `over_ns` longer than its nap; how long from its beginning to the
  // next.
  uint64_t idle_loop(uint64_t over_ns) {
    naps.begin_loop(now_ns);
    asked_ns = naps.idle();
    const uint64_t took = asked_ns + over_ns;
    now_ns += took;
    return took;
  }
  void busy_loop() {
    naps.begin_loop(now_ns);
    naps.busy();
    now_ns += 1'000;
  }

  IdleNaps naps;
  uint64_t now_ns = 1'000'000;
  uint32_t asked_ns = 0;
};

TEST(IdleNaps, DoNotBeginAtOnce) {
  Machine machine;
  for (int round = 0; round < 2; ++round) {
    machine.busy_loop();
    for (uint32_t i = 0; i < kIdleLoops; ++i) {
      machine.idle_loop(500);
      ASSERT_EQ(machine.asked_ns, 0U) << i;
    }
    machine.idle_loop(3'000);
    EXPECT_GT(machine.asked_ns, 0U);
  }
}

TEST(IdleNaps, AreShortFirst) {
  Machine machine;
  for (uint32_t i = 0; i < kIdleLoops; ++i)
    machine.idle_loop(500);
  for (uint32_t i = 1; i < kShortWaits; ++i)
    ASSERT_LE(machine.idle_loop(3'000), kShortWaitNs) << i;
  EXPECT_GT(machine.idle_loop(3'000), kShortWaitNs);
}

// Whatever a machine's timers add, once it is known.
TEST(IdleNaps, KeepTheFirstPacketsWait) {
  for (const uint64_t over : {500U, 3'000U, 14'000U, 25'000U, 40'000U}) {
    Machine machine;
    std::mt19937 random(3);
    uint64_t slept = 0;
    for (uint32_t i = 0; i < kIdleLoops + kShortWaits + 1'000; ++i) {
      const uint64_t took = machine.idle_loop(over + random() % (over / 10));
      if (i < kIdleLoops + kShortWaits) continue;
      ASSERT_LE(took, kLongWaitNs) << over << " ns more than asked, loop " << i;
      slept += machine.asked_ns;
    }
    EXPECT_GT(slept / 1'000, kLongWaitNs - over * 5 / 4) << over;  // and don't fall short of it for nothing
  }
}

// A machine that gets slower is known soon, and forgotten again when it gets faster.
TEST(IdleNaps, FollowTheMachine) {
  Machine machine;
  for (int i = 0; i < 1'000; ++i)
    machine.idle_loop(3'000);
  uint32_t late = 0;
  for (int i = 0; i < 1'000; ++i)
    late += machine.idle_loop(20'000) > kLongWaitNs ? 1U : 0U;
  EXPECT_EQ(late, 1U);
  for (int i = 0; i < 100; ++i)
    machine.idle_loop(3'000);
  EXPECT_GT(machine.asked_ns, 45'000U);
}

// A worker that wasn't scheduled for 8 ms has learned little by it.
TEST(IdleNaps, AreNotSpoiledByOneInterruption) {
  Machine machine;
  for (int i = 0; i < 1'000; ++i)
    machine.idle_loop(3'000);
  machine.idle_loop(8'000'000);
  for (int i = 0; i < 30; ++i)
    machine.idle_loop(3'000);
  EXPECT_GT(machine.asked_ns, 35'000U);
}

TEST(IdleNaps, AreNeverNothingWhereTheMachineIsTooSlow) {
  Machine machine;
  for (int i = 0; i < 1'000; ++i)
    machine.idle_loop(70'000);
  EXPECT_EQ(machine.asked_ns, kShortestNapNs);
}

// Packets after a nap: that nap counts as measured, the packets' own time doesn't.
TEST(IdleNaps, WorkIsNoPartOfANap) {
  Machine machine;
  for (int i = 0; i < 1'000; ++i)
    machine.idle_loop(3'000);
  const double known = machine.naps.overhead_ns();
  machine.naps.begin_loop(machine.now_ns);
  machine.naps.busy();
  machine.now_ns += 400'000;
  machine.naps.begin_loop(machine.now_ns);
  EXPECT_NEAR(machine.naps.overhead_ns(), known, 10);
}

}  // namespace
}  // namespace shunt
