// The fragment table by itself: what fits, what is held, what goes when it is full, and when.
#include "dataplane/fragment_table.h"

#include <gtest/gtest.h>

#include "tests/unit/fragment_table_fixture.h"

namespace shunt::fragment_table_test {
namespace {

using enum FragmentFit;

struct Parts : testing::Test {
  Fixture fixture;
  FragmentTable& table = fixture.table;
  FragmentTable::Handle datagram = table.find_or_add(key(1), 0);

  FragmentFit add(uint16_t begin, uint16_t end, bool more = true) {
    return table.add(datagram, {key(1), begin, end, more});
  }
};

TEST_F(Parts, ThatTouchDoNotOverlap) {
  EXPECT_EQ(add(16, 24), fits);
  EXPECT_EQ(add(0, 16), fits);
  EXPECT_EQ(add(24, 30, false), fits);
}

TEST_F(Parts, ThatCameBeforeAreDuplicates) {
  EXPECT_EQ(add(0, 16), fits);
  EXPECT_EQ(add(32, 40, false), fits);
  EXPECT_EQ(add(0, 16), duplicate);
  EXPECT_EQ(add(32, 40, false), duplicate);
  EXPECT_EQ(add(16, 32), fits) << "a duplicate costs the datagram nothing";
  EXPECT_EQ(add(16, 32), duplicate) << "complete, but remembered";
}

struct Span {
  uint16_t begin;
  uint16_t end;
  bool more;
};
struct Overlap {
  const char* name;
  Span second;
};

TEST_F(Parts, ThatOverlapKillTheDatagram) {
  uint64_t number = 10;
  for (const Overlap& row :
       {Overlap{"the end of another", {32, 64, true}}, Overlap{"its beginning", {0, 24, true}},
        Overlap{"all of it", {8, 56, true}}, Overlap{"its middle (teardrop)", {24, 32, true}},
        Overlap{"its first bytes", {16, 32, true}}, Overlap{"its last bytes", {40, 48, true}}}) {
    SCOPED_TRACE(row.name);
    const FragmentKey k = key(++number);
    const auto victim = table.find_or_add(k, 0);
    EXPECT_EQ(table.add(victim, {k, 16, 48, true}), fits);
    ASSERT_TRUE(table.hold(victim, 0, frame(100)));
    EXPECT_EQ(table.add(victim, {k, row.second.begin, row.second.end, row.second.more}), overlaps);
    EXPECT_EQ(table.take_losses().overlap, 1U) << "what was held of it";
    EXPECT_EQ(table.add(victim, {k, 480, 512, true}), overlaps) << "and all that follows";
    EXPECT_EQ(table.held_frames(), 0U);
  }
}

TEST_F(Parts, BehindTheEndOrASecondEndKillTheDatagram) {
  EXPECT_EQ(add(32, 40, false), fits);
  EXPECT_EQ(add(40, 48), overlaps);
  datagram = table.find_or_add(key(2), 0);
  EXPECT_EQ(add(32, 40), fits);
  EXPECT_EQ(add(0, 8, false), overlaps) << "something came from behind it";
  datagram = table.find_or_add(key(3), 0);
  EXPECT_EQ(add(0, 8, false), fits);
  EXPECT_EQ(add(16, 24, false), overlaps);
}

TEST_F(Parts, MoreThanCanBeToldApartAreJoined) {
  for (uint16_t i = 0; i < 2000; ++i)
    ASSERT_EQ(add(static_cast<uint16_t>(8 * i), static_cast<uint16_t>(8 * i + 8)), fits) << i;
  EXPECT_EQ(add(800, 808), duplicate);
  EXPECT_EQ(add(16'000, 16'008, false), fits);
}

TEST_F(Parts, TooManyGapsAreRefused) {
  uint16_t at = 0;
  FragmentFit last = fits;
  for (unsigned i = 0; i < 100 && last == fits; ++i, at = static_cast<uint16_t>(at + 16))
    last = add(at, static_cast<uint16_t>(at + 8));
  EXPECT_EQ(last, no_room);
}

struct Table : testing::Test {
  Fixture fixture{{.datagrams = 16, .bytes = 64 * kFragmentBlockBytes, .time_ns = kTime}};
  FragmentTable& table = fixture.table;

