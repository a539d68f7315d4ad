#include "dataplane/slot_choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace shunt {
namespace {

constexpr HashKey kClusterKey{{5, 6, 7, 8}};
constexpr uint32_t kFlows = 100'000;

// A pool whose slots go round its members, with the arrays that a snapshot would hold. Numbers aren't 0, 1, 2
// … on purpose.
struct Pool {
  explicit Pool(std::vector<uint32_t> weights_of, uint32_t slot_count = 6'007)
      : weights(std::move(weights_of)), owner(slot_count), accept(1000), passed_over(1000) {
    uint32_t sum = 0;
    for (const uint32_t weight : weights)
      sum += weight;
    for (uint32_t slot = 0; slot < slot_count; ++slot) {
      uint32_t place = slot % sum;
      uint32_t member = 0;
      while (place >= weights[member])
        place -= weights[member++];
      owner[slot] = number(member);
    }
    for (uint32_t member = 0; member < weights.size(); ++member)
      accept[number(member)] = kAcceptAll;
  }

  static uint16_t number(uint32_t member) { return static_cast<uint16_t>(900 - 7 * member); }

  SlotChoice compiled() {
    sums.clear();
    numbers.clear();
    uint64_t sum = 0;
    for (uint32_t member = 0; member < weights.size(); ++member) {
      sum += uint64_t{weights[member]} * accept[number(member)];
      sums.push_back(sum);
      numbers.push_back(number(member));
    }
    return {
        owner.data(),   static_cast<uint32_t>(owner.size()), accept.data(), passed_over.data(), sums.data(),
        numbers.data(), static_cast<uint32_t>(sums.size())};
  }

  std::vector<uint32_t> weights;
  std::vector<uint16_t> owner;
  std::vector<uint16_t> accept;
  std::vector<uint8_t> passed_over;
  std::vector<uint64_t> sums;
  std::vector<uint16_t> numbers;
};

Hash128 flow_hash(uint32_t flow) {
  return keyed_hash(kClusterKey, flow, 0x10000);
}

std::vector<uint16_t> choices(Pool& pool) {
  const SlotChoice choice = pool.compiled();
  std::vector<uint16_t> chosen;
  for (uint32_t flow = 0; flow < kFlows; ++flow)
    chosen.push_back(choose(choice, kClusterKey, flow_hash(flow)).number);
  return chosen;
}

// Counts by member, compared with the shares wanted: chi-square within 6 standard deviations of its mean.
void expect_shares(const std::vector<uint16_t>& chosen, const std::vector<double>& wanted) {
  double sum = 0;
  for (const double share : wanted)
    sum += share;
  double chi_square = 0;
  for (uint32_t member = 0; member < wanted.size(); ++member) {
    const auto count = static_cast<double>(std::count(chosen.begin(), chosen.end(), Pool::number(member)));
    const double expected = kFlows * wanted[member] / sum;
    if (expected == 0) {
      EXPECT_EQ(count, 0) << member;
    } else {
      chi_square += (count - expected) * (count - expected) / expected;
    }
  }
  const auto freedom = static_cast<double>(wanted.size() - 1);
  EXPECT_LT(chi_square, freedom + 6 * std::sqrt(2 * freedom) + 10);
}

TEST(SlotChoice, TakesTheSlotsOwner) {
  Pool pool({1, 1, 2});
  const SlotChoice choice = pool.compiled();
  for (uint32_t flow = 0; flow < 1000; ++flow) {
    const Hash128 hash = flow_hash(flow);
    const uint16_t owner = pool.owner[scale_to(static_cast<uint32_t>(hash.low >> 32U), choice.slots)];
    EXPECT_EQ(choose(choice, kClusterKey, hash).number, owner);
    EXPECT_EQ(slot_owner(choice, kClusterKey, hash).number, owner);
  }
  expect_shares(choices(pool), {1, 1, 2});
}

TEST(SlotChoice, ABackendThatGoesDownMovesOnlyItsOwnFlows) {
  Pool pool({1, 1, 1, 1, 2});
  const auto before = choices(pool);
  pool.accept[Pool::number(1)] = 0;
  const auto after = choices(pool);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    if (before[flow] != Pool::number(1)) {
      ASSERT_EQ(after[flow], before[flow]) << flow;
    } else {
      ASSERT_NE(after[flow], Pool::number(1)) << flow;
    }
  }
  expect_shares(after, {1, 0, 1, 1, 2});
  pool.accept[Pool::number(1)] = kAcceptAll;
  EXPECT_EQ(choices(pool), before);
}

// A second one that goes down moves its own and those it had from the first (their next probes are the same
// for all).
TEST(SlotChoice, ASecondOneMovesOnlyWhatItHad) {
  Pool pool({1, 1, 1, 1, 1, 1, 1, 1});
  pool.accept[Pool::number(1)] = 0;
  const auto before = choices(pool);
  pool.accept[Pool::number(2)] = 0;
  const auto after = choices(pool);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    if (before[flow] != Pool::number(2)) {
      ASSERT_EQ(after[flow], before[flow]) << flow;
    }
  }
  expect_shares(after, {1, 0, 0, 1, 1, 1, 1, 1});
}

