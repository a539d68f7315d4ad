#include "insight/detect/series_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace shunt {
namespace {

// A day's rhythm and a little of a sawtooth; every value another one.
double calm(size_t i) {
  const double t = static_cast<double>(i);
  return 100 + 30 * std::sin(t * 2 * 3.14159265 / 288) + static_cast<double>(i * 7 % 11) * 0.5 +
         1e-3 * std::sin(t);
}

constexpr int64_t kStep_s = 300;

struct Said {
  std::vector<double> scores;
  std::vector<bool> alarms;
};

Said run(const std::vector<double>& values, double scale = 1, double offset = 0) {
  SeriesDetector detector;
  Said said;
  for (size_t i = 0; i < values.size(); ++i) {
    const Verdict verdict = detector.observe(static_cast<int64_t>(i) * kStep_s, values[i] * scale + offset);
    said.scores.push_back(verdict.score);
    said.alarms.push_back(verdict.alarm);
  }
  return said;
}

std::vector<double> calm_values(size_t count) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(calm(i));
  return values;
}

// Verdict of the last of these values, after `count` calm ones.
Verdict last_verdict(size_t count, const std::vector<double>& behind) {
  SeriesDetector detector;
  for (size_t i = 0; i < count; ++i)
    detector.observe(static_cast<int64_t>(i) * kStep_s, calm(i));
  Verdict verdict;
  for (size_t i = 0; i < behind.size(); ++i)
    verdict = detector.observe(static_cast<int64_t>(count + i) * kStep_s, behind[i]);
  return verdict;
}

TEST(SeriesDetector, IsSmallAndHasNoPointers) {
  EXPECT_LE(sizeof(SeriesDetector), 4096U);
  EXPECT_TRUE(std::is_trivially_copyable_v<SeriesDetector>);
}

