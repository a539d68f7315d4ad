// Anomalies and incidents of a live system, with a clock of its own: what opens at once and what after a
// while, what keeps still, what belongs together, what a person accepts, what a restart finds again, and the
// bounds.
#include "insight/findings/findings.h"

#include <gtest/gtest.h>

#include "findings_harness.h"
#include "insight/findings/history_watch.h"

namespace shunt::insight {
namespace {

constexpr size_t kHour = 360;  // intervals

TEST(Findings, ABackendThatGoesDownIsAnAnomalyInTheSameTick) {
  Site site;
  site.seconds(5);
  EXPECT_TRUE(site.findings->anomalies().empty());
  site.set_state(1, BackendState::down, "connection refused");
  site.seconds(1);
  const FoundAnomaly* found = site.find("web-2", Kpi::up);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->open);
  EXPECT_EQ(found->anomaly.start_s, site.live.now_s);
  EXPECT_EQ(found->anomaly.reason, "connection refused");
  EXPECT_EQ(found->series, (SeriesName{"", "web", "web", "web-2"}));
  EXPECT_EQ(found->detector, "state");
  EXPECT_EQ(site.findings->worst("web", "web", "web-2"), found->anomaly.severity);
  EXPECT_EQ(site.findings->worst("web", "", ""), found->anomaly.severity);
  EXPECT_EQ(site.findings->worst("web", "web", "web-1"), std::nullopt);
  EXPECT_EQ(site.open().size(), 1U);
  EXPECT_EQ(found->anomaly.severity, Severity::major);  // a quarter of what serves
  const std::vector<AnomalyRow> rows = site.put<AnomalyRow>();
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.front().kpi, "up");
  EXPECT_FALSE(rows.front().closed_s);

  site.set_state(1, BackendState::up);
  site.seconds(6);
  EXPECT_TRUE(site.open().empty());
  EXPECT_TRUE(site.put<AnomalyRow>().back().closed_s);
  EXPECT_EQ(site.findings->worst("web", "", ""), std::nullopt);
}

