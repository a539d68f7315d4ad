#include "dataplane/in_band.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace shunt {
namespace {

constexpr uint64_t kStart = 1'000'000;

// Batches of `packets`, `spacing_us` apart, each `period_us` behind the one before; what was said of them.
std::vector<uint64_t> batches(InBandPauses& pauses, uint64_t start_us, uint64_t period_us, unsigned packets,
                              uint64_t spacing_us, unsigned count) {
  InBandFlow flow;
  std::vector<uint64_t> said;
  for (unsigned batch = 0; batch < count; ++batch) {
    for (unsigned i = 0; i < packets; ++i) {
      if (const auto sample = pauses.packet(flow, start_us + batch * period_us + i * spacing_us))
        said.push_back(*sample);
    }
  }
  return said;
}

TEST(InBand, SaysNothingBeforeItHasChosen) {
  InBandPauses pauses;
  EXPECT_TRUE(batches(pauses, kStart, 2'000, 3, 20, 100).empty()) << "200 ms: no epoch has passed";
  EXPECT_FALSE(batches(pauses, kStart + 300'000, 2'000, 3, 20, 200).empty());
}

TEST(InBand, AFewPacketsAreNoEpoch) {
  InBandPauses pauses;
  EXPECT_TRUE(batches(pauses, kStart, 1'000'000, 1, 0, 30).empty());
}

TEST(InBand, IsExactWithoutJitter) {
  for (const uint64_t period : {500U, 1'000U, 5'000U, 20'000U, 100'000U}) {
    InBandPauses pauses;
    const auto said = batches(pauses, kStart, period, 3, 20, 2'000);
    ASSERT_GT(said.size(), 100U) << period;
    EXPECT_TRUE(std::ranges::all_of(said, [&](uint64_t sample) { return sample == period; })) << period;
    EXPECT_LT(pauses.believed_us(), period);
    EXPECT_GE(pauses.believed_us(), period / 4);
  }
}

TEST(InBand, FollowsAChange) {
  InBandPauses pauses;
  batches(pauses, kStart, 2'000, 3, 20, 1'000);
  const auto said = batches(pauses, kStart + 3'000'000, 10'000, 3, 20, 300);
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.back(), 10'000U);
}

// Flows don't take each other's packets for their own.
TEST(InBand, FlowsAreApart) {
  InBandPauses pauses;
  std::vector<InBandFlow> flows(10);
  std::vector<uint64_t> said;
  for (uint64_t at = kStart; at < kStart + 3'000'000; at += 300) {
    const size_t which = (at - kStart) / 300 % flows.size();
    if (const auto sample = pauses.packet(flows[which], at)) said.push_back(*sample);
  }
  ASSERT_GT(said.size(), 1'000U);
  EXPECT_TRUE(std::ranges::all_of(said, [](uint64_t sample) { return sample == 3'000; }));
}

// Whatever comes, a sample is a time that lies between two packets of the flow, longer than the pause
// believed in.
TEST(InBand, AnyPacketsMakeSense) {
  std::mt19937 random(3);
  InBandPauses pauses;
  InBandFlow flow;
  uint64_t now = kStart;
  for (unsigned i = 0; i < 100'000; ++i) {
    now += random() % (uint64_t{1} << random() % 20);
    const uint64_t believed = pauses.believed_us();
    if (const auto sample = pauses.packet(flow, now)) {
      ASSERT_GT(*sample, believed);
      ASSERT_LE(*sample, now - kStart);
    }
  }
}

}  // namespace
}  // namespace shunt
