// Roll-up with a clock of its own: every level against a plain sum of what was given, late and early records,
// bounds, restoring; counters of shuntds that restart.
#include "insight/kpi/roll_up.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "insight/kpi/counter_follower.h"

namespace shunt::insight {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kStart = int64_t{1'700'000'000} / 3600 * 3600;  // the beginning of an hour

const SeriesName kWeb{"lb1", "web", "web", "a"};

FlowRecord record_at(int64_t ended_us, uint32_t connect_us, uint32_t first_byte_us = 0, uint8_t flags = 0) {
  FlowRecord record;
  record.ended_us = static_cast<uint64_t>(ended_us);
  record.connect_us = connect_us;
  record.first_byte_us = first_byte_us;
  record.duration_ms = 12;
  record.flags = static_cast<uint8_t>(flags | kFlowSampled);
  return record;
}

// What came out, by what it is of.
struct Out {
  std::map<std::tuple<Resolution, std::string, int64_t>, KpiCell> cells;
  RollUp::Sink sink() {
    return [this](ClosedCell&& closed) {
      const auto [at, is_new] =
          cells.emplace(std::tuple{closed.resolution, closed.series->key(), closed.begin_s}, closed.cell);
      if (!is_new) ADD_FAILURE() << "twice: " << closed.begin_s;
    };
  }
  size_t count(Resolution resolution) const {
    size_t all = 0;
    for (const auto& [key, cell] : cells)
      all += std::get<0>(key) == resolution ? 1U : 0U;
    return all;
  }
  KpiCell of(Resolution resolution, const SeriesName& name, int64_t begin_s) const {
    const auto found = cells.find({resolution, name.key(), begin_s});
    return found == cells.end() ? KpiCell{} : found->second;
  }
};

CountedSpan span_of(int64_t from_us, int64_t to_us, uint64_t opened, uint64_t active = 0) {
  CountedSpan span{from_us, to_us, {}, active, {}};
  span.counts[KpiCount::opened] = opened;
  span.counts[KpiCount::bytes] = opened * 100 + 7;
  span.counts.ended(FlowOutcome::syn_timeout) = opened / 3;
  return span;
}

TEST(RollUp, AnHourIsTheSumOfItsSeconds) {
  Out out;
  RollUp roll_up({}, kStart * kSecond, out.sink());
  std::mt19937_64 random(21);
  std::map<SeriesName, KpiCell> wanted;
  for (int64_t second = 0; second < 2 * 3600; ++second) {
    const int64_t now = (kStart + second) * kSecond;
    roll_up.advance(now);
    for (const char* backend : {"a", "b", "c"}) {
      if (random() % 4 == 0) continue;
      const SeriesName name{"lb1", "web", "web", backend};
      const RollUp::Handle handle = roll_up.series(name);
      KpiCell& sum = wanted[name];
      const CountedSpan span = span_of(now - 700'000, now + 300'000, random() % 1000, random() % 50);
      ASSERT_TRUE(roll_up.count(handle, span));
      sum.counts += span.counts;
      sum.active_max = std::max(sum.active_max, span.active);
      const auto connect = static_cast<uint32_t>(200 + random() % 3000);
      ASSERT_TRUE(roll_up.take(
          handle, record_at(now + static_cast<int64_t>(random() % 900'000), connect, 2 * connect)));
      sum.timing(KpiTiming::connect_synack).add(connect);
      sum.timing(KpiTiming::first_byte).add(2 * connect);
      sum.timing(KpiTiming::duration).add(12);
    }
  }
  roll_up.advance((kStart + 3 * 3600) * kSecond);
  EXPECT_EQ(out.count(Resolution::hour), 6U);
  for (const auto& [name, sum] : wanted) {
    std::array<KpiCell, kResolutions> sums;
    for (const auto& [key, cell] : out.cells) {
      if (std::get<1>(key) == name.key()) sums[static_cast<size_t>(std::get<0>(key))].merge(cell);
    }
    for (KpiCell& level : sums) {
      EXPECT_EQ(level.counts, sum.counts);
      EXPECT_EQ(level.timings, sum.timings);
      EXPECT_EQ(level.active_max, sum.active_max);
      EXPECT_EQ(level.seconds, sums[0].seconds);
    }
  }
}

TEST(RollUp, EachCoarseCellIsTheSumOfItsFineOnes) {
  Out out;
  RollUp roll_up({}, kStart * kSecond, out.sink());
  for (int64_t second = 0; second < 3700; ++second) {
    roll_up.advance((kStart + second) * kSecond);
    ASSERT_TRUE(roll_up.take(roll_up.series(kWeb),
                             record_at((kStart + second) * kSecond, static_cast<uint32_t>(second + 1))));
  }
  roll_up.advance((kStart + 7300) * kSecond);
  EXPECT_EQ(out.count(Resolution::second), 3700U);
  EXPECT_EQ(out.count(Resolution::ten_seconds), 370U);
  EXPECT_EQ(out.count(Resolution::minute), 62U);
  EXPECT_EQ(out.count(Resolution::hour), 2U);
  for (const auto& [key, cell] : out.cells) {
    const Resolution resolution = std::get<0>(key);
    if (resolution == Resolution::second) continue;
    KpiCell sum;
    for (int64_t second = 0; second < seconds_of(resolution); ++second)
      sum.merge(out.of(Resolution::second, kWeb, std::get<2>(key) + second));
    EXPECT_EQ(cell, sum);
  }
}

TEST(RollUp, LateRecordsFindTheirSecondWithinTheBound) {
  Out out;
  RollUp roll_up({.max_series = 10, .lateness_s = 3, .ahead_s = 2}, kStart * kSecond, out.sink());
  const RollUp::Handle web = roll_up.series(kWeb);
  roll_up.advance((kStart + 10) * kSecond);
  EXPECT_EQ(roll_up.first_open_second(), kStart + 7);
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at((kStart + 7) * kSecond, 70)));
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at((kStart + 7) * kSecond - 1, 60)));  // late
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at((kStart + 12) * kSecond, 120)));
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at((kStart + 13) * kSecond, 130)));  // early
  FlowRecord unsampled = record_at((kStart + 9) * kSecond, 90);
  unsampled.flags = 0;
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), unsampled));
  EXPECT_EQ(roll_up.tally().records, 5U);
  EXPECT_EQ(roll_up.tally().late, 1U);
  EXPECT_EQ(roll_up.tally().early, 1U);
  EXPECT_FALSE(roll_up.take(web, unsampled)) << "it was forgotten: nothing had come";
  roll_up.advance((kStart + 11) * kSecond);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart + 7).timing(KpiTiming::connect_synack).quantile(0.5), 70);
  EXPECT_EQ(out.count(Resolution::second), 1U);
  roll_up.advance((kStart + 16) * kSecond);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart + 12).timing(KpiTiming::connect_synack).quantile(0.5),
            120);
}

