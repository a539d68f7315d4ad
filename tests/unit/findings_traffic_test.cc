// Two made-up days, the first learned from: calm ones give next to nothing, and each kind of trouble is found
// where it is. Made-up data proves that the parts work together, not how good they are.
#include <gtest/gtest.h>

#include "findings_harness.h"

namespace shunt::insight {
namespace {

constexpr size_t kDay = 8'640;  // intervals

// Learns the first day; the second passes with one tick for each interval, up to its `until`th.
void play(Site& site, const SyntheticTelemetry& made, size_t until = kDay) {
  const auto set = [&](size_t step) {
    for (size_t i = 0; i < site.backends.size(); ++i)
      site.backends[i] = ten_seconds_of(made.backends[i], step);
  };
  for (size_t step = 0; step < kDay; ++step) {
    set(step);
    site.give([&](const ClosedCell& cell) { site.findings->learn(cell); }, made.time_s[step]);
  }
  for (size_t step = kDay; step < kDay + until; ++step) {
    set(step);
    site.live.now_s = made.time_s[step] + 12;
    site.give([&](const ClosedCell& cell) { site.findings->take(cell); }, made.time_s[step]);
    site.findings->tick(site.live);
  }
}

SyntheticTelemetry two_days(AnomalyKind kind, uint64_t seed) {
  return make_telemetry({.seed = seed, .kind = kind, .backends = 4, .days = 2, .step_s = 10});
}

TEST(FindingsTraffic, ACalmDayHasAHandfulOfAnomaliesAndNoneThatMatters) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    // Made-up traffic has 0.3 % of failures: the objective is one that it meets.
    Site site(4, {"lb1"}, {.availability = 0.99});
    play(site, two_days(AnomalyKind::none, seed));
    EXPECT_LE(site.findings->anomalies().size(), 5U) << "seed " << seed << "\n" << site.words();
    for (const FoundAnomaly& found : site.findings->anomalies())
      EXPECT_LT(found.anomaly.severity, Severity::major) << "seed " << seed << "\n" << site.words();
    for (const AlertEvent& event : site.findings->alert_history())
      ADD_FAILURE() << "seed " << seed << ": " << site.findings->rules()[event.rule].name << " "
                    << event.text;
  }
}

struct Trouble {
  AnomalyKind kind;
  Kpi kpi;
  bool of_touched;  // of the backend that it is; else of the service
  Severity at_least;
};
void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << anomaly_kind_name(trouble.kind);
}

class Troubles : public testing::TestWithParam<Trouble> {};

TEST_P(Troubles, AreFoundWhileTheyLast) {
  const Trouble& trouble = GetParam();
  const SyntheticTelemetry made = two_days(trouble.kind, 7);
  Site site;
  site.jitters = trouble.kind != AnomalyKind::flatline;
  play(site, made, made.last - kDay + 2);
  const std::string who = trouble.of_touched ? "web-" + std::to_string(made.touched + 1) : "";
  const FoundAnomaly* best = nullptr;
  for (const FoundAnomaly& found : site.findings->anomalies())
    if (found.series.backend == who && found.anomaly.kpi == trouble.kpi &&
        found.anomaly.start_s >= made.time_s[made.first] &&
        found.anomaly.start_s <= made.time_s[made.last] + 12 &&
        (best == nullptr || found.anomaly.severity > best->anomaly.severity))
      best = &found;
  ASSERT_NE(best, nullptr) << site.words();
  EXPECT_GE(best->anomaly.severity, trouble.at_least) << site.words();
  EXPECT_FALSE(best->anomaly.reason.empty());
  EXPECT_TRUE(best->incident.has_value());
}

INSTANTIATE_TEST_SUITE_P(
    All, Troubles,
    testing::Values(Trouble{AnomalyKind::spike, Kpi::flows, false, Severity::minor},
                    Trouble{AnomalyKind::drop, Kpi::flows, false, Severity::major},
                    Trouble{AnomalyKind::level, Kpi::flows, false, Severity::info},
                    Trouble{AnomalyKind::variance, Kpi::latency, true, Severity::info},
                    Trouble{AnomalyKind::flatline, Kpi::flows, false, Severity::info},
                    Trouble{AnomalyKind::slow_backend, Kpi::latency, true, Severity::minor},
                    Trouble{AnomalyKind::rst_storm, Kpi::failures, true, Severity::critical},
                    Trouble{AnomalyKind::syn_loss, Kpi::syn_retransmits, false, Severity::info},
                    Trouble{AnomalyKind::retry_storm, Kpi::reconnects, false, Severity::minor},
                    Trouble{AnomalyKind::imbalance, Kpi::share, true, Severity::info}),
    [](const auto& tested) { return std::string(anomaly_kind_name(tested.param.kind)); });

}  // namespace
}  // namespace shunt::insight
