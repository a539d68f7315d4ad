// Each kind of made-up anomaly is found by a detector that is meant for it, and calm days are calm. Made-up
// data proves that the parts work together, not how good they are: that is nab_score_test.cc.
#include "tests/unit/synthetic_telemetry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "detector_harness.h"

namespace shunt {
namespace {

constexpr uint64_t kSeeds = 3;

struct Case {
  AnomalyKind kind;
  std::vector<std::string> finders;  // "peer latency *": of the backend that is touched
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << anomaly_kind_name(c.kind);
}

class Kinds : public testing::TestWithParam<Case> {};

TEST_P(Kinds, AreFoundByTheirDetectors) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const SyntheticTelemetry made = make_telemetry({.seed = seed, .kind = GetParam().kind});
    ASSERT_LT(made.first, made.last);
    const std::vector<Alarm> alarms = watch(made);
    for (std::string finder : GetParam().finders) {
      if (finder.back() == '*') finder.replace(finder.size() - 1, 1, std::to_string(made.touched));
      EXPECT_TRUE(std::any_of(alarms.begin(), alarms.end(),
                              [&](const Alarm& alarm) {
                                return alarm.who == finder && alarm.step >= made.first &&
                                       alarm.step <= made.last;
                              }))
          << finder << ", seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Kinds,
    testing::Values(Case{AnomalyKind::spike, {"flows"}}, Case{AnomalyKind::drop, {"flows"}},
                    Case{AnomalyKind::level, {"flows"}}, Case{AnomalyKind::drift, {"latency"}},
                    Case{AnomalyKind::variance, {"latency"}}, Case{AnomalyKind::flatline, {"flows"}},
                    Case{AnomalyKind::seasonal_break, {"flows"}},
                    Case{AnomalyKind::slow_backend, {"peer latency *"}},
                    Case{AnomalyKind::rst_storm, {"failures *"}},
                    Case{AnomalyKind::syn_loss, {"syn_retransmits 0", "syn_retransmits 3"}},
                    Case{AnomalyKind::retry_storm, {"reconnects 0", "flows"}},
                    Case{AnomalyKind::imbalance, {"peer flows *"}}),
    [](const auto& tested) { return std::string(anomaly_kind_name(tested.param.kind)); });

// After two days, in which a day's rhythm is learned. A value beyond everything seen is news even on a calm
// day: less than one alarm in 1,000 values (docs/detection.md). Peers and counts, which know what is normal,
// say nothing at all.
TEST(CalmDays, AreCalm) {
  constexpr size_t kLearned = 2 * 24 * 60;
  size_t series_alarms = 0;
  size_t values = 0;
  std::string all;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const SyntheticTelemetry made = make_telemetry({.seed = seed});
    values += 2 * (made.steps() - kLearned);
    for (const Alarm& alarm : watch(made)) {
      if (alarm.step < kLearned) continue;
      all += std::to_string(alarm.step) + " " + alarm.who + ": " + alarm.words + "\n";
      if (alarm.who == "flows" || alarm.who == "latency")
        ++series_alarms;
      else
        ADD_FAILURE() << alarm.who << ": " << alarm.words << ", seed " << seed;
    }
  }
  EXPECT_LT(series_alarms, values / 1'000) << all;
}

TEST(SyntheticTelemetry, IsTheSameForTheSamePlan) {
  const SyntheticPlan plan{.seed = 7, .kind = AnomalyKind::rst_storm, .days = 2};
  const SyntheticTelemetry a = make_telemetry(plan);
  const SyntheticTelemetry b = make_telemetry(plan);
  EXPECT_EQ(a.service().flows, b.service().flows);
  EXPECT_EQ(a.backends[3].latency_ms, b.backends[3].latency_ms);
  const SyntheticTelemetry other = make_telemetry({.seed = 8, .kind = AnomalyKind::rst_storm, .days = 2});
  EXPECT_NE(a.service().flows, other.service().flows);
}

TEST(SyntheticTelemetry, HasTheRatiosThatItSays) {
  const SyntheticTelemetry made = make_telemetry({.seed = 3, .kind = AnomalyKind::rst_storm});
  const SyntheticBackend& touched = made.backends[made.touched];
  const auto sum = [](const std::vector<double>& values, size_t from, size_t to) {
    return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(from),
                           values.begin() + static_cast<std::ptrdiff_t>(to), 0.0);
  };
  EXPECT_NEAR(sum(touched.failures, 0, made.first) / sum(touched.flows, 0, made.first), 0.003, 0.0005);
  EXPECT_NEAR(sum(touched.failures, made.first, made.last) / sum(touched.flows, made.first, made.last), 0.103,
              0.01);
}

}  // namespace
}  // namespace shunt
