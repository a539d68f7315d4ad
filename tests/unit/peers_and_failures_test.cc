#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "insight/detect/failure_test.h"
#include "insight/detect/peer_outlier.h"
#include "insight/detect/severity.h"
#include "insight/detect/tail_probability.h"

namespace shunt {
namespace {

// Summed term by term.
double tail_by_sum(int k, int n, double p) {
  double sum = 0;
  for (int i = k; i <= n; ++i)
    sum += std::exp(std::lgamma(n + 1.0) - std::lgamma(i + 1.0) - std::lgamma(n - i + 1.0) + i * std::log(p) +
                    (n - i) * std::log1p(-p));
  return sum;
}

TEST(TailProbability, OfABinomialIsItsSum) {
  for (const auto& [k, n, p] :
       {std::tuple{1, 2, 0.5}, {2, 2, 0.005}, {3, 10, 0.1}, {60, 600, 0.003}, {300, 600, 0.5}})
    EXPECT_NEAR(binomial_tail(static_cast<uint64_t>(k), static_cast<uint64_t>(n), p) / tail_by_sum(k, n, p),
                1, 1e-9)
        << k << " of " << n;
  EXPECT_EQ(binomial_tail(0, 10, 0.1), 1);
  EXPECT_EQ(binomial_tail(11, 10, 0.1), 0);
  EXPECT_LT(binomial_tail(1'100'000, 1'000'000'000, 0.001), 0.01);
}

TEST(TailProbability, OfStudentsDistribution) {
  EXPECT_NEAR(student_tail(12.706, 1), 0.05, 1e-5);  // the tables' quantiles
  EXPECT_NEAR(student_tail(2.776, 4), 0.05, 1e-4);
  EXPECT_NEAR(student_tail(-2.042, 30), 0.05, 1e-4);
}

TEST(FailureTest, OneOfTwoSaysNothing) {
  FailureTest test;
  EXPECT_FALSE(test.observe(1, 2).failing);
  EXPECT_FALSE(FailureTest().observe(2, 2).failing);
  EXPECT_FALSE(FailureTest().observe(0, 0).failing);
}

TEST(FailureTest, ManyOfManyDo) {
  FailureTest test;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(test.observe(i % 2 == 0 ? 1 : 0, 200).failing) << i;
  const FailureVerdict verdict = test.observe(60, 200);
  EXPECT_TRUE(verdict.failing);
  EXPECT_LT(verdict.p_value, 1e-20);
  EXPECT_EQ(failure_words(verdict, "failed"), "60 of 200 flows failed; usual is 0.25 %");
}

// Two of twenty is chance once, six times in a row it isn't.
TEST(FailureTest, LittleByLittleAddsUp) {
  FailureTest test;
  for (int i = 0; i < 500; ++i)
    test.observe(i % 10 == 0 ? 1 : 0, 20);
  EXPECT_FALSE(test.observe(2, 20).failing);
  bool failing = false;
  for (int i = 0; i < 6; ++i)
    failing = test.observe(2, 20).failing;
  EXPECT_TRUE(failing);
}

TEST(FailureTest, AFailingBackendTeachesLittle) {
  FailureTest test;
  for (int i = 0; i < 360; ++i)
    test.observe(1, 1'000);
  for (int i = 0; i < 60; ++i)
    EXPECT_TRUE(test.observe(100, 1'000).failing) << i;
  EXPECT_LT(test.observe(1, 1'000).usual_ratio, 0.01);
}

class Pool {
 public:
  explicit Pool(size_t backends) : peers_(backends), values_(backends) {}
  // Everybody near 10, the last one at `last`, so many times.
  PeerVerdict repeat(int times, double last) {
    PeerVerdict verdict;
    for (int i = 0; i < times; ++i) {
      for (size_t b = 0; b < values_.size(); ++b)
        values_[b] = 10 + 0.3 * std::sin(static_cast<double>(++step_ * 7 + b * 3));
      values_.back() = last + (values_.back() - 10);
      verdict = peers_.observe(values_)[values_.size() - 1];
      began_ += verdict.began ? 1 : 0;
    }
    return verdict;
  }
  int began() const { return began_; }

 private:
  PeerOutlier peers_;
  std::vector<double> values_;
  size_t step_ = 0;
  int began_ = 0;
};

TEST(PeerOutlier, IsFoundWithoutHistory) {
  Pool pool(4);
  const PeerVerdict verdict = pool.repeat(12, 30);
  EXPECT_TRUE(verdict.outlier);
  EXPECT_EQ(pool.began(), 1);
  EXPECT_GT(verdict.observed, verdict.expected_high);
  EXPECT_LT(verdict.p_value, 0.05);
  EXPECT_NE(peer_words(verdict).find(" is far above its siblings' "), std::string::npos);
}

TEST(PeerOutlier, IsToldWithoutNoise) {
  PeerOutlier peers(3);
  for (int i = 0; i < 12; ++i)
    peers.observe(std::vector<double>{0, 0, 0.05});
  EXPECT_EQ(peer_words(peers.observe(std::vector<double>{0, 0, 0.05})[2]),
            "0.05 is far above its siblings' 0");
}

TEST(PeerOutlier, OneWildValueIsNone) {
  Pool pool(4);
  pool.repeat(50, 10);
  EXPECT_FALSE(pool.repeat(1, 1'000).outlier && pool.began() > 1);
  EXPECT_FALSE(pool.repeat(20, 10).outlier);
}

TEST(PeerOutlier, NeedsThree) {
  Pool two(2);
  EXPECT_FALSE(two.repeat(50, 1'000).outlier);
  Pool three(3);
  EXPECT_TRUE(three.repeat(50, 1'000).outlier);
}

TEST(PeerOutlier, SiblingsThatAreMissingDontCount) {
  PeerOutlier peers(4);
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (int i = 0; i < 20; ++i)
    for (const PeerVerdict& verdict : peers.observe(std::vector<double>{10, none, 900, none}))
      ASSERT_FALSE(verdict.outlier);
  for (int i = 0; i < 20; ++i)
    peers.observe(std::vector<double>{10, 11, 90, none});
  EXPECT_TRUE(peers.observe(std::vector<double>{10, 11, 90, none})[2].outlier);
  EXPECT_FALSE(peers.observe(std::vector<double>{10, 11, 90, none})[3].outlier);
}

TEST(PeerOutlier, ThatAgreeToTheLastDigitAreNone) {
  PeerOutlier peers(5);
  for (int i = 0; i < 50; ++i)
    for (const PeerVerdict& verdict : peers.observe(std::vector<double>{10, 10, 10, 10, 10.2}))
      ASSERT_FALSE(verdict.outlier);
}

TEST(Severity, GrowsWithEachPart) {
  const Impact base{1e-4, 60, 0.2, 2};
  const double score = severity_score(base);
  EXPECT_GT(severity_score({1e-5, 60, 0.2, 2}), score);
  EXPECT_GT(severity_score({1e-4, 120, 0.2, 2}), score);
  EXPECT_GT(severity_score({1e-4, 60, 0.3, 2}), score);
  EXPECT_GT(severity_score({1e-4, 60, 0.2, 60}), score);
  EXPECT_GT(severity_score({1e-4, 60, 0.2, 20, 0.02}), score);
  EXPECT_GT(severity_score({1e-4, 60, 0.2, 2, 0, 0.3}), score);
  EXPECT_EQ(severity_score({1, 600, 1, 100, 1, 1}), 0);
  EXPECT_DOUBLE_EQ(severity_score({0, 1e9, 5, 1e9}), 1);
}

TEST(Severity, HasNames) {
  EXPECT_EQ(severity_of({0.5, 0, 0, 0}), Severity::info);
  EXPECT_EQ(severity_of({1e-6, 0, 0, 0}), Severity::minor);
  EXPECT_EQ(severity_of({1e-6, 300, 0.1, 0}), Severity::major);
  EXPECT_EQ(severity_of({1e-6, 300, 0.8, 0}), Severity::critical);
  EXPECT_EQ(severity_name(Severity::major), "major");
}

struct SeverityCase {
  const char* name;
  Impact impact;
  Severity wanted;
};

// With an objective of 99.9 %: a burn of 10 is one flow of a hundred.
TEST(Severity, IsWhatAPersonOnCallWouldSay) {
  const SeverityCase cases[] = {
      {"one of four backends is down", {0, 0, 0.01, 0, 0, 0.25}, Severity::major},
      {"one of a thousand is", {0, 0, 0, 0, 0, 0.001}, Severity::major},
      {"one of four, for a day", {0, 86'400, 0.25, 0, 0, 0.25}, Severity::major},
      {"two of five", {0, 0, 0.01, 0, 0, 0.4}, Severity::major},
      {"one of a pair", {0, 0, 0.01, 0, 0, 0.5}, Severity::critical},
      {"two of three", {0, 0, 0.01, 0, 0, 0.667}, Severity::critical},
      {"all of a service with hardly any traffic", {0, 0, 0.001, 1'000, 0, 1}, Severity::critical},
      {"6 % fail at one of three backends, just now", {1e-9, 0, 0.02, 20, 0}, Severity::minor},
      {"and for five minutes", {1e-9, 300, 0.02, 20, 0.0023}, Severity::major},
      {"and until the budget of a day and a half is spent",
       {1e-9, 4'700, 0.02, 20, 0.02},
       Severity::critical},
      {"1 % fail of a service for a day", {1e-9, 86'400, 0.01, 10, 0.014}, Severity::major},
      {"10 % fail of a service for a minute", {1e-9, 60, 0.1, 100, 0.0023}, Severity::major},
      {"and for two", {1e-9, 120, 0.1, 100, 0.0046}, Severity::critical},
      {"all fail, just now, though the objective is loose", {1e-9, 0, 1, 5, 0}, Severity::critical},
      {"much is spent, and nothing fails now", {1e-9, 60, 0, 0.1, 0.05}, Severity::minor},
      {"much is spent, and it may be chance", {0.01, 60, 0.02, 20, 0.05}, Severity::info},
      {"a quarter more flows than ever", {1e-6, 0, 0.25, 0}, Severity::minor},
  };
  for (const SeverityCase& one : cases)
    EXPECT_EQ(severity_name(severity_of(one.impact)), severity_name(one.wanted)) << one.name;
}

TEST(Severity, OfWhatIsDownGrowsWithTheCapacityThatIsGone) {
  double last = 0;
  for (int part = 1; part <= 100; ++part) {
    const double score = severity_score({0, 0, 0, 0, 0, part / 100.0});
    EXPECT_GT(score, last) << part;
    last = score;
  }
  EXPECT_DOUBLE_EQ(last, 1);
}

TEST(FailureTest, AcceptedIsUsualFromThenOn) {
  FailureTest test;
  for (int i = 0; i < 100; ++i)
    test.observe(1, 1'000);
  EXPECT_TRUE(test.observe(100, 1'000).failing);
  test.accept();
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(test.observe(100, 1'000).failing) << i;
  EXPECT_TRUE(test.observe(400, 1'000).failing);  // more than what was accepted
}

TEST(FailureTest, AcceptingNothingChangesNothing) {
  FailureTest test;
  for (int i = 0; i < 40; ++i)
    test.observe(0, 0);
  test.accept();
  EXPECT_FALSE(test.is_warm());
  for (int i = 0; i < 40; ++i)
    EXPECT_FALSE(test.observe(1, 200).failing);
  EXPECT_TRUE(test.observe(50, 200).failing);
}

TEST(FailureTest, WhatItAlwaysLosesIsUsualFromTheStart) {
  FailureTest test;
  for (int i = 0; i < 400; ++i)
    EXPECT_FALSE(test.observe(50, 1'000).failing) << i;
  EXPECT_NEAR(test.observe(50, 1'000).usual_ratio, 0.05, 0.001);
  EXPECT_TRUE(test.observe(200, 1'000).failing);
}

TEST(FailureTest, SaysNothingBeforeItKnowsWhatIsUsual) {
  FailureTest test;
  for (uint32_t i = 0; i < FailureTest::kWarmUp; ++i) {
    EXPECT_FALSE(test.is_warm());
    EXPECT_FALSE(test.observe(1, 1'000).failing);
    EXPECT_FALSE(test.observe(0, 0).failing);  // a silent interval teaches nothing
  }
  EXPECT_TRUE(test.is_warm());
  EXPECT_TRUE(test.observe(100, 1'000).failing);
  FailureTest young;
  for (uint32_t i = 1; i < FailureTest::kWarmUp; ++i)
    young.observe(1, 1'000);
  EXPECT_FALSE(young.observe(900, 1'000).failing);
  // A flow each time: intervals alone aren't enough.
  FailureTest thin;
  for (uint64_t i = 0; i < FailureTest::kWarmUpFlows; ++i) {
    EXPECT_FALSE(thin.is_warm());
    thin.observe(0, 1);
  }
  EXPECT_TRUE(thin.is_warm());
}

// Trouble that was there first is told by a limit, and doesn't become usual.
TEST(FailureTest, ALimitSpeaksUntilThen) {
  constexpr double kLimit = 0.0144;
  FailureTest test;
  for (int i = 0; i < 200; ++i) {
    const FailureVerdict verdict = test.observe(100, 1'000, kLimit);
    EXPECT_TRUE(verdict.failing && verdict.by_limit) << i;
    EXPECT_EQ(verdict.usual_ratio, kLimit);
  }
  EXPECT_EQ(failure_words(test.observe(100, 1'000, kLimit), "failed"),
            "600 of 6000 flows failed; the limit is 1.4 %");
  FailureVerdict verdict;
  for (uint32_t i = 0; i < 2 * FailureTest::kWarmUp; ++i)
    verdict = test.observe(2, 1'000, kLimit);
  EXPECT_FALSE(verdict.failing || verdict.by_limit);
  EXPECT_LT(verdict.usual_ratio, 0.004);
  EXPECT_TRUE(test.observe(14, 1'000, kLimit).failing);  // below the limit, and unusual

  FailureTest accepted;
  accepted.observe(100, 1'000, kLimit);
  accepted.accept();
  EXPECT_TRUE(accepted.is_warm());
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(accepted.observe(100, 1'000, kLimit).failing) << i;
}

TEST(PeerOutlier, AcceptedIsItsUsualDistance) {
  PeerOutlier peers(4);
  const std::vector<double> values = {10, 10.1, 9.9, 20};
  for (int i = 0; i < 20; ++i)
    peers.observe(values);
  ASSERT_TRUE(peers.observe(values)[3].outlier);
  peers.accept(3);
  peers.accept(17);  // there is none
  for (int i = 0; i < 50; ++i)
    EXPECT_FALSE(peers.observe(values)[3].outlier) << i;
  EXPECT_FALSE(peers.observe(values)[0].outlier);
}

}  // namespace
}  // namespace shunt
