// Made-up scenarios: which anomalies are one incident, whose fault it is, what a person reads.
#include "insight/detect/incident.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace shunt {
namespace {

constexpr int64_t kNoon_s = 1'767'614'400;  // 2026-01-05 12:00:00

const Topology kTopology = {
    {{"web", {"web-1", "web-2", "web-3", "web-4"}}, {"api", {"api-1", "api-2", "web-2"}}}};

Anomaly anomaly(const std::string& service, const std::string& backend, Kpi kpi, int64_t after_s,
                double score = 0.5) {
  Anomaly a;
  a.subject = {service, backend};
  a.kpi = kpi;
  a.start_s = kNoon_s + after_s;
  a.end_s = a.start_s + 60;
  a.score = score;
  a.severity = score >= 0.7 ? Severity::critical : Severity::minor;
  a.observed = kpi == Kpi::up ? 0 : 84;
  a.expected_low = kpi == Kpi::up ? 1 : 3;
  a.expected_high = kpi == Kpi::up ? 1 : 9;
  return a;
}

TEST(Incident, NothingIsNone) {
  EXPECT_TRUE(group_incidents({}, kTopology).empty());
}

TEST(Incident, OfOneAnomaly) {
  const std::vector<Anomaly> found = {anomaly("web", "web-2", Kpi::latency, 0)};
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_EQ(incidents[0].headline,
            "latency of backend web-2 of web: 0.084 ms, expected 0.003 ms to 0.009 ms, since 12:00:00");
  EXPECT_EQ(incidents[0].words,
            "Probable cause: latency of backend web-2 of web: 0.084 ms, expected 0.003 ms to 0.009 ms "
            "(nothing else is unusual).");
}

TEST(Incident, SharesAreInPercentAndAlmostNoneIsNone) {
  Anomaly failing = anomaly("web", "web-2", Kpi::failures, 0);
  failing.observed = 0.0656;
  failing.expected_low = 0;
  failing.expected_high = 1.1e-307;
  EXPECT_EQ(group_incidents({&failing, 1}, kTopology)[0].headline,
            "failures of backend web-2 of web: 6.56 %, expected 0 %, since 12:00:00");
  failing.expected_high = 0.0145;
  EXPECT_EQ(group_incidents({&failing, 1}, kTopology)[0].headline,
            "failures of backend web-2 of web: 6.56 %, expected 0 % to 1.45 %, since 12:00:00");
}

TEST(Incident, AServiceThatIsDownHidesItsBackends) {
  const std::vector<Anomaly> found = {
      anomaly("web", "web-1", Kpi::up, 0),       anomaly("web", "web-2", Kpi::up, 1),
      anomaly("web", "web-3", Kpi::up, 2),       anomaly("web", "web-4", Kpi::up, 3),
      anomaly("web", "", Kpi::up, 4, 0.9),       anomaly("web", "", Kpi::flows, 20),
      anomaly("web", "web-1", Kpi::failures, 5),
  };
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_EQ(incidents[0].hidden, (std::vector<size_t>{0, 1, 2, 3, 6, 5}));
  ASSERT_EQ(incidents[0].causes.size(), 1U);
  EXPECT_EQ(incidents[0].causes[0].subject, (Subject{"web", ""}));
  EXPECT_EQ(incidents[0].severity, Severity::critical);
  EXPECT_EQ(incidents[0].headline, "service web is down, since 12:00:04");
  EXPECT_NE(incidents[0].words.find("6 of its parts follow from it."), std::string::npos);
}

TEST(Incident, OneSlowBackendIsTheCauseOfASlowService) {
  const std::vector<Anomaly> found = {anomaly("web", "", Kpi::latency, 10, 0.6),
                                      anomaly("web", "web-3", Kpi::latency, 0, 0.6)};
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_TRUE(incidents[0].hidden.empty());
  EXPECT_EQ(incidents[0].causes[0].subject, (Subject{"web", "web-3"}));
  EXPECT_EQ(incidents[0].causes[0].why, "explains 2 of 2 anomalies, began first");
  EXPECT_GT(incidents[0].causes[0].score, incidents[0].causes[1].score);
}

// The service's series may notice first: topology outweighs ten seconds.
TEST(Incident, OneSlowBackendIsTheCauseEvenIfItWasNoticedLater) {
  const std::vector<Anomaly> found = {anomaly("web", "", Kpi::latency, 0, 0.6),
                                      anomaly("web", "web-3", Kpi::latency, 10, 0.6)};
  EXPECT_EQ(group_incidents(found, kTopology)[0].causes[0].subject, (Subject{"web", "web-3"}));
}

TEST(Incident, ThatMostBackendsShowIsTheServices) {
  const std::vector<Anomaly> found = {
      anomaly("web", "web-1", Kpi::latency, 0), anomaly("web", "web-2", Kpi::latency, 1),
      anomaly("web", "web-3", Kpi::latency, 2), anomaly("web", "", Kpi::latency, 3)};
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_EQ(incidents[0].hidden, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(incidents[0].causes[0].subject, (Subject{"web", ""}));
}

TEST(Incident, AFullMachineIsACauseAndItsLatencyASymptom) {
  const std::vector<Anomaly> found = {anomaly("web", "web-2", Kpi::latency, 5),
                                      anomaly("web", "web-2", Kpi::cpu, 0),
                                      anomaly("web", "", Kpi::failures, 30)};
  const auto incidents = group_incidents(found, kTopology);
  EXPECT_EQ(incidents[0].causes[0].subject, (Subject{"web", "web-2"}));
  EXPECT_EQ(incidents[0].causes[0].kpi, Kpi::cpu);
  EXPECT_EQ(incidents[0].headline.substr(0, 27), "CPU of backend web-2 of web");
}

TEST(Incident, ASharedBackendJoinsTwoServices) {
  const std::vector<Anomaly> found = {
      anomaly("web", "web-2", Kpi::failures, 0), anomaly("api", "web-2", Kpi::failures, 2),
      anomaly("web", "", Kpi::failures, 5), anomaly("api", "", Kpi::failures, 6)};
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_EQ(incidents[0].causes[0].subject.backend, "web-2");
}

TEST(Incident, ServicesApartAndTimesApartAreIncidentsApart) {
  const std::vector<Anomaly> found = {
      anomaly("web", "web-1", Kpi::latency, 0), anomaly("api", "api-1", Kpi::latency, 0),
      anomaly("web", "web-1", Kpi::latency, 3'600), anomaly("web", "", Kpi::flows, 3'600 + 60 + 120)};
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 3U);
  EXPECT_EQ(incidents[2].members, (std::vector<size_t>{2, 3}));
}

TEST(Incident, TheNodeTouchesEverything) {
  Anomaly node = anomaly("", "", Kpi::up, 0, 0.9);
  const std::vector<Anomaly> found = {anomaly("web", "", Kpi::flows, 5),
                                      anomaly("api", "api-1", Kpi::failures, 8), node};
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_EQ(incidents[0].hidden.size(), 2U);
  EXPECT_EQ(incidents[0].headline, "the node is down, since 12:00:00");
}

TEST(Incident, OrderOfTheInputDoesntMatter) {
  std::vector<Anomaly> found = {anomaly("web", "web-2", Kpi::cpu, 0),
                                anomaly("web", "web-2", Kpi::latency, 5),
                                anomaly("web", "", Kpi::failures, 30), anomaly("api", "", Kpi::flows, 900)};
  const auto forward = group_incidents(found, kTopology);
  std::reverse(found.begin(), found.end());
  const auto backward = group_incidents(found, kTopology);
  ASSERT_EQ(forward.size(), backward.size());
  for (size_t i = 0; i < forward.size(); ++i)
    EXPECT_EQ(forward[i].words, backward[i].words);
}

TEST(Incident, IsBounded) {
  std::vector<Anomaly> found(kMostAnomalies + 500, anomaly("web", "web-1", Kpi::latency, 0));
  const auto incidents = group_incidents(found, kTopology);
  ASSERT_EQ(incidents.size(), 1U);
  EXPECT_EQ(incidents[0].members.size(), kMostAnomalies);
}

}  // namespace
}  // namespace shunt
