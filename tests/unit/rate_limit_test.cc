#include "dataplane/rate_limit.h"

#include <gtest/gtest.h>

namespace shunt {
namespace {

uint64_t take_all(PuntLimit& limit, uint64_t ns, uint64_t tries) {
  uint64_t taken = 0;
  for (uint64_t i = 0; i < tries; ++i)
    taken += limit.take(Now::from_ns(ns)) ? 1U : 0U;
  return taken;
}

TEST(PuntLimit, StartsWithItsBurst) {
  PuntLimit limit;
  EXPECT_EQ(take_all(limit, 0, 100'000), kPuntBurst);
  EXPECT_EQ(take_all(limit, 0, 10), 0U);
}

TEST(PuntLimit, EarnsItsRate) {
  PuntLimit limit;
  take_all(limit, 1'000'000'000, kPuntBurst);
  EXPECT_EQ(take_all(limit, 1'010'000'000, 100'000), kPuntRate / 100);
  EXPECT_EQ(take_all(limit, 1'010'000'000, 10), 0U);
}

TEST(PuntLimit, SavesNoMoreThanABurst) {
  PuntLimit limit;
  take_all(limit, 0, kPuntBurst);
  EXPECT_EQ(take_all(limit, 3'600'000'000'000, 100'000), kPuntBurst);
}

// However the loops fall: a rest that is too short for a packet isn't lost.
TEST(PuntLimit, EarnsItsRateInSmallSteps) {
  for (const uint64_t step_ns :
       {uint64_t{1'000}, uint64_t{7'000}, uint64_t{19'000}, uint64_t{30'000}, uint64_t{39'999}}) {
    PuntLimit limit;
    take_all(limit, 0, kPuntBurst);
    uint64_t taken = 0;
    const uint64_t steps = 1'000'000'000 / step_ns;
    for (uint64_t step = 1; step <= steps; ++step)
      taken += take_all(limit, step * step_ns, 3);
    EXPECT_NEAR(static_cast<double>(taken), static_cast<double>(kPuntRate), 2.0) << step_ns;
  }
}

}  // namespace
}  // namespace shunt