TEST(RollUp, MethodsOfHandshakesAreKeptApart) {
  Out out;
  RollUp roll_up({}, kStart * kSecond, out.sink());
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at(kStart * kSecond, 100)));
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at(kStart * kSecond, 900, 0, kFlowConnectAck)));
  const KpiCell* open = roll_up.open_cell(roll_up.series(kWeb), kStart);
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->timing(KpiTiming::connect_synack).count(), 1U);
  EXPECT_EQ(open->timing(KpiTiming::connect_ack).count(), 1U);
  EXPECT_TRUE(open->timing(KpiTiming::first_byte).empty());
}

TEST(RollUp, SpansAreSpreadOverTheirSeconds) {
  Out out;
  RollUp roll_up({.max_series = 10, .lateness_s = 20, .ahead_s = 2}, kStart * kSecond, out.sink());
  ASSERT_TRUE(roll_up.count(roll_up.series(kWeb),
                            span_of(kStart * kSecond + 500'000, kStart * kSecond + 2'500'000, 100)));
  roll_up.advance((kStart + 40) * kSecond);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart).counts[KpiCount::opened], 25U);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart + 1).counts[KpiCount::opened], 50U);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart + 2).counts[KpiCount::opened], 25U);
}

TEST(RollUp, NothingOfASpanIsLostWhereSecondsAreClosed) {
  Out out;
  RollUp roll_up({}, kStart * kSecond, out.sink());
  roll_up.advance((kStart + 100) * kSecond);
  ASSERT_TRUE(
      roll_up.count(roll_up.series(kWeb), span_of((kStart + 10) * kSecond, (kStart + 100) * kSecond, 9'000)));
  ASSERT_TRUE(
      roll_up.count(roll_up.series(kWeb), span_of((kStart + 10) * kSecond, (kStart + 20) * kSecond, 500)));
  // From far in the future: the newest second that is believed has it.
  ASSERT_TRUE(
      roll_up.count(roll_up.series(kWeb), span_of((kStart + 900) * kSecond, (kStart + 901) * kSecond, 40)));
  EXPECT_EQ(roll_up.tally().late_spans, 2U);
  roll_up.advance((kStart + 200) * kSecond);
  EXPECT_EQ(out.of(Resolution::minute, kWeb, kStart + 60).counts[KpiCount::opened], 9'540U);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart + 99).counts[KpiCount::opened], 100U);
  EXPECT_EQ(out.of(Resolution::second, kWeb, kStart + 102).counts[KpiCount::opened], 40U);
}

TEST(RollUp, WhatIsBeyondTheBoundIsOtherAndCounted) {
  Out out;
  RollUp roll_up({.max_series = 3, .lateness_s = 2, .ahead_s = 2}, kStart * kSecond, out.sink());
  for (int i = 0; i < 10; ++i) {
    const RollUp::Handle handle = roll_up.series({"lb1", "web", "web", std::to_string(i)});
    ASSERT_TRUE(roll_up.count(handle, span_of(kStart * kSecond, (kStart + 1) * kSecond, 5)));
  }
  EXPECT_EQ(roll_up.series_count(), 4U);
  EXPECT_EQ(roll_up.tally().collapsed, 7U);
  roll_up.advance((kStart + 7200) * kSecond);
  EXPECT_EQ(out.of(Resolution::hour, other_series(), kStart).counts[KpiCount::opened], 35U);
  EXPECT_EQ(roll_up.series_count(), 1U) << "the silent ones made room";
  EXPECT_NE(roll_up.series(kWeb).index, 0U);
}

TEST(RollUp, AClockThatJumpsCostsNoMoreThanWhatIsOpen) {
  Out out;
  RollUp roll_up({}, kStart * kSecond, out.sink());
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at((kStart + 1) * kSecond, 10)));
  roll_up.advance((kStart + int64_t{86'400} * 36'500) * kSecond);
  EXPECT_EQ(out.cells.size(), 4U);  // a second, its 10 seconds, its minute, its hour
  roll_up.advance(kStart * kSecond);
  ASSERT_TRUE(roll_up.take(roll_up.series(kWeb), record_at((kStart + 1) * kSecond, 10)));
  EXPECT_EQ(roll_up.tally().late, 1U);
}

TEST(RollUp, GoesOnFromWhatAnotherOneStored) {
  Out whole;
  Out first;
  Out second;
  RollUp uninterrupted({}, kStart * kSecond, whole.sink());
  RollUp before({}, kStart * kSecond, first.sink());
  const auto feed = [](RollUp& roll_up, int64_t from, int64_t to) {
    for (int64_t at = from; at < to; ++at) {
      roll_up.advance((kStart + at) * kSecond);
      const RollUp::Handle handle = roll_up.series(kWeb);
      ASSERT_TRUE(roll_up.count(
          handle, span_of((kStart + at) * kSecond, (kStart + at + 1) * kSecond, static_cast<uint64_t>(at))));
      ASSERT_TRUE(roll_up.take(handle, record_at((kStart + at) * kSecond, static_cast<uint32_t>(at + 5))));
    }
  };
  feed(uninterrupted, 0, 5000);
  feed(before, 0, 1234);
  before.close_all();
  RollUp after({}, (kStart + 1234) * kSecond, second.sink());
  // What the warehouse gives back: of each level what the next one hasn't got.
  const auto restore = [&](Resolution resolution, int64_t from) {
    for (const auto& [key, cell] : first.cells) {
      if (std::get<0>(key) == resolution && std::get<2>(key) >= from) {
        EXPECT_TRUE(after.restore(resolution, std::get<2>(key), kWeb, cell)) << std::get<2>(key);
      }
    }
  };
  restore(Resolution::minute, kStart);
  restore(Resolution::ten_seconds, kStart + 1200);
  restore(Resolution::second, kStart + 1230);
  EXPECT_FALSE(after.restore(Resolution::hour, kStart, kWeb, {}));
  EXPECT_FALSE(after.restore(Resolution::minute, kStart + 1, kWeb, {}));
  EXPECT_FALSE(after.restore(Resolution::second, kStart + 5000, kWeb, {}));
  feed(after, 1234, 5000);
  uninterrupted.advance((kStart + 9000) * kSecond);
  after.advance((kStart + 9000) * kSecond);
  for (const auto& [key, cell] : second.cells)
    first.cells.insert_or_assign(key, cell);
  EXPECT_EQ(first.cells.size(), whole.cells.size());
  EXPECT_EQ(first.cells, whole.cells);
}

class CounterFollowerTest : public testing::Test {
 protected:
  std::vector<CountedSpan> read(int64_t started_s, int64_t at_s, uint64_t opened,
                                const SeriesName& name = kWeb) {
    NodeReading reading{started_s * kSecond, at_s * kSecond, {}};
    SeriesReading series{name, {}, 4, 1.5};
    series.totals[KpiCount::opened] = opened;
    reading.series.push_back(series);
    std::vector<CountedSpan> spans;
    follower_.take(reading, [&](const SeriesName& of, const CountedSpan& span) {
      EXPECT_EQ(of, name);
      spans.push_back(span);
    });
    return spans;
  }
  CounterFollower follower_{100};
};

TEST_F(CounterFollowerTest, TellsWhatCameBetweenTwoReadings) {
  EXPECT_EQ(read(10, 100, 5'000).at(0).counts[KpiCount::opened], 0U);  // who knows when
  const CountedSpan span = read(10, 101, 5'020).at(0);
  EXPECT_EQ(span.counts[KpiCount::opened], 20U);
  EXPECT_EQ(span.from_us, 100 * kSecond);
  EXPECT_EQ(span.to_us, 101 * kSecond);
  EXPECT_EQ(span.active, 4U);
  EXPECT_EQ(span.weight, 1.5);
}

TEST_F(CounterFollowerTest, CountsAllOfAShuntdThatStartedMeanwhile) {
  read(10, 100, 5'000);
  const CountedSpan span = read(103, 105, 30).at(0);
  EXPECT_EQ(span.counts[KpiCount::opened], 30U);
  EXPECT_EQ(span.from_us, 103 * kSecond);
  EXPECT_EQ(follower_.tally().restarts, 1U);
  // Even one that has counted more than the one before it.
  EXPECT_EQ(read(106, 107, 6'000).at(0).counts[KpiCount::opened], 6'000U);
}

TEST_F(CounterFollowerTest, NoDifferenceIsNegativeOrHuge) {
  read(10, 100, 5'000);
  EXPECT_EQ(read(10, 101, 70).at(0).counts[KpiCount::opened], 70U);
  EXPECT_EQ(follower_.tally().resets, 1U);
  read(10, 102, UINT64_MAX - 9);
  EXPECT_EQ(read(10, 103, 20).at(0).counts[KpiCount::opened], 30U) << "past 2^64";
  EXPECT_EQ(follower_.tally().resets, 1U);
}

TEST_F(CounterFollowerTest, RefusesTheSameReadingAgainAndOlderOnes) {
  read(10, 100, 5'000);
  EXPECT_TRUE(read(10, 100, 5'100).empty());
  EXPECT_TRUE(read(10, 99, 5'100).empty());
  EXPECT_EQ(follower_.tally().refused, 2U);
  EXPECT_EQ(read(10, 101, 5'001).at(0).counts[KpiCount::opened], 1U);
}

TEST_F(CounterFollowerTest, ASeriesThatIsNewOrWasAwayForLongBeginsWithItsReading) {
  const SeriesName other{"lb1", "web", "web", "b"};
  read(10, 100, 5'000);
  EXPECT_EQ(read(10, 101, 900, other).at(0).counts[KpiCount::opened], 0U);
  EXPECT_EQ(read(10, 102, 5'200).at(0).counts[KpiCount::opened], 200U) << "one reading without it";
  read(10, 800, 901, other);
  EXPECT_EQ(read(10, 801, 9'000).at(0).counts[KpiCount::opened], 0U);
}

TEST_F(CounterFollowerTest, HasABound) {
  for (int i = 0; i < 150; ++i)
    read(10, 100 + i, 1, {"lb1", "web", "web", std::to_string(i)});
  EXPECT_EQ(follower_.tally().passed_over, 50U);
}

}  // namespace
}  // namespace shunt::insight