// Half of its flows go on to a further probe, where it takes its share again: it ends at 128 against 256 of
// the others.
TEST(SlotChoice, Accept128HalvesTheShare) {
  Pool pool({1, 1, 1, 1});
  const auto before = choices(pool);
  pool.accept[Pool::number(2)] = 128;
  const auto after = choices(pool);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    if (before[flow] != Pool::number(2)) {
      ASSERT_EQ(after[flow], before[flow]);
    }
  }
  expect_shares(after, {2, 2, 1, 2});
}

TEST(SlotChoice, SlowStartOnlyEverAddsFlows) {
  Pool pool({1, 1, 1});
  std::vector<uint16_t> before;
  for (uint16_t accept = 0; accept <= kAcceptAll; accept = static_cast<uint16_t>(accept + 32)) {
    pool.accept[Pool::number(0)] = accept;
    const auto after = choices(pool);
    for (uint32_t flow = 0; flow < before.size(); ++flow) {
      if (before[flow] == Pool::number(0)) {
        ASSERT_EQ(after[flow], Pool::number(0)) << "flow " << flow << " at " << accept;
      }
    }
    before = after;
  }
}

// All probes fail but for one flow in many: the running sum decides, by weight × accept.
TEST(SlotChoice, LastResortIsTheRunningSum) {
  Pool pool({100, 1, 3});
  pool.accept[Pool::number(0)] = 0;
  expect_shares(choices(pool), {0, 1, 3});
  pool.accept[Pool::number(1)] = 1;
  pool.accept[Pool::number(2)] = 1;
  expect_shares(choices(pool), {0, 1, 3});
}

TEST(SlotChoice, SumsBeyond32Bits) {
  Pool pool({1, 1});
  pool.accept[Pool::number(0)] = 0;
  pool.accept[Pool::number(1)] = 0;
  SlotChoice choice = pool.compiled();
  const uint64_t sums[] = {uint64_t{3} << 40U, uint64_t{4} << 40U};  // nobody's probe succeeds
  choice.running_sum = sums;
  uint32_t first = 0;
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    first += choose(choice, kClusterKey, flow_hash(flow)).number == Pool::number(0) ? 1U : 0U;
  }
  EXPECT_NEAR(first, 0.75 * kFlows, 6 * std::sqrt(kFlows * 0.75 * 0.25));
}

TEST(SlotChoice, NobodyIsNobody) {
  Pool pool({1, 2});
  pool.accept[Pool::number(0)] = pool.accept[Pool::number(1)] = 0;
  EXPECT_FALSE(choose(pool.compiled(), kClusterKey, flow_hash(1)));
  EXPECT_TRUE(slot_owner(pool.compiled(), kClusterKey, flow_hash(1)));
  EXPECT_FALSE(choose(SlotChoice{}, kClusterKey, flow_hash(1)));
  EXPECT_FALSE(slot_owner(SlotChoice{}, kClusterKey, flow_hash(1)));
}

TEST(SlotChoice, AMissThatOpensNothingTakesTheOwnerUntilDrainIsOver) {
  Pool pool({1, 1, 1});
  const auto opened_before = choices(pool);
  pool.accept[Pool::number(1)] = 0;
  const SlotChoice draining = pool.compiled();
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    ASSERT_EQ(slot_owner(draining, kClusterKey, flow_hash(flow)).number, opened_before[flow]);
  }
  pool.passed_over[Pool::number(1)] = 1;
  const SlotChoice drained = pool.compiled();
  const auto opened_since = choices(pool);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    ASSERT_EQ(slot_owner(drained, kClusterKey, flow_hash(flow)).number, opened_since[flow]);
  }
}

// Two shunts number their backends differently: the same backends are chosen.
TEST(SlotChoice, NumbersDoNotMatter) {
  Pool pool({1, 2, 3, 4});
  pool.accept[Pool::number(3)] = 0;
  pool.accept[Pool::number(2)] = 3;
  const auto chosen = choices(pool);
  Pool other = pool;
  const auto renumber = [](uint16_t number) { return static_cast<uint16_t>((number - 800) * 3); };
  std::fill(other.accept.begin(), other.accept.end(), uint16_t{0});
  for (uint32_t member = 0; member < 4; ++member) {
    other.accept[renumber(Pool::number(member))] = pool.accept[Pool::number(member)];
  }
  for (uint16_t& owner : other.owner)
    owner = renumber(owner);
  SlotChoice choice = other.compiled();
  for (const uint32_t member : {0U, 1U, 2U, 3U})
    other.numbers[member] = renumber(Pool::number(member));
  choice.running_sum = pool.sums.data();
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    ASSERT_EQ(choose(choice, kClusterKey, flow_hash(flow)).number, renumber(chosen[flow]));
  }
}

}  // namespace
}  // namespace shunt