  FragmentTable::Handle hold(uint64_t number, uint64_t now, size_t bytes = 100) {
    const auto datagram = table.find_or_add(key(number), now);
    if (datagram == nullptr) return nullptr;
    table.add(datagram, {key(number), 64, 128, true});
    table.hold(datagram, 0, frame(bytes));
    return datagram;
  }
  void first(uint64_t number, uint64_t now) {
    const auto datagram = table.find_or_add(key(number), now);
    table.add(datagram, {key(number), 0, 64, true});
    table.decide(datagram, punt());
  }
};

TEST_F(Table, WithoutMemoryTakesNothing) {
  FragmentTable none({}, {}, HashKey{});
  EXPECT_EQ(none.find_or_add(key(1), 0), nullptr);
  EXPECT_TRUE(none.empty());
  none.expire(5);
  EXPECT_FALSE(none.front());
}

TEST_F(Table, ReleasesWhatWasHeldByteForByte) {
  const auto datagram = table.find_or_add(key(1), 0);
  const std::vector<size_t> sizes = {1, 239, 240, 241, 1514, 9000};
  uint8_t seed = 0;
  for (const size_t bytes : sizes) {
    ++seed;
    ASSERT_TRUE(table.hold(datagram, seed, frame(bytes, seed)));
  }
  EXPECT_FALSE(table.front()) << "nobody knows yet where to";
  table.decide(datagram, punt());
  seed = 0;
  for (const size_t bytes : sizes) {
    const auto held = table.front();
    ASSERT_TRUE(held);
    EXPECT_EQ(held->port, ++seed);
    ASSERT_EQ(held->bytes, bytes);
    EXPECT_EQ(held->way.kind, FragmentWay::Kind::punt);
    std::vector<uint8_t> out(bytes);
    table.copy_front(out.data());
    EXPECT_EQ(out, frame(bytes, seed));
    table.pop();
  }
  EXPECT_FALSE(table.front());
  EXPECT_EQ(table.free_blocks(), table.blocks());
}

TEST_F(Table, WaitsNoLongerThanItsTime) {
  hold(1, 0);
  table.expire(kTime - 1);
  EXPECT_EQ(table.held_frames(), 1U);
  table.expire(kTime);
  EXPECT_EQ(table.held_frames(), 0U);
  EXPECT_EQ(table.take_losses().limit, 1U);
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.free_blocks(), table.blocks());
}

TEST_F(Table, ADatagramWhoseTimeIsOverIsANewOne) {
  first(1, 0);
  EXPECT_EQ(table.way(table.find_or_add(key(1), kTime - 1)).kind, FragmentWay::Kind::punt);
  EXPECT_EQ(table.way(table.find_or_add(key(1), kTime)).kind, FragmentWay::Kind::unknown);
  EXPECT_EQ(table.datagrams(), 1U);
}

TEST_F(Table, FullOfDatagramsTheOldestGoes) {
  for (uint64_t i = 0; i < 16; ++i)
    hold(i, i);
  EXPECT_EQ(table.datagrams(), 16U);
  hold(100, 20);
  EXPECT_EQ(table.datagrams(), 16U);
  EXPECT_EQ(table.take_losses().limit, 1U);
  EXPECT_EQ(table.add(table.find_or_add(key(1), 20), {key(1), 64, 128, true}), duplicate) << "still there";
}

TEST_F(Table, CompleteOnesGoBeforeOlderOnesThatAreNot) {
  for (uint64_t i = 0; i < 15; ++i)
    hold(i, i);
  first(50, 15);
  const auto complete = table.find_or_add(key(50), 15);
  ASSERT_EQ(table.add(complete, {key(50), 64, 70, false}), fits);
  hold(100, 20);
  EXPECT_EQ(table.take_losses().limit, 0U);
  EXPECT_EQ(table.held_frames(), 16U);
}

TEST_F(Table, FullOfBytesTheOldestHeldGoes) {
  constexpr size_t kQuarter = 16 * 240;
  for (uint64_t i = 0; i < 4; ++i)
    hold(i, i, kQuarter);
  EXPECT_EQ(table.free_blocks(), 0U);
  first(60, 4);  // holds nothing, and stays
  hold(5, 5, kQuarter);
  EXPECT_EQ(table.take_losses().limit, 1U);
  EXPECT_EQ(table.held_frames(), 4U);
  EXPECT_EQ(table.way(table.find_or_add(key(60), 5)).kind, FragmentWay::Kind::punt);
}

TEST_F(Table, AFrameLargerThanAllOfItIsRefused) {
  const auto datagram = table.find_or_add(key(1), 0);
  EXPECT_FALSE(table.hold(datagram, 0, frame(65 * 240)));
  EXPECT_EQ(table.free_blocks(), table.blocks());
}

TEST_F(Table, ADatagramThatNeedsEverythingDoesNotPushItselfOut) {
  const auto datagram = table.find_or_add(key(1), 0);
  EXPECT_TRUE(table.hold(datagram, 0, frame(40 * 240)));
  EXPECT_FALSE(table.hold(datagram, 0, frame(40 * 240)));
  EXPECT_EQ(table.held_frames(), 1U);
  table.decide(datagram, punt());
  EXPECT_EQ(table.front()->bytes, 40U * 240U);
}

TEST_F(Table, WhatIsToBeReleasedMakesNoRoom) {
  for (uint64_t i = 0; i < 16; ++i)
    table.decide(hold(i, 0), punt());
  EXPECT_EQ(table.find_or_add(key(100), 0), nullptr);
  table.pop();
  EXPECT_NE(table.find_or_add(key(100), 0), nullptr);
}

TEST_F(Table, KeysDifferInEveryPart) {
  const FragmentKey base = key(1);
  FragmentKey other_source = base;
  other_source.source = _mm_set_epi64x(0, 7);
  FragmentKey other_destination = base;
  other_destination.destination = _mm_set_epi64x(7, 0);
  FragmentKey other_protocol = base;
  other_protocol.rest ^= uint64_t{1} << 32U;
  const auto first = table.find_or_add(base, 0);
  EXPECT_EQ(table.find_or_add(base, 0), first);
  for (const FragmentKey& other : {other_source, other_destination, other_protocol})
    EXPECT_NE(table.find_or_add(other, 0), first);
  EXPECT_EQ(table.datagrams(), 4U);
}

}  // namespace
}  // namespace shunt::fragment_table_test
