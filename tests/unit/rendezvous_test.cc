#include "control/rendezvous.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "tests/unit/chi_square.h"

namespace shunt {
namespace {

constexpr HashKey kKey{{0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x8796a5b4c3d2e1f0}};
constexpr uint32_t kSlots = 65'537;

using Members = std::vector<SlotMember>;
using Table = std::vector<uint16_t>;

Members pool(const std::vector<uint16_t>& weights) {
  Members members;
  for (unsigned i = 0; i < weights.size(); ++i)
    members.push_back({IpAddress::v4(be32(0x0a000001U + i)), 8080, weights[i], static_cast<uint16_t>(i)});
  return members;
}
std::vector<uint16_t> weights_to_nine(size_t count) {
  std::vector<uint16_t> weights(count);
  for (size_t i = 0; i < count; ++i)
    weights[i] = static_cast<uint16_t>(1 + i % 9);
  return weights;
}
Table build(const Members& members, uint32_t slots = kSlots) {
  return build_rendezvous(members, slots, kKey);
}
std::vector<uint64_t> shares(const Table& table, size_t members) {
  std::vector<uint64_t> count(members);
  for (const uint16_t owner : table)
    ++count[owner];
  return count;
}

TEST(Rendezvous, SlotsAreDrawnByWeight) {
  for (const std::vector<uint16_t>& weights : {std::vector<uint16_t>{1},
                                               {1, 1},
                                               {1, 2, 3, 4, 5, 6, 7, 8, 9},
                                               {256, 1},
                                               {65'535, 1},
                                               {0, 1, 1},
                                               std::vector<uint16_t>(100, 1),
                                               weights_to_nine(1'000)}) {
    const Members members = pool(weights);
    const Table table = build(members);
    ASSERT_EQ(table.size(), kSlots);
    std::vector<double> wanted;
    for (const SlotMember& member : members)
      wanted.push_back(weight_of(member));
    EXPECT_GT(test::chi_square_p(shares(table, members.size()), wanted), 0.001)
        << weights.size() << " members";
  }
}

TEST(Rendezvous, WhoLeavesMovesItsOwnSlotsAndNobodyElses) {
  for (const size_t count : {2U, 10U, 500U}) {
    const Members members = pool(weights_to_nine(count));
    const Table before = build(members);
    for (const size_t gone : {size_t{0}, count / 2, count - 1}) {
      Members rest = members;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(gone));
      const Table after = build(rest);
      for (size_t slot = 0; slot < kSlots; ++slot) {
        if (before[slot] != gone) {
          ASSERT_EQ(after[slot], before[slot]) << slot;
        }
      }
    }
  }
}

TEST(Rendezvous, MoreWeightTakesSlotsAndGivesNone) {
  const Members members = pool(weights_to_nine(50));
  Members heavier = members;
  heavier[7].weight = 20;
  const Table before = build(members);
  const Table after = build(heavier);
  uint32_t moved = 0;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (before[slot] == after[slot]) continue;
    ++moved;
    ASSERT_EQ(after[slot], 7);
  }
  const double sum = std::accumulate(members.begin(), members.end(), 0.0,
                                     [](double all, const SlotMember& each) { return all + each.weight; });
  EXPECT_NEAR(moved, kSlots * (20 / (sum + 12) - 8 / sum), 4 * std::sqrt(kSlots * 20 / sum));
}

TEST(Rendezvous, OrderAndNumbersDoNotMatter) {
  const Members members = pool(weights_to_nine(40));
  Members mixed = members;
  std::shuffle(mixed.begin(), mixed.end(), std::mt19937_64(7));
  for (SlotMember& member : mixed)
    member.number = static_cast<uint16_t>(member.number + 1'000);
  const Table table = build(members);
  Table same = build(mixed);
  for (uint16_t& owner : same)
    owner = static_cast<uint16_t>(owner - 1'000);
  EXPECT_EQ(same, table);
}

TEST(Rendezvous, EverybodyOwnsASlot) {
  const Members crowded = pool(std::vector<uint16_t>(1'000, 1));
  const Table table = build(crowded, 1'009);
  EXPECT_EQ(std::set<uint16_t>(table.begin(), table.end()).size(), 1'000U);
  std::vector<uint16_t> weights(100, 60'000);
  weights[50] = 1;
  EXPECT_GE(shares(build(pool(weights)), 100)[50], 1U);
}

TEST(Rendezvous, NoTableWhereThereCanBeNone) {
  EXPECT_TRUE(build({}).empty());
  EXPECT_TRUE(build(pool({1, 1, 1}), 2).empty());
  EXPECT_TRUE(build(pool({1}), 4).empty());
  EXPECT_EQ(build(pool({1}), 2), Table(2, 0));
}

// One table's slots, written down: the same on every CPU, compiler and version, or shunts of one cluster
// disagree.
TEST(Rendezvous, IsTheSameEverywhere) {
  const Table table = build(pool({1, 2, 3}), 31);
  std::string text;
  for (const uint16_t owner : table)
    text += static_cast<char>('0' + owner);
  EXPECT_EQ(text, "1022120202202011211111211212211");
}

}  // namespace
}  // namespace shunt
