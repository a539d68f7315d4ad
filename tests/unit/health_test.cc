// Rise, fall and the schedule: the parts of health checking that need no network.
#include <gtest/gtest.h>

#include <vector>

#include "control/flap_damping.h"
#include "control/health_schedule.h"
#include "control/health_tracker.h"

namespace shunt {
namespace {

using std::chrono::milliseconds;
using Clock = HealthSchedule::Clock;

// One letter per result (g good, b bad), one letter per state after it (? unknown, u up, d down).
std::string states_after(const std::string& results, uint16_t rise, uint16_t fall,
                         HealthState start = HealthState::unknown) {
  HealthTracker tracker(rise, fall, start);
  std::string states;
  for (const char result : results) {
    const HealthState before = tracker.state();
    const auto left = tracker.record(result == 'g');
    EXPECT_EQ(left.has_value(), before != tracker.state());
    if (left) {
      EXPECT_EQ(*left, before);
    }
    states += tracker.state() == HealthState::up ? 'u' : tracker.state() == HealthState::down ? 'd' : '?';
  }
  return states;
}

TEST(HealthTracker, UnknownIsUpAfterOneSuccessAndDownAfterFall) {
  EXPECT_EQ(states_after("g", 5, 3), "u");
  EXPECT_EQ(states_after("bbb", 5, 3), "??d");
  EXPECT_EQ(states_after("bbg", 5, 3), "??u");
}

TEST(HealthTracker, CountsRiseAndFallInARow) {
  EXPECT_EQ(states_after("gbbb", 2, 3), "uuud");
  EXPECT_EQ(states_after("bbbgg", 2, 3), "??ddu");
  EXPECT_EQ(states_after("bbbgbgbgg", 2, 3), "??ddddddu");
  EXPECT_EQ(states_after("gbg", 1, 1), "udu");
}

TEST(HealthTracker, ALossOfOneInThreeDoesNotTakeDown) {
  EXPECT_EQ(states_after("gbgbbgbbgb", 2, 3), "uuuuuuuuuu");
}

TEST(HealthTracker, StartsFromAGivenStateWithNothingCounted) {
  EXPECT_EQ(states_after("bb", 2, 3, HealthState::up), "uu");
  EXPECT_EQ(states_after("gg", 2, 3, HealthState::down), "du");
}

TEST(HealthTracker, AThresholdOfZeroCountsAsOne) {
  EXPECT_EQ(states_after("bg", 0, 0, HealthState::up), "du");
}

TEST(HealthTracker, ConsecutiveCountsResultsLikeTheLastOne) {
  HealthTracker tracker(2, 3);
  std::vector<uint32_t> counts;
  for (const bool good : {false, false, true, true, true, false}) {
    tracker.record(good);
    counts.push_back(tracker.consecutive());
  }
  EXPECT_EQ(counts, (std::vector<uint32_t>{1, 2, 1, 2, 3, 1}));
}

TEST(HealthSchedule, FirstChecksAreSoonAndThenSpreadOverTheInterval) {
  constexpr int kTargets = 1000;
  HealthSchedule::Random random(1);
  const Clock::time_point start{};
  std::vector<int> phases(10);
  for (int i = 0; i < kTargets; ++i) {
    HealthSchedule schedule(milliseconds(1000), 0, milliseconds(100), start, random);
    EXPECT_GE(schedule.due(), start);
    EXPECT_LE(schedule.due(), start + milliseconds(100));
    const auto first = schedule.due();
    EXPECT_EQ(schedule.advance(first, random), 0U);
    EXPECT_GE(schedule.due(), first);
    EXPECT_LE(schedule.due(), first + milliseconds(1000));
    ++phases[static_cast<size_t>((schedule.due() - start) / milliseconds(100) % 10)];
  }
  for (const int in_tenth : phases) {
    EXPECT_NEAR(in_tenth, kTargets / 10, 40);
  }
}

TEST(HealthSchedule, JitterStaysInItsBoundsAndDoesNotAddUp) {
  HealthSchedule::Random random(2);
  HealthSchedule plain(milliseconds(100), 0, milliseconds(100), {}, random);
  HealthSchedule::Random same(2);
  HealthSchedule jittered(milliseconds(100), 0.1, milliseconds(100), {}, same);
  Clock::duration least = milliseconds(100);
  Clock::duration most = -milliseconds(100);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(plain.advance(plain.due(), random), 0U);
    ASSERT_EQ(jittered.advance(jittered.due(), random), 0U);
    const auto off = jittered.due() - plain.due();
    least = std::min(least, off);
    most = std::max(most, off);
  }
  EXPECT_GE(least, -milliseconds(10));
  EXPECT_LE(most, milliseconds(10));
  EXPECT_LT(least, -milliseconds(9));
  EXPECT_GT(most, milliseconds(9));
}

TEST(HealthSchedule, SlotsNeverSwapEvenWithTooMuchJitter) {
  HealthSchedule::Random random(3);
  HealthSchedule schedule(milliseconds(100), 7.0, milliseconds(100), {}, random);
  schedule.advance(schedule.due(), random);
  for (int i = 0; i < 10'000; ++i) {
    const auto before = schedule.due();
    schedule.advance(before, random);
    ASSERT_GE(schedule.due(), before);
  }
}

TEST(HealthSchedule, ACheckThatLastsTooLongMissesSlotsAndKeepsTheGrid) {
  HealthSchedule::Random random(4);
  HealthSchedule schedule(milliseconds(100), 0, milliseconds(100), {}, random);
  schedule.advance(schedule.due(), random);
  const auto slot = schedule.due();
  // 350 ms: the slots at 100 and 200 are lost, the one at 300 is due at once, the next is at 400.
  EXPECT_EQ(schedule.advance(slot + milliseconds(350), random), 2U);
  EXPECT_EQ(schedule.due(), slot + milliseconds(300));
  EXPECT_EQ(schedule.advance(slot + milliseconds(360), random), 0U);
  EXPECT_EQ(schedule.due(), slot + milliseconds(400));
}

// ---- Damping, by a clock of our own.

struct Damped {
  explicit Damped(std::chrono::seconds longest) : damping(longest) {}

