#include "control/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace shunt {
namespace {

constexpr HashKey kKey{{0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x8796a5b4c3d2e1f0}};
constexpr uint32_t kSlots = 65'537;

SlotMember member(unsigned i, uint16_t weight = 1) {
  return {IpAddress::v4(be32(0x0a000001U + i)), 8080, weight, static_cast<uint16_t>(i)};
}

std::vector<SlotMember> pool(unsigned count, unsigned weights = 1) {
  std::vector<SlotMember> members;
  for (unsigned i = 0; i < count; ++i)
    members.push_back(member(i, static_cast<uint16_t>(1 + i % weights)));
  return members;
}

std::map<uint16_t, uint32_t> shares(const std::vector<uint16_t>& table) {
  std::map<uint16_t, uint32_t> count;
  for (const uint16_t owner : table)
    ++count[owner];
  return count;
}

uint32_t slots_that_differ(const std::vector<uint16_t>& a, const std::vector<uint16_t>& b) {
  uint32_t differ = 0;
  for (size_t slot = 0; slot < a.size(); ++slot)
    differ += a[slot] != b[slot] ? 1U : 0U;
  return differ;
}

TEST(Maglev, SharesAreWithinOneSlotOfTheWeights) {
  for (const unsigned count : {1U, 2U, 3U, 7U, 100U, 1000U, 10'000U}) {
    for (const unsigned weights : {1U, 9U}) {
      const auto members = pool(count, weights);
      const auto table = build_maglev(members, kSlots, kKey);
      ASSERT_EQ(table.size(), kSlots);
      const double sum =
          std::accumulate(members.begin(), members.end(), 0.0,
                          [](double total, const SlotMember& each) { return total + each.weight; });
      auto share = shares(table);
      EXPECT_EQ(share.size(), count);
      for (const SlotMember& each : members) {
        const double fair = kSlots * each.weight / sum;
        EXPECT_LT(std::abs(share[each.number] - fair), 1.0) << count << " members, number " << each.number;
      }
    }
  }
}

// The definition, with nothing done to be quick: turns sorted by their instant, each walk one slot at a time.
std::vector<uint16_t> build_plainly(const std::vector<SlotMember>& members, uint32_t slots) {
  const auto quotas = slot_quotas(members, slots);
  std::vector<std::pair<uint64_t, uint16_t>> turns;
  std::vector<uint64_t> at;
  std::vector<uint64_t> skip;
  for (uint16_t i = 0; i < members.size(); ++i) {
    for (uint64_t turn = 0; turn < quotas[i]; ++turn)
      turns.emplace_back((2 * turn + 1) * slots / (2 * quotas[i]), i);
    std::array<uint8_t, 18> name{};
    std::copy_n(members[i].address.bytes().begin(), 16, name.begin());
    name[16] = static_cast<uint8_t>(members[i].port >> 8U);
    name[17] = static_cast<uint8_t>(members[i].port);
    const Hash128 hash = keyed_hash(kKey, name.data(), name.size());
    at.push_back(((hash.low >> 32U) * slots) >> 32U);
    skip.push_back(1 + (((hash.high >> 32U) * (slots - 1)) >> 32U));
  }
  std::sort(turns.begin(), turns.end());
  std::vector<uint16_t> owners(slots, 0xffff);
  for (const auto& [instant, i] : turns) {
    while (owners[at[i]] != 0xffff)
      at[i] = (at[i] + skip[i]) % slots;
    owners[at[i]] = members[i].number;
  }
  return owners;
}

TEST(Maglev, IsItsPlainDefinition) {
  for (const uint32_t slots : {2U, 13U, 251U, 257U, 1'009U, 65'537U}) {
    for (const unsigned count : {1U, 2U, 13U, 100U, 251U}) {
      if (count > slots) continue;
      const auto members = pool(count, 5);
      EXPECT_EQ(build_maglev(members, slots, kKey), build_plainly(members, slots))
          << count << " of " << slots;
    }
  }
}

// Large pools: quotas of many sizes, few, and one only; peers whose turns come at the same instants.
TEST(Maglev, IsItsPlainDefinitionForLargePools) {
  for (const unsigned count : {1'000U, 4'096U, 10'000U}) {
    for (const unsigned weights : {1U, 9U, 900U}) {
      const auto members = pool(count, weights);
      ASSERT_EQ(build_maglev(members, kSlots, kKey), build_plainly(members, kSlots))
          << count << " members, weights to " << weights;
    }
  }
  const auto members = pool(10'000, 3);
  EXPECT_EQ(build_maglev(members, 10'007, kKey), build_plainly(members, 10'007));
  const auto few = pool(300, 300);
  EXPECT_EQ(build_maglev(few, 1'000'003, kKey), build_plainly(few, 1'000'003));
}

// Addresses of both families that differ in all their bytes, and ports.
TEST(Maglev, OrderIsByAddressFamilyAndPort) {
  std::mt19937 random(11);
  std::vector<SlotMember> members;
  for (uint16_t i = 0; i < 2'000; ++i) {
    std::array<uint8_t, 16> bytes{};
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>(random());
    const auto address =
        i % 2 == 0 ? IpAddress::v6(bytes.data()) : IpAddress::v4(be32(random() & 0xffff00ffU));
    members.push_back(
        {address, static_cast<uint16_t>(random() % 3 * 257), static_cast<uint16_t>(1 + random() % 9), i});
  }
  for (uint16_t i = 0; i < 100; ++i) {
    SlotMember other_family = members[size_t{i} * 2 + 1];
    other_family.address = IpAddress::v6(other_family.address.bytes().data());
    other_family.number = static_cast<uint16_t>(3'000 + i);
    members.push_back(other_family);
  }
  auto ordered = members;
  std::sort(ordered.begin(), ordered.end(), [](const SlotMember& a, const SlotMember& b) {
    return std::tuple(a.address.bytes(), a.address.family(), a.port) <
           std::tuple(b.address.bytes(), b.address.family(), b.port);
  });
  EXPECT_EQ(build_maglev(members, kSlots, kKey), build_plainly(ordered, kSlots));
}

TEST(Maglev, EachMemberHasASlotHoweverSmallItsWeight) {
  auto members = pool(16'383);
  members[77].weight = 65'535;
  const auto table = build_maglev(members, kSlots, kKey);
  auto share = shares(table);
  ASSERT_EQ(share.size(), 16'383U);
  EXPECT_EQ(share[77], kSlots - 16'382);
  const auto full = build_maglev(pool(11), 11, kKey);
  EXPECT_EQ(shares(full).size(), 11U);
}

TEST(Maglev, WeightZeroCountsAsOne) {
  auto members = pool(10, 3);
  const auto before = build_maglev(members, kSlots, kKey);
  for (SlotMember& each : members)
    each.weight = each.weight == 1 ? 0 : each.weight;
  EXPECT_EQ(build_maglev(members, kSlots, kKey), before);
}

// The definition of quotas by a plain sort, against weights of all sizes.
TEST(Maglev, QuotasAreTheirPlainDefinition) {
  std::mt19937 random(7);
  for (const unsigned largest : {1U, 2U, 9U, 1'000U, 65'535U}) {
    auto members = pool(5'000);
    for (SlotMember& each : members)
      each.weight = static_cast<uint16_t>(1 + random() % largest);
    std::vector<uint32_t> wanted(members.size());
    uint64_t left = kSlots;
    uint64_t weights = 0;
    for (const SlotMember& each : members)
      weights += each.weight;
    for (bool settled = false; !settled;) {
      settled = true;
      const uint64_t slots_before = left;
      const uint64_t weights_before = weights;
      for (size_t i = 0; i < members.size(); ++i) {
        if (wanted[i] != 0 || members[i].weight * slots_before >= weights_before) continue;
        wanted[i] = 1;
        --left;
        weights -= members[i].weight;
        settled = false;
      }
    }
    std::vector<std::pair<double, size_t>> remainders;
    uint64_t spread = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      if (wanted[i] != 0) continue;
      wanted[i] = static_cast<uint32_t>(members[i].weight * left / weights);
      spread += wanted[i];
      remainders.emplace_back(-static_cast<double>(members[i].weight * left % weights), i);
    }
    std::sort(remainders.begin(), remainders.end());
    for (size_t i = 0; spread < left; ++i, ++spread)
      ++wanted[remainders[i].second];
    ASSERT_EQ(slot_quotas(members, kSlots), wanted) << "weights to " << largest;
    EXPECT_EQ(std::accumulate(wanted.begin(), wanted.end(), 0U), kSlots);
  }
}

TEST(Maglev, RemaindersGoToTheLargest) {
  // 10 slots over 1 : 1 : 1 : 4 of 7 are 1.43, 1.43, 1.43, 5.71: one more for the last, one for the first of
  // the equal.
  EXPECT_EQ(slot_quotas(std::vector{member(0), member(1), member(2), member(3, 4)}, 10),
            (std::vector<uint32_t>{2, 1, 1, 6}));
  // 5 slots over 1 : 1 : 100: less than one each for two of them, which get one; three are left.
  EXPECT_EQ(slot_quotas(std::vector{member(0), member(1), member(2, 100)}, 5),
            (std::vector<uint32_t>{1, 1, 3}));
}

TEST(Maglev, OrderOfMembersDoesNotMatter) {
  auto members = pool(300, 7);
  const auto table = build_maglev(members, kSlots, kKey);
  std::mt19937 random(5);
  for (int i = 0; i < 5; ++i) {
    std::shuffle(members.begin(), members.end(), random);
    ASSERT_EQ(build_maglev(members, kSlots, kKey), table);
  }
}

TEST(Maglev, NumbersDoNotMatter) {
  auto members = pool(300, 7);
  const auto table = build_maglev(members, kSlots, kKey);
  for (SlotMember& each : members)
    each.number = static_cast<uint16_t>(5'000 - 3 * each.number);
  const auto renumbered = build_maglev(members, kSlots, kKey);
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    ASSERT_EQ(renumbered[slot], 5'000 - 3 * table[slot]) << slot;
}

TEST(Maglev, AddressPortFamilyAndKeyAllCount) {
  const auto members = pool(50);
  const auto table = build_maglev(members, kSlots, kKey);
  auto other_port = members;
  for (SlotMember& each : other_port)
    each.port = 8081;
  EXPECT_GT(slots_that_differ(build_maglev(other_port, kSlots, kKey), table), kSlots / 2);
  auto other_family = members;
  for (SlotMember& each : other_family) {
    auto bytes = each.address.bytes();
    bytes[0] = 0x20;
    each.address = IpAddress::v6(bytes.data());
  }
  EXPECT_GT(slots_that_differ(build_maglev(other_family, kSlots, kKey), table), kSlots / 2);
  HashKey other_key = kKey;
  other_key.words[3] ^= 1;
  EXPECT_GT(slots_that_differ(build_maglev(members, kSlots, other_key), table), kSlots / 2);
}

// Members of one address on several ports are different members.
TEST(Maglev, PortsOfOneAddressAreTakenApart) {
  std::vector<SlotMember> members;
  for (uint16_t i = 0; i < 20; ++i)
    members.push_back({*IpAddress::parse("2001:db8::1"), i, 1, i});
  EXPECT_EQ(shares(build_maglev(members, kSlots, kKey)).size(), 20U);
}

TEST(Maglev, RemovingOneMovesFewOthers) {
  for (const unsigned count : {3U, 100U, 1000U}) {
    auto members = pool(count, 3);
    const auto before = build_maglev(members, kSlots, kKey);
    const uint16_t removed = members[count / 2].number;
    members.erase(members.begin() + count / 2);
    const auto after = build_maglev(members, kSlots, kKey);
    uint32_t others = 0;
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      ASSERT_NE(after[slot], removed);
      others += before[slot] != removed && before[slot] != after[slot] ? 1U : 0U;
    }
    EXPECT_LT(others, kSlots / 50) << count << " members";  // 0.01 %, 0.6 % and 1 % when this was written
    ::testing::Test::RecordProperty("others_moved_of_" + std::to_string(count), static_cast<int>(others));
  }
}

TEST(Maglev, ChangingOneWeightMovesFewOthers) {
  auto members = pool(100);
  const auto before = build_maglev(members, kSlots, kKey);
  members[40].weight = 2;
  EXPECT_LT(slots_that_differ(before, build_maglev(members, kSlots, kKey)), kSlots / 25);
}

// Shunts of different versions share VIPs: this digest may only change with a plan for them.
TEST(Maglev, IsTheSameForEver) {
  const auto table = build_maglev(pool(100, 9), kSlots, kKey);
  const Hash128 digest = keyed_hash(HashKey{}, table.data(), table.size() * sizeof table[0]);
  EXPECT_EQ(digest.low, 16'499'584'349'456'041'078U);
  const auto small = build_maglev(pool(3), 13, kKey);
  EXPECT_EQ(small, (std::vector<uint16_t>{1, 2, 0, 1, 1, 0, 2, 0, 2, 1, 2, 0, 0}));
}

TEST(Maglev, WhatCannotBeBuiltIsEmpty) {
  EXPECT_TRUE(build_maglev({}, kSlots, kKey).empty());
  EXPECT_TRUE(build_maglev(pool(12), 11, kKey).empty());
  EXPECT_TRUE(build_maglev(pool(3), 65'536, kKey).empty());
  EXPECT_TRUE(build_maglev(pool(3), 0, kKey).empty());
  EXPECT_TRUE(build_maglev(pool(65'537), 100'003, kKey).empty());  // more than numbers
  EXPECT_EQ(build_maglev(pool(1), 2, kKey), (std::vector<uint16_t>{0, 0}));
}

TEST(Maglev, KnowsPrimes) {
  const std::set<uint32_t> primes = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29};
  for (uint32_t number = 0; number < 30; ++number)
    EXPECT_EQ(is_prime(number), primes.contains(number)) << number;
  EXPECT_TRUE(is_prime(65'537));
  EXPECT_FALSE(is_prime(257 * 257));
  EXPECT_TRUE(is_prime(4'294'967'291U));
}

}  // namespace
}  // namespace shunt