TEST(SeriesDetector, SaysWhatItSawAndHadExpected) {
  const Verdict verdict = last_verdict(2'000, {500});
  EXPECT_TRUE(verdict.alarm);
  EXPECT_EQ(verdict.expert, Expert::value);
  EXPECT_DOUBLE_EQ(verdict.band.observed, 500);
  EXPECT_NEAR(verdict.band.low, 70, 1);
  EXPECT_NEAR(verdict.band.high, 135, 1);
  EXPECT_LT(verdict.p_value, 0.001);
  const std::string words = verdict_words(verdict);
  EXPECT_EQ(words.substr(0, 39), "500 is above all that was seen so far (");
}

TEST(SeriesDetector, SaysNothingOfCalm) {
  const Said said = run(calm_values(5'000));
  size_t alarms = 0;
  for (size_t i = 1'000; i < said.alarms.size(); ++i)
    alarms += said.alarms[i] ? 1U : 0U;
  EXPECT_EQ(alarms, 0U);
  EXPECT_EQ(verdict_words(Verdict{}), "");
}

TEST(SeriesDetector, AConstantIsNoAnomaly) {
  const Said said = run(std::vector<double>(3'000, 7.25));
  for (const double score : said.scores)
    ASSERT_EQ(score, 0);
}

TEST(SeriesDetector, ScoresOfAPrefixAreThePrefixOfTheScores) {
  std::vector<double> values = calm_values(3'000);
  values[1'700] = -900;
  values.push_back(1e9);
  const Said whole = run(values);
  for (const size_t length : {size_t{1}, size_t{31}, size_t{145}, size_t{1'701}, size_t{2'500}}) {
    const Said prefix = run({values.begin(), values.begin() + static_cast<std::ptrdiff_t>(length)});
    for (size_t i = 0; i < length; ++i)
      ASSERT_EQ(prefix.scores[i], whole.scores[i]) << i << " of " << length;
  }
}

TEST(SeriesDetector, ScaleAndOffsetDontMatter) {
  std::vector<double> values = calm_values(3'000);
  values[1'700] = 400;
  for (size_t i = 2'300; i < 2'400; ++i)
    values[i] += 60;
  const Said plain = run(values);
  // A power of two scales floats exactly.
  EXPECT_EQ(run(values, 1'024).scores, plain.scores);
  EXPECT_EQ(run(values, 1'024).alarms, plain.alarms);
  for (const auto& [scale, offset] : {std::pair{1.0, 5'000.0}, {1e-3, 2.0}, {-1.0, 0.0}}) {
    const Said other = run(values, scale, offset);
    EXPECT_EQ(other.alarms, plain.alarms) << scale << " " << offset;
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(other.scores[i], plain.scores[i], 1e-3 + 1e-3 * plain.scores[i]) << i;
  }
}

TEST(SeriesDetector, MissingValuesChangeNothing) {
  SeriesDetector with;
  SeriesDetector without;
  for (size_t i = 0; i < 2'000; ++i) {
    const auto time_s = static_cast<int64_t>(i) * kStep_s;
    if (i % 5 == 0) {
      EXPECT_EQ(with.observe(time_s, std::numeric_limits<double>::quiet_NaN()).score, 0);
      EXPECT_EQ(with.observe(time_s, std::numeric_limits<double>::infinity()).score, 0);
    }
    ASSERT_EQ(with.observe(time_s, calm(i)).score, without.observe(time_s, calm(i)).score);
  }
}

// In the afternoon of the eighth day, where calm is highest: 135 at most.
constexpr size_t kPeak = 2'088;

TEST(SeriesDetector, AnAlarmIsGivenOnceUntilItGrowsMuch) {
  SeriesDetector detector;
  size_t i = 0;
  for (; i < kPeak; ++i)
    detector.observe(static_cast<int64_t>(i) * kStep_s, calm(i));
  const auto next = [&](double value) {
    return detector.observe(static_cast<int64_t>(i++) * kStep_s, value);
  };
  EXPECT_TRUE(next(138).alarm);
  EXPECT_FALSE(next(139).alarm);
  EXPECT_FALSE(next(140).alarm);
  const Verdict grown = next(700);
  EXPECT_TRUE(grown.alarm);
  EXPECT_GT(grown.score, 2);
}

TEST(SeriesDetector, WhatAPersonAcceptedIsExpected) {
  SeriesDetector detector;
  for (size_t i = 0; i < kPeak; ++i)
    detector.observe(static_cast<int64_t>(i) * kStep_s, calm(i));
  SeriesDetector taught = detector;
  taught.accept(1);
  EXPECT_TRUE(detector.observe(static_cast<int64_t>(kPeak) * kStep_s, 139).alarm);
  EXPECT_FALSE(taught.observe(static_cast<int64_t>(kPeak) * kStep_s, 139).alarm);
}

TEST(SeriesDetector, EachExpertHasItsWords) {
  for (size_t i = 0; i < kExperts; ++i) {
    const Verdict above{1, 0.01, true, static_cast<Expert>(i), {9, 1, 4}};
    const Verdict below{1, 0.01, true, static_cast<Expert>(i), {0.5, 1, 4}};
    EXPECT_NE(verdict_words(above), "") << i;
    if (above.expert != Expert::flatline) {
      EXPECT_NE(verdict_words(above), verdict_words(below)) << i;
    }
    EXPECT_NE(expert_name(above.expert), "");
  }
}

TEST(SeriesDetector, StandingStillIsSaidOnce) {
  SeriesDetector detector;
  for (size_t i = 0; i < 2'000; ++i)
    detector.observe(static_cast<int64_t>(i) * kStep_s, calm(i));
  std::vector<size_t> still;
  for (size_t i = 0; i < 100; ++i)
    if (detector.observe(static_cast<int64_t>(2'000 + i) * kStep_s, 100).expert == Expert::flatline)
      still.push_back(i);
  EXPECT_EQ(still, std::vector<size_t>{30});
}

TEST(RecordRange, MeasuresInWidthsAndForgets) {
  RecordRange range;
  for (int i = 0; i < 500; ++i) {
    range.learn(10, 0);
    range.learn(20, 0);
  }
  EXPECT_EQ(range.excess(15), 0);
  EXPECT_DOUBLE_EQ(range.excess(25), 0.5 * 1'000 / 2'000);
  EXPECT_DOUBLE_EQ(range.excess(0), 1.0 * 1'000 / 2'000);
  EXPECT_DOUBLE_EQ(range.excess(1e9), RecordRange::kMostExcess / 2);
  range.learn(15, 0.1);
  EXPECT_DOUBLE_EQ(range.low(), 11);
  EXPECT_DOUBLE_EQ(range.high(), 19);
  range.widen(0.5);
  EXPECT_DOUBLE_EQ(range.low(), 7);
}

// Whatever the scores are, p <= alpha comes no oftener than alpha.
TEST(ConformalRank, BoundsFalseAlarms) {
  ConformalRank rank;
  uint32_t state = 1;
  size_t rare = 0;
  for (int i = 0; i < 50'000; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    const double score = std::pow(static_cast<double>(state >> 8) / 0x1p24, 8);
    rare += i > 0 && rank.p_value(score) <= 0.01 ? 1U : 0U;
    rank.learn(score);
  }
  EXPECT_LE(rare, 500U);
  EXPECT_EQ(rank.p_value(0), 1);
}

}  // namespace
}  // namespace shunt