  // Goes down now; how long it is held, in seconds.
  int64_t down() {
    damping.went_down(now);
    int64_t held = 0;
    while (damping.holds(now + std::chrono::seconds(held)))
      ++held;
    return held;
  }
  void wait(int64_t seconds) { now += std::chrono::seconds(seconds); }

  FlapDamping damping;
  Clock::time_point now{std::chrono::hours(1)};
};

TEST(FlapDamping, HoldsLongerEachTimeUpToItsBound) {
  Damped damped(std::chrono::seconds(60));
  std::vector<int64_t> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(damped.down());
    damped.wait(held.back() + 1);  // up again for a second
  }
  EXPECT_EQ(held, (std::vector<int64_t>{0, 0, 10, 20, 40, 60, 60, 60}));
}

TEST(FlapDamping, ForgivesOneForEachPeriodInWhichItCouldHaveBeenUp) {
  Damped damped(std::chrono::seconds(60));
  for (int i = 0; i < 2; ++i)
    damped.down();
  EXPECT_EQ(damped.down(), 10);
  damped.wait(10 + 59);
  EXPECT_EQ(damped.down(), 20) << "not a whole period since it was released";
  damped.wait(20 + 120);
  EXPECT_EQ(damped.down(), 10) << "two of four forgiven";
  damped.wait(10 + 10'000);
  EXPECT_EQ(damped.down(), 0) << "all forgiven";
}

TEST(FlapDamping, RareDownsAreNoFlap) {
  Damped damped(std::chrono::seconds(60));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(damped.down(), 0);
    damped.wait(61);
  }
}

TEST(FlapDamping, OffUnlessAskedFor) {
  Damped damped(std::chrono::seconds(0));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(damped.down(), 0);
}

TEST(FlapDamping, SaysWhy) {
  Damped damped(std::chrono::seconds(60));
  for (int i = 0; i < 4; ++i)
    damped.down();
  damped.wait(3);
  EXPECT_EQ(damped.damping.reason(damped.now), "held down for 17 s more: 4 times down of late");
}

TEST(HealthSchedule, AnotherIntervalHoldsFromTheNextSlotOn) {
  HealthSchedule::Random random(1);
  HealthSchedule schedule(milliseconds(100), 0, milliseconds(0), Clock::time_point(), random);
  Clock::time_point now = schedule.due();
  schedule.set_interval(std::chrono::seconds(10));
  schedule.advance(now, random);
  EXPECT_GE(schedule.due() - now, std::chrono::seconds(9));
  now = schedule.due();
  schedule.set_interval(milliseconds(100));
  schedule.advance(now, random);
  EXPECT_EQ(schedule.due() - now, milliseconds(100));
}

}  // namespace
}  // namespace shunt