// Its part of all traffic is small, its part of its service isn't.
TEST(Findings, ABackendThatIsDownIsMajorAndMostOfThemCritical) {
  Site site(5);
  LiveService big = site.live.nodes[0].services[0];
  big.name.service = "big";
  big.last.counts[KpiCount::opened] = 100'000;
  site.live.nodes[0].services.push_back(big);
  site.seconds(5);
  const auto worst = [&] { return site.findings->worst("web", "", ""); };
  site.set_state(0, BackendState::down);
  site.seconds(1);
  EXPECT_EQ(worst(), Severity::major) << site.words();
  site.seconds(3'600);
  EXPECT_EQ(worst(), Severity::major) << site.words();
  // A node's weights count: two light ones are less than half.
  for (size_t i = 2; i < 5; ++i)
    site.live.nodes[0].backends[i].weight = 2;
  site.set_state(1, BackendState::down);
  site.seconds(1);
  EXPECT_EQ(worst(), Severity::major) << site.words();
  // Who is set aside is no spare.
  site.set_state(4, BackendState::drain);
  site.set_state(3, BackendState::disabled);
  site.seconds(61);
  EXPECT_EQ(worst(), Severity::critical) << site.words();
}

TEST(Findings, OneOfAPairIsCriticalAfterAMinute) {
  Site site(2);
  site.seconds(5);
  site.set_state(1, BackendState::down);
  site.seconds(59);
  EXPECT_EQ(site.findings->worst("web", "", ""), Severity::major);
  site.seconds(2);
  EXPECT_EQ(site.findings->worst("web", "", ""), Severity::critical);
}

// However long the first one was down: the minute is that of the half. Three of four don't wait.
TEST(Findings, TwoOfFourAreCriticalAfterAMinute) {
  Site site;
  site.set_state(0, BackendState::down);
  site.seconds(1'000);
  site.set_state(1, BackendState::down);
  site.seconds(59);
  EXPECT_EQ(site.findings->worst("web", "", ""), Severity::major) << site.words();
  site.seconds(2);
  EXPECT_EQ(site.findings->worst("web", "", ""), Severity::critical);
  Site most;
  for (size_t i = 0; i < 3; ++i)
    most.set_state(i, BackendState::down);
  most.seconds(1);
  EXPECT_EQ(most.findings->worst("web", "", ""), Severity::critical);
}

// The hour before was calm, so 2 % of the service's flows take an hour and more to spend what matters.
TEST(Findings, AFewFailuresAtOneBackendOfSeveralArentCritical) {
  Site site(3);
  site.learn(kHour);
  site.pass(3);
  for (TenSeconds& backend : site.backends)
    backend.opened = 300;
  site.backends[2].failures = 19;  // 6 %
  for (size_t i = 0; i < kHour; ++i) {
    site.pass(1);
    for (const FoundAnomaly& found : site.findings->anomalies())
      ASSERT_LT(found.anomaly.severity, Severity::critical) << i << "\n" << site.words();
  }
  ASSERT_NE(site.find("web-3", Kpi::failures), nullptr);
  EXPECT_EQ(site.find("web-3", Kpi::failures)->anomaly.severity, Severity::major);
  site.pass(kHour / 2);
  EXPECT_EQ(site.find("web-3", Kpi::failures)->anomaly.severity, Severity::critical) << site.words();
}

// Two backends: no siblings to compare with, and no past.
TEST(Findings, WhatABackendAlwaysLosesIsntUnusual) {
  Site site(2);
  site.backends[1].failures = 5;
  site.pass(kHour);
  EXPECT_TRUE(site.findings->anomalies().empty()) << site.words();
  site.backends[1].failures = 40;
  site.pass(2);
  ASSERT_NE(site.find("web-2", Kpi::failures), nullptr) << site.words();
  EXPECT_EQ(site.find("web-2", Kpi::failures)->detector, "binomial");
  EXPECT_LT(site.find("web-2", Kpi::failures)->anomaly.start_s - Site::kStart_s, 3'630);
}

TEST(Findings, NothingIsUnusualBeforeThereIsAPast) {
  const auto finds = [](int values) {
    HistoryWatch watch;
    for (int i = 0; i < values; ++i)
      EXPECT_FALSE(watch.observe(i * 10, 100 + i % 7));
    return watch.observe(values * 10, 10'000).has_value();
  };
  for (int values = 0; values < HistoryWatch::kWarmUp; ++values)
    EXPECT_FALSE(finds(values)) << values;
  EXPECT_TRUE(finds(HistoryWatch::kWarmUp));
}

TEST(Findings, AValueThatStandsStillIsUnusualWhileItDoes) {
  HistoryWatch watch;
  int64_t time_s = 0;
  const auto next = [&](double value) { return watch.observe(time_s += 10, value); };
  for (int i = 0; i < 300; ++i)
    EXPECT_FALSE(next(100 + i % 7)) << i;
  int before = 0;
  std::optional<HistoryVerdict> found;
  while (!(found = next(103)) && before < 100)
    ++before;
  EXPECT_EQ(before, 30);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->opens);
  EXPECT_EQ(found->words, "it stands still at 103, for longer than it ever did");
  for (int i = 0; i < 50; ++i) {
    const auto still = next(103);
    ASSERT_TRUE(still) << i;
    EXPECT_FALSE(still->opens) << i;
  }
  EXPECT_FALSE(next(104));
  EXPECT_FALSE(next(103));
}

TEST(Findings, AnOutageInTheFirstMinuteIsSeen) {
  // All of a service: it burns its budget. It doesn't become usual either.
  Site all(2);
  for (TenSeconds& backend : all.backends)
    backend.failures = 60;
  all.pass(3);
  const FoundAnomaly* found = all.find("", Kpi::failures);
  ASSERT_NE(found, nullptr) << all.words();
  EXPECT_EQ(found->detector, "burn");
  EXPECT_EQ(found->anomaly.severity, Severity::critical);
  EXPECT_NE(found->anomaly.reason.find("; the limit is 1.4 %: more spends the error budget fast"),
            std::string::npos)
      << found->anomaly.reason;
  all.pass(kHour);
  EXPECT_TRUE(all.find("", Kpi::failures)->open) << all.words();
  // One backend of several: its siblings tell.
  Site one;
  one.backends[1].failures = 60;
  one.pass(6);
  ASSERT_NE(one.find("web-2", Kpi::failures), nullptr) << one.words();
  EXPECT_EQ(one.find("web-2", Kpi::failures)->detector, "peer");
}

TEST(Findings, ABackendThatComesAndGoesIsOneAnomaly) {
  Site site;
  for (int i = 0; i < 20; ++i) {
    site.set_state(0, i % 2 == 0 ? BackendState::down : BackendState::up);
    site.seconds(3);
  }
  EXPECT_EQ(site.findings->anomalies().size(), 1U) << site.words();
}

TEST(Findings, AServiceWithoutBackendsIsDownAndCritical) {
  Site site;
  site.seconds(1);
  for (size_t i = 0; i < 4; ++i)
    site.set_state(i, BackendState::down);
  site.seconds(1);
  const FoundAnomaly* found = site.find("", Kpi::up);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->anomaly.severity, Severity::critical);
  EXPECT_EQ(found->anomaly.reason, "none of its 4 backends is up");
  // One incident; what its backends say is folded.
  ASSERT_EQ(site.findings->incidents().size(), 1U);
  const FoundIncident& incident = site.findings->incidents().front();
  EXPECT_EQ(incident.members.size(), 5U);
  EXPECT_EQ(incident.hidden.size(), 4U);
  EXPECT_EQ(incident.incident.causes.front().subject, (Subject{"web", ""}));
  EXPECT_EQ(incident.incident.severity, Severity::critical);
}

TEST(Findings, BackendsSetAsideAreExpected) {
  for (const BackendState state : {BackendState::drain, BackendState::disabled, BackendState::starting}) {
    Site site;
    site.learn(kHour);
    site.pass(2);
    site.set_state(2, state);
    site.backends[2] = {.opened = 0, .times = 0, .active = 0};
    for (size_t i : {0U, 1U, 3U})
      site.backends[i] = {.opened = 133, .active = 27};
    site.pass(12);
    EXPECT_TRUE(site.findings->anomalies().empty()) << site.words();
  }
}

TEST(Findings, ANodeThatDoesntAnswerIsOne) {
  Site site(4, {"lb1", "lb2"});
  site.seconds(2);
  site.live.nodes[1].up = false;
  site.live.nodes[1].error = "connection refused";
  site.seconds(1);
  ASSERT_EQ(site.open().size(), 1U) << site.words();
  const FoundAnomaly& found = *site.open().front();
  EXPECT_EQ(found.series.node, "lb2");
  EXPECT_EQ(found.anomaly.subject, (Subject{"", ""}));
  EXPECT_NE(found.anomaly.reason.find("connection refused"), std::string::npos);
  ASSERT_EQ(site.findings->incidents().size(), 1U);
  EXPECT_EQ(site.findings->incidents().front().incident.headline.rfind("node lb2 is down", 0), 0U)
      << site.findings->incidents().front().incident.headline;
}

// What was found stays while nobody knows better; nothing is found by a node's silence.
TEST(Findings, ANodeThatDiesDoesntRepairItsBackends) {
  Site site;
  site.set_state(0, BackendState::down, "timeout");
  site.seconds(3);
  site.live.nodes[0].up = false;
  site.seconds(600);
  ASSERT_NE(site.find("web-1", Kpi::up), nullptr);
  EXPECT_TRUE(site.find("web-1", Kpi::up)->open);
  EXPECT_EQ(site.find("web-2", Kpi::up), nullptr);
  EXPECT_EQ(site.find("", Kpi::up)->series.node, "lb1");  // the node's, not a service's
  site.live.nodes[0].up = true;
  site.set_state(0, BackendState::up);
  site.seconds(8);
  EXPECT_TRUE(site.open().empty()) << site.words();
}

TEST(Findings, AHalfSilentNodeIsNoDropOfTraffic) {
  Site site(4, {"lb1", "lb2"});
  site.learn(kHour);
  site.pass(6);
  site.live.nodes[1].up = false;
  site.pass(20);
  for (const FoundAnomaly& found : site.findings->anomalies())
    EXPECT_EQ(found.anomaly.kpi, Kpi::up) << site.words();
  // Cells of a few seconds say nothing of how much there is.
  Site cut;
  cut.learn(kHour);
  cut.pass(3);
  for (TenSeconds& backend : cut.backends) {
    backend.seconds = 2;
    backend.opened = 20;
  }
  cut.pass(6);
  EXPECT_TRUE(cut.findings->anomalies().empty()) << cut.words();
}

TEST(Findings, BackendsComeAndGoInPeace) {
  Site site(6);
  site.learn(kHour);
  site.pass(3);
  // Two are taken out of the configuration: the others get their flows.
  for (LiveNode& node : site.live.nodes)
    node.backends.resize(4);
  site.backends.resize(4);
  for (TenSeconds& backend : site.backends)
    backend = {.opened = 150, .active = 30};
  site.pass(12);
  EXPECT_TRUE(site.findings->anomalies().empty()) << site.words();
  // And one comes that warms up for half a minute.
  for (LiveNode& node : site.live.nodes) {
    node.backends.push_back(node.backends[0]);
    node.backends.back().name.backend = "web-9";
    node.backends.back().address = "10.2.0.9";
  }
  site.backends.push_back({.opened = 10, .connect_us = 9'000, .times = 2, .active = 1});
  site.pass(3);
  for (TenSeconds& backend : site.backends)
    backend = {.opened = 120, .active = 24};
  site.pass(30);
  EXPECT_TRUE(site.findings->anomalies().empty()) << site.words();
}

TEST(Findings, FailuresOfOneBackendAreFoundWithinAnIntervalAndGrow) {
  Site site;
  site.learn(kHour);
  site.pass(3);
  site.backends[3].failures = 40;
  site.pass(1);
  const FoundAnomaly* found = site.find("web-4", Kpi::failures);
  ASSERT_NE(found, nullptr) << site.words();
  EXPECT_EQ(found->anomaly.severity, Severity::minor);  // so far
  EXPECT_NE(found->anomaly.reason.find("failed"), std::string::npos);
  const double score = found->anomaly.score;
  const int64_t id = found->id;
  site.pass(3);
  EXPECT_EQ(site.find("web-4", Kpi::failures)->anomaly.severity, Severity::major);
  site.pass(27);
  found = site.find("web-4", Kpi::failures);
  EXPECT_EQ(found->anomaly.severity, Severity::critical);  // a tenth of the service's flows
  EXPECT_EQ(found->id, id);
  EXPECT_TRUE(found->open);
  EXPECT_GE(found->anomaly.score, score);
  site.backends[3].failures = 0;
  site.pass(12);
  EXPECT_FALSE(site.find("web-4", Kpi::failures)->open) << site.words();
}

TEST(Findings, ASlowBackendAmongSiblingsNeedsNoHistory) {
  Site site;
  site.pass(3);
  site.backends[1].connect_us = 4'000;
  site.pass(6);
  const FoundAnomaly* found = site.find("web-2", Kpi::latency);
  ASSERT_NE(found, nullptr) << site.words();
  EXPECT_EQ(found->detector, "peer");
  EXPECT_GT(found->anomaly.observed, found->anomaly.expected_high);
  for (const char* other : {"web-1", "web-3", "web-4"})
    EXPECT_EQ(site.find(other, Kpi::latency), nullptr) << site.words();
}

TEST(Findings, HostsAboveTheirThresholdsForAMinute) {
  Site site;
  HostNumbers& host = site.live.hosts["10.2.0.3"];
  host.cpu = 0.95;
  host.memory = 0.5;
  host.disk = 0.9;
  site.seconds(60);
  EXPECT_TRUE(site.findings->anomalies().empty());
  site.seconds(1);
  ASSERT_NE(site.find("web-3", Kpi::cpu), nullptr);
  ASSERT_NE(site.find("web-3", Kpi::disk), nullptr);
  EXPECT_EQ(site.find("web-3", Kpi::memory), nullptr);
  EXPECT_NE(site.find("web-3", Kpi::cpu)->anomaly.reason.find("95 %, above 80 %"), std::string::npos)
      << site.find("web-3", Kpi::cpu)->anomaly.reason;
  host.cpu = 0.2;
  site.seconds(40);
  EXPECT_FALSE(site.find("web-3", Kpi::cpu)->open);
  EXPECT_TRUE(site.find("web-3", Kpi::disk)->open);
}

// The story that matters most: flows fail at once, checks find it three seconds later, the others take its
// traffic.
TEST(Findings, TheBackendThatDiesIsTheFirstCause) {
  Site site;
  site.learn(kHour);
  site.pass(6);
  site.backends[2] = {.opened = 100, .failures = 90, .syn_retransmits = 80, .connect_us = 1'000, .times = 10};
  site.seconds(3);
  site.set_state(2, BackendState::down, "connection timed out");
  site.pass(1);
  site.backends[2] = {.opened = 0, .times = 0, .active = 0};
  for (size_t i : {0U, 1U, 3U})
    site.backends[i] = {.opened = 133, .reconnects = 20, .active = 27};
  site.pass(6);
  ASSERT_EQ(site.findings->incidents().size(), 1U) << site.words();
  const FoundIncident& incident = site.findings->incidents().front();
  EXPECT_TRUE(incident.open);
  ASSERT_FALSE(incident.incident.causes.empty());
  EXPECT_EQ(incident.incident.causes.front().subject, (Subject{"web", "web-3"})) << site.words();
  EXPECT_EQ(incident.incident.causes.front().kpi, Kpi::up);
  EXPECT_GE(incident.members.size(), 3U) << site.words();
  const std::vector<IncidentRow> rows = site.put<IncidentRow>();
  ASSERT_FALSE(rows.empty());
  ASSERT_NE(rows.back().root, nullptr);
  EXPECT_EQ(rows.back().root->backend, "web-3");
  for (const FoundAnomaly* anomaly : site.open())
    EXPECT_EQ(anomaly->incident, incident.id);

  // It comes back: all is over, in the same incident.
  site.set_state(2, BackendState::up);
  for (TenSeconds& backend : site.backends)
    backend = {};
  site.pass(24);
  EXPECT_TRUE(site.open().empty()) << site.words();
  ASSERT_EQ(site.findings->incidents().size(), 1U);
  EXPECT_FALSE(site.findings->incidents().front().open);
  EXPECT_TRUE(site.put<IncidentRow>().back().closed_s);
}

TEST(Findings, AnIncidentKeepsItsIdWhileItGoesOn) {
  Site site;
  site.set_state(0, BackendState::down);
  site.seconds(10);
  const int64_t id = site.findings->incidents().front().id;
  site.set_state(0, BackendState::up);
  site.seconds(30);
  EXPECT_FALSE(site.findings->incidents().front().open);
  site.set_state(1, BackendState::down);  // within two minutes, of the same service
  site.seconds(5);
  ASSERT_EQ(site.findings->incidents().size(), 1U);
  EXPECT_EQ(site.findings->incidents().front().id, id);
  EXPECT_TRUE(site.findings->incidents().front().open);
  EXPECT_EQ(site.findings->incidents().front().members.size(), 2U);
  site.set_state(1, BackendState::up);
  site.seconds(300);
  site.set_state(1, BackendState::down);  // later: another one
  site.seconds(5);
  ASSERT_EQ(site.findings->incidents().size(), 2U);
  EXPECT_GT(site.findings->incidents().back().id, id);
}

TEST(Findings, AcceptedIsClosedAndDoesntComeAgain) {
  Site site;
  site.learn(kHour);
  site.pass(3);
  site.backends[0].failures = 30;
  site.pass(2);
  const FoundAnomaly* found = site.find("web-1", Kpi::failures);
  ASSERT_NE(found, nullptr);
  EXPECT_FALSE(site.findings->accept(found->id + 1'000));
  EXPECT_TRUE(site.findings->accept(found->id));
  EXPECT_FALSE(site.findings->accept(found->id));  // it is closed
  found = site.find("web-1", Kpi::failures);
  EXPECT_FALSE(found->open);
  EXPECT_TRUE(found->accepted);
  EXPECT_NE(found->anomaly.reason.find("accepted"), std::string::npos);
  const int64_t id = found->id;
  size_t of_backend = 0;
  site.pass(60);
  for (const FoundAnomaly& anomaly : site.findings->anomalies())
    of_backend += anomaly.series.backend == "web-1" && anomaly.anomaly.kpi == Kpi::failures ? 1U : 0U;
  EXPECT_EQ(of_backend, 1U) << site.words();
  EXPECT_EQ(site.find("web-1", Kpi::failures)->id, id);
}

TEST(Findings, AnAcceptedStateIsQuietUntilItWasOver) {
  Site site;
  site.set_state(0, BackendState::down);
  site.seconds(2);
  EXPECT_TRUE(site.findings->accept(site.open().front()->id));
  site.seconds(100);
  EXPECT_TRUE(site.open().empty());
  EXPECT_FALSE(site.findings->incidents().front().open);
  site.set_state(0, BackendState::up);
  site.seconds(20);
  site.set_state(0, BackendState::down);
  site.seconds(2);
  EXPECT_EQ(site.open().size(), 1U);
}

TEST(Findings, ARestartGoesOnWhereItWas) {
  Site before;
  before.set_state(0, BackendState::down, "timeout");
  before.seconds(5);
  const FoundAnomaly open = *before.open().front();
  const FoundIncident incident = before.findings->incidents().front();
  FoundAnomaly over = open;
  over.id = open.id + 10;
  over.series.backend = "web-3";
  over.anomaly.subject.backend = "web-3";

  Site after;
  after.live.now_s = before.live.now_s + 60;
  after.findings->restore({open, over}, {incident}, incident.id + 50);
  after.set_state(0, BackendState::down, "timeout");
  after.seconds(3);
  ASSERT_EQ(after.open().size(), 2U) << after.words();
  EXPECT_EQ(after.open().front()->id, open.id);
  EXPECT_EQ(after.open().front()->anomaly.start_s, open.anomaly.start_s);
  ASSERT_EQ(after.findings->incidents().size(), 1U);
  EXPECT_EQ(after.findings->incidents().front().id, incident.id);
  after.seconds(10);  // what isn't seen any more is over
  EXPECT_EQ(after.open().size(), 1U) << after.words();
  after.set_state(1, BackendState::down);
  after.seconds(1);
  EXPECT_GT(after.open().back()->id, incident.id + 50);
}

TEST(Findings, LearnedFromThePastItKnowsWhatIsUnusual) {
  const auto spike = [](Site& site) {
    site.pass(2);
    for (TenSeconds& backend : site.backends)
      backend.opened *= 6;
    site.pass(2);
    return site.find("", Kpi::flows) != nullptr;
  };
  Site fresh;
  EXPECT_FALSE(spike(fresh)) << fresh.words();  // it has seen nothing yet
  Site wise;
  for (size_t i = 0; i < 3 * kHour; ++i) {  // noise of a few per cent
    for (size_t b = 0; b < 4; ++b)
      wise.backends[b].opened = 95 + (i * 7 + b * 3) % 11;
    wise.give([&](const ClosedCell& cell) { wise.findings->learn(cell); },
              wise.live.now_s - static_cast<int64_t>(3 * kHour - i) * 10);
  }
  EXPECT_TRUE(wise.findings->anomalies().empty());
  EXPECT_TRUE(spike(wise)) << wise.words();
  EXPECT_GT(wise.findings->detectors(), 20U);
}

// A past of which only the sums of two nodes are kept teaches the same amounts.
TEST(Findings, ThePastMayBeOfAllNodesTogether) {
  Site site(4, {"lb1", "lb2"});
  std::map<std::pair<int64_t, SeriesName>, KpiCell> sums;
  for (int64_t second = site.live.now_s - 7'200; second < site.live.now_s; second += 10)
    site.give(
        [&](const ClosedCell& cell) {
          SeriesName name = *cell.series;
          name.node.clear();
          sums[{cell.begin_s, name}].merge(cell.cell);
        },
        second);
  for (const auto& [at, cell] : sums)
    site.findings->learn(
        {Resolution::ten_seconds, at.first, std::make_shared<const SeriesName>(at.second), cell});
  site.pass(70);
  EXPECT_TRUE(site.findings->anomalies().empty()) << site.words();
  for (TenSeconds& backend : site.backends)
    backend.opened *= 6;
  site.pass(2);
  EXPECT_NE(site.find("", Kpi::flows), nullptr) << site.words();
}

TEST(Findings, WithoutDetectionThereAreAlertsOnly) {
  Site site(4, {"lb1"}, {.detect = false});
  site.set_state(0, BackendState::down);
  site.seconds(2);
  EXPECT_TRUE(site.findings->anomalies().empty());
  EXPECT_TRUE(site.fires("ShuntBackendDown"));
}

TEST(Findings, LateCellsAreCountedAndOthersArePassedOver) {
  Site site;
  site.pass(3);
  site.give([&](const ClosedCell& cell) { site.findings->take(cell); }, site.live.now_s - 30);
  EXPECT_EQ(site.findings->tally().late_cells, 5U);
  site.findings->take({Resolution::second, site.live.now_s, std::make_shared<const SeriesName>(), {}});
  site.findings->take({Resolution::ten_seconds, site.live.now_s, nullptr, {}});
  EXPECT_EQ(site.findings->tally().late_cells, 5U);
}

TEST(Findings, AreBounded) {
  Site site(600);
  for (size_t i = 0; i < 600; ++i)
    site.set_state(i, BackendState::down);
  site.seconds(2);
  EXPECT_EQ(site.open().size(), 500U);
  EXPECT_GT(site.findings->tally().anomalies_passed_over, 0U);
  // Closed ones are forgotten, oldest first.
  Site flapping(100);
  for (int round = 0; round < 30; ++round) {
    for (size_t i = 0; i < 100; ++i)
      flapping.set_state(i, round % 2 == 0 ? BackendState::down : BackendState::up);
    flapping.seconds(8);
  }
  EXPECT_LE(flapping.findings->anomalies().size(), 2'000U + 101U);
  EXPECT_LE(flapping.findings->alert_history().size(), 1'000U);
  // Series beyond the bound aren't judged.
  Site wide(0);
  for (int i = 0; i < 4'010; ++i)
    wide.findings->take({Resolution::ten_seconds,
                         wide.live.now_s - 10,
                         std::make_shared<const SeriesName>(SeriesName{"lb1", "web", "p", std::to_string(i)}),
                         {}});
  EXPECT_EQ(wide.findings->tally().series_passed_over, 10U);
}

}  // namespace
}  // namespace shunt::insight
