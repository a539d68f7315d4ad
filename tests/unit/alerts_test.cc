// Built-in alerts: the same names, severities and times as the rules of Prometheus; each one firing and
// silent; pending first; few words about what flaps.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "findings_harness.h"
#include "insight/findings/alert_board.h"
#include "insight/findings/alert_rules.h"

namespace shunt::insight {
namespace {

struct PrometheusRule {
  std::string severity = "";
  int64_t for_s = 0;
};

// The few lines of the rules' files that matter here: `- alert:`, `for:`, `labels: {severity: …}`.
std::map<std::string, PrometheusRule> prometheus_rules() {
  std::map<std::string, PrometheusRule> rules;
  const std::filesystem::path folder = std::filesystem::path(SHUNT_SOURCE_ROOT) / "configs/prometheus/rules";
  static const std::regex alert(R"(^\s*- alert: (\w+)\s*$)");
  static const std::regex duration(R"(^\s*for: (\d+)([smh])\s*$)");
  static const std::regex severity(R"(^\s*labels: \{severity: (\w+)\}\s*$)");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    std::string line, name;
    std::smatch match;
    while (std::getline(file, line)) {
      if (std::regex_match(line, match, alert)) name = match[1];
      if (name.empty()) continue;
      PrometheusRule& rule = rules[name];
      if (std::regex_match(line, match, severity)) rule.severity = match[1];
      if (std::regex_match(line, match, duration))
        rule.for_s = std::stoll(match[1]) * (match[2] == "h" ? 3600 : match[2] == "m" ? 60 : 1);
    }
  }
  return rules;
}

TEST(AlertRules, AreThoseOfPrometheus) {
  const auto theirs = prometheus_rules();
  ASSERT_GE(theirs.size(), 40U);
  for (const AlertRule& ours : alert_rules({})) {
    EXPECT_FALSE(ours.text.empty()) << ours.name;
    EXPECT_FALSE(ours.runbook.empty()) << ours.name;
    EXPECT_EQ(ours.text.find("%s"), std::string::npos) << ours.name;
    const auto found = theirs.find(ours.name);
    ASSERT_NE(found, theirs.end()) << ours.name;
    EXPECT_EQ(found->second.severity, alert_severity_name(ours.severity)) << ours.name;
    EXPECT_EQ(found->second.for_s, ours.for_s) << ours.name;
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(SHUNT_SOURCE_ROOT) / "docs/runbooks" /
                                        (ours.name + ".md")))
        << ours.name;
  }
}

TEST(AlertRules, SayTheirThresholds) {
  const auto rules = alert_rules({.availability = 0.9995, .cpu = 0.7, .memory = 0.9, .disk = 0.85});
  const auto text = [&](AlertName name) { return rules[static_cast<size_t>(name)].text; };
  EXPECT_NE(text(AlertName::error_budget_burn_fast).find("99.95 %"), std::string::npos);
  EXPECT_NE(text(AlertName::backend_cpu_high).find("70 %"), std::string::npos);
  EXPECT_NE(text(AlertName::high_failure_ratio).find("5 % of"), std::string::npos);
}

// A board and what it puts.
struct Told {
  std::vector<AlertRow> rows;
  AlertBoard board{alert_rules({}), [this](WarehouseRow row) { rows.push_back(std::get<AlertRow>(row)); }};
  void update(int64_t now_s, bool holds, AlertName rule = AlertName::backend_down,
              const std::string& backend = "web-1") {
    board.update(now_s, holds ? std::vector<AlertCondition>{{rule, {{}, "web", "web", backend}, "why"}}
                              : std::vector<AlertCondition>{});
  }
};

TEST(AlertBoard, PendingThenFiringThenResolved) {
  Told told;
  for (int64_t second = 0; second < 60; ++second)
    told.update(second, true, AlertName::backend_slow);  // for 1 min
  ASSERT_EQ(told.board.alerts().size(), 1U);
  EXPECT_EQ(told.board.alerts()[0].state, AlertState::pending);
  EXPECT_TRUE(told.rows.empty());
  told.update(60, true, AlertName::backend_slow);
  EXPECT_EQ(told.board.alerts()[0].state, AlertState::firing);
  EXPECT_EQ(told.board.alerts()[0].since_s, 0);
  ASSERT_EQ(told.rows.size(), 1U);
  EXPECT_EQ(told.rows[0].name, "ShuntBackendSlow");
  EXPECT_EQ(told.rows[0].subject, "web/web-1");
  EXPECT_EQ(told.rows[0].state, "firing");
  EXPECT_EQ(told.rows[0].severity, "warning");
  told.update(61, false);
  EXPECT_EQ(told.board.alerts().size(), 1U);
  told.update(71, false);
  EXPECT_TRUE(told.board.alerts().empty());
  ASSERT_EQ(told.board.history().size(), 2U);
  EXPECT_EQ(told.board.history().back().state, AlertState::resolved);
  EXPECT_EQ(told.rows.back().state, "resolved");
}

TEST(AlertBoard, WhatWasPendingOnlyIsForgotten) {
  Told told;
  told.update(0, true, AlertName::backend_slow);
  told.update(1, false);
  EXPECT_TRUE(told.board.alerts().empty());
  for (int64_t second = 2; second < 61; ++second)
    told.update(second, true, AlertName::backend_slow);
  EXPECT_EQ(told.board.alerts()[0].state, AlertState::pending);  // it began anew
}

TEST(AlertBoard, WhatFlapsIsToldAFewTimes) {
  Told told;
  for (int64_t second = 0; second < 3'600; ++second)
    told.update(second, second % 40 < 10);  // ninety times in an hour
  EXPECT_LE(told.rows.size(), 20U);
  EXPECT_GE(told.rows.size(), 3U);
}

TEST(AlertBoard, WorstFirst) {
  Told told;
  told.board.update(1, {{AlertName::restarted, {"lb1", {}, {}, {}}, ""},
                        {AlertName::backend_down, {{}, "web", "web", "b"}, ""},
                        {AlertName::backend_down, {{}, "web", "web", "a"}, ""},
                        {AlertName::down, {"lb2", {}, {}, {}}, ""},
                        {AlertName::service_down, {{}, "web", {}, {}}, ""}});
  std::vector<std::string> order;
  for (const LiveAlert& alert : told.board.alerts())
    order.push_back(told.board.rules()[alert.rule].name + " " + subject_text(alert.subject));
  EXPECT_EQ(order, (std::vector<std::string>{"ShuntServiceDown web", "ShuntBackendDown web/a",
                                             "ShuntBackendDown web/b", "ShuntRestarted lb1",
                                             "ShuntDown lb2"}));  // the last one is pending
}

TEST(AlertBoard, IsBounded) {
  Told told;
  std::vector<AlertCondition> many;
  for (int i = 0; i < 1'010; ++i)
    many.push_back({AlertName::backend_down, {{}, "web", "web", std::to_string(i)}, ""});
  told.board.update(1, many);
  EXPECT_EQ(told.board.alerts().size(), AlertBoard::kMostAlerts);
  EXPECT_EQ(told.board.passed_over(), 10U);
  told.board.update(100, {});
  EXPECT_EQ(told.board.history().size(), AlertBoard::kMostEvents);
}

TEST(SubjectText, NamesWhatItIsOf) {
  EXPECT_EQ(subject_text({{}, "web", "pool", "web-1"}), "web/web-1");
  EXPECT_EQ(subject_text({{}, {}, "pool", "web-1"}), "pool/web-1");
  EXPECT_EQ(subject_text({{}, "web", {}, {}}), "web");
  EXPECT_EQ(subject_text({"lb1", {}, {}, {}}), "lb1");
  EXPECT_EQ(subject_text({"lb1", {}, "pool", {}}), "lb1 pool");
}

// Each rule: what makes it fire, after how long; and that calm traffic doesn't.
struct Fault {
  std::string name;
  std::string rule;
  std::function<void(Site&)> begin;
  size_t intervals;  // until it fires
  std::string subject;
};
void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.name;
}

class Faults : public testing::TestWithParam<Fault> {};

nlohmann::json& system_of(Site& site) {
  return site.live.nodes[0].system;
}

TEST_P(Faults, FireAndAreSilentBefore) {
  const Fault& fault = GetParam();
  Site site;
  site.learn(2'200);  // six hours and a bit
  site.pass(12);
  for (const LiveAlert& alert : site.findings->alerts())
    ADD_FAILURE() << site.findings->rules()[alert.rule].name << " " << alert.text;
  fault.begin(site);
  site.pass(fault.intervals);
  const LiveAlert* alert = site.alert(fault.rule);
  ASSERT_NE(alert, nullptr) << site.words();
  EXPECT_EQ(alert->state, AlertState::firing);
  EXPECT_EQ(subject_text(alert->subject), fault.subject);
  EXPECT_FALSE(alert->text.empty());
}

void all(Site& site, uint64_t TenSeconds::* which, uint64_t value) {
  for (TenSeconds& backend : site.backends)
    backend.*which = value;
}

void host(Site& site, const std::function<void(HostNumbers&)>& change) {
  HostNumbers& numbers = site.live.hosts["10.2.0.2"];
  numbers.read_s = site.live.now_s;
  change(numbers);
}

INSTANTIATE_TEST_SUITE_P(
    All, Faults,
    testing::Values(
        Fault{"down", "ShuntDown", [](Site& s) { s.live.nodes[0].up = false; }, 3, "lb1"},
        Fault{"service", "ShuntServiceDown",
              [](Site& s) {
                for (size_t i = 0; i < 4; ++i)
                  s.set_state(i, BackendState::down);
              },
              1, "web"},
        Fault{"pool", "ShuntPoolDown",
              [](Site& s) {
                for (size_t i = 0; i < 4; ++i)
                  s.set_state(i, BackendState::down);
              },
              1, "web"},
        Fault{"degraded", "ShuntPoolDegraded",
              [](Site& s) {
                s.set_state(0, BackendState::down);
                s.set_state(1, BackendState::down);
              },
              7, "web"},
        Fault{"backend", "ShuntBackendDown", [](Site& s) { s.set_state(0, BackendState::down, "refused"); },
              1, "web/web-1"},
        Fault{"flapping", "ShuntBackendFlapping",
              [](Site& s) {
                for (int i = 0; i < 6; ++i) {
                  s.set_state(0, i % 2 == 0 ? BackendState::down : BackendState::up);
                  s.seconds(5);
                }
              },
              1, "web/web-1"},
        Fault{"burn_fast", "ShuntErrorBudgetBurnFast", [](Site& s) { all(s, &TenSeconds::failures, 30); }, 40,
              "web"},
        Fault{"burn_slow", "ShuntErrorBudgetBurnSlow", [](Site& s) { all(s, &TenSeconds::failures, 20); },
              180, "web"},
        Fault{"retry_storm", "ShuntRetryStorm", [](Site& s) { all(s, &TenSeconds::reconnects, 60); }, 36,
              "web"},
        Fault{"critical", "ShuntAnomalyCritical", [](Site& s) { s.backends[1].failures = 50; }, 9, "web"},
        Fault{"not_ready", "ShuntNotReady",
              [](Site& s) {
                system_of(s) = {{"ready", false}, {"not_ready", {"worker 0 has no configuration"}}};
              },
              7, "lb1"},
        Fault{"restarted", "ShuntRestarted", [](Site& s) { s.live.nodes[0].started_us = 5; }, 1, "lb1"},
        Fault{"restart_loop", "ShuntRestartLoop",
              [](Site& s) {
                for (int64_t i = 5; i < 8; ++i) {
                  s.live.nodes[0].started_us = i;
                  s.seconds(3);
                }
              },
              1, "lb1"},
        Fault{"reload", "ShuntConfigReloadFailed",
              [](Site& s) {
                system_of(s)["events"] = {{{"kind", "reload.refused"}, {"text", "line 4: unknown option"}},
                                          {{"kind", "reload.accepted"}, {"text", ""}}};
              },
              1, "lb1"},
        Fault{"failures", "ShuntHighFailureRatio", [](Site& s) { all(s, &TenSeconds::failures, 20); }, 26,
              "web"},
        Fault{"backend_failures", "ShuntBackendHighFailureRatio",
              [](Site& s) { s.backends[0].failures = 50; }, 26, "web/web-1"},
        Fault{"slow", "ShuntBackendSlow", [](Site& s) { s.backends[2].connect_us = 400'000; }, 30,
              "web/web-3"},
        Fault{"outlier", "ShuntBackendPeerOutlier", [](Site& s) { s.backends[2].connect_us = 9'000; }, 55,
              "web/web-3"},
        Fault{"syns", "ShuntSynRetransmitsHigh", [](Site& s) { s.backends[0].syn_retransmits = 30; }, 45,
              "web/web-1"},
        Fault{"spike", "ShuntTrafficSpike", [](Site& s) { all(s, &TenSeconds::opened, 500); }, 65, "web"},
        Fault{"drop", "ShuntTrafficDrop", [](Site& s) { all(s, &TenSeconds::opened, 5); }, 65, "web"},
        Fault{"imbalance", "ShuntLoadImbalance", [](Site& s) { s.backends[0].opened = 400; }, 80, "web"},
        Fault{"host_down", "ShuntBackendHostDown",
              [](Site& s) { host(s, [](HostNumbers& h) { h.stale = true; }); }, 4, "web/web-2"},
        Fault{"cpu", "ShuntBackendCpuHigh", [](Site& s) { host(s, [](HostNumbers& h) { h.cpu = 0.81; }); },
              31, "web/web-2"},
        Fault{"memory", "ShuntBackendMemHigh",
              [](Site& s) { host(s, [](HostNumbers& h) { h.memory = 0.91; }); }, 31, "web/web-2"},
        Fault{"disk", "ShuntBackendDiskHigh", [](Site& s) { host(s, [](HostNumbers& h) { h.disk = 0.86; }); },
              31, "web/web-2"},
        Fault{"table", "ShuntFlowTableNearFull",
              [](Site& s) { system_of(s)["table"] = {{"entries", 95}, {"capacity", 100}}; }, 31, "lb1"},
        Fault{"worker", "ShuntLcoreSaturated",
              [](Site& s) { system_of(s)["workers"] = {{{"cpu", 3}, {"busy_ratio", 0.97}}}; }, 13,
              "lb1 CPU 3"},
        Fault{"stale", "ShuntDiscoveryStale",
              [](Site& s) {
                system_of(s)["discovery"] = {{{"pool", "web"}, {"state", "stale"}, {"text", "SERVFAIL"}}};
              },
              31, "lb1 web"},
        Fault{
            "held", "ShuntDiscoveryHeld",
            [](Site& s) { system_of(s)["discovery"] = {{{"pool", "web"}, {"state", "held"}, {"text", ""}}}; },
            7, "lb1 web"}),
    [](const auto& tested) { return tested.param.name; });

TEST(Alerts, OfRefusedFlows) {
  Site site;
  const auto whole = std::make_shared<const SeriesName>(site.live.nodes[0].services[0].name);
  for (int i = 0; i < 14; ++i) {
    KpiCell cell = cell_of({});
    cell.counts.ended(FlowOutcome::no_backend) = 20;
    site.findings->take({Resolution::ten_seconds, site.live.now_s, whole, cell});
    site.seconds(10);
  }
  EXPECT_TRUE(site.fires("ShuntFlowsRefused"));
}

TEST(Alerts, OfSlowAnswers) {
  Site site;
  const auto whole = std::make_shared<const SeriesName>(site.live.nodes[0].services[0].name);
  for (int i = 0; i < 8; ++i) {
    KpiCell cell = cell_of({});
    cell.timing(KpiTiming::first_byte).add(300'000, 10);
    site.findings->take({Resolution::ten_seconds, site.live.now_s, whole, cell});
    site.seconds(10);
  }
  EXPECT_TRUE(site.fires("ShuntHighLatency"));
}

TEST(Alerts, OfLostRecords) {
  Site site;
  for (int i = 0; i < 62; ++i) {
    system_of(site)["records"] = {{"attached", true}, {"read", 5}, {"dropped", 10 * i}};
    site.seconds(5);
  }
  EXPECT_TRUE(site.fires("ShuntFlowRecordsLost"));
  site.seconds(320);  // nothing more is lost
  EXPECT_EQ(site.alert("ShuntFlowRecordsLost"), nullptr);
}

TEST(Alerts, AReloadThatWorksEndsIt) {
  Site site;
  system_of(site)["events"] = {{{"kind", "reload.refused"}, {"text", "line 4"}}};
  site.seconds(2);
  EXPECT_TRUE(site.fires("ShuntConfigReloadFailed"));
  system_of(site)["events"] = {{{"kind", "reload.accepted"}},
                               {{"kind", "reload.refused"}, {"text", "line 4"}}};
  site.seconds(15);
  EXPECT_EQ(site.alert("ShuntConfigReloadFailed"), nullptr);
}

// A shuntd of another version says other things.
TEST(Alerts, SurviveWordsTheyDontKnow) {
  Site site;
  for (
      const char* text :
      {"null", "[]", "7",
       R"({"workers": 3, "table": [], "records": "x", "discovery": {}, "events": 5, "ready": "yes"})",
       R"({"workers": [1, {"cpu": "a"}, {"busy_ratio": 2}, {"cpu": -1, "busy_ratio": 1}], "discovery": [null, {"state": 4}],
            "events": [[], {"kind": []}], "table": {"entries": "many", "capacity": 0}, "records": {"dropped": null},
            "not_ready": [1], "ready": null})"}) {
    system_of(site) = nlohmann::json::parse(text);
    site.seconds(3);
    EXPECT_TRUE(site.findings->alerts().empty()) << text;
  }
}

// A backend of two services is one alert, told with both.
TEST(Alerts, ABackendOfTwoServicesIsOne) {
  Site site;
  LiveNode& node = site.live.nodes[0];
  LiveBackend twin = node.backends[0];
  twin.name.service = "api";
  node.backends.push_back(twin);
  site.seconds(1);
  for (LiveBackend& backend : node.backends)
    if (backend.name.backend == "web-1") backend.state = BackendState::down;
  site.seconds(1);
  size_t down = 0;
  for (const LiveAlert& alert : site.findings->alerts())
    down += site.findings->rules()[alert.rule].name == "ShuntBackendDown" ? 1U : 0U;
  EXPECT_EQ(down, 1U);
  const LiveAlert* alert = site.alert("ShuntBackendDown");
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(subject_text(alert->subject), "web/web-1");  // its pool's
  EXPECT_NE(alert->text.find("services api, web"), std::string::npos) << alert->text;
}

// What insight starts with is no restart, no new machine, no drop.
TEST(Alerts, AStartIsCalm) {
  Site site(4, {"lb1", "lb2"});
  site.pass(60);
  EXPECT_TRUE(site.findings->alert_history().empty());
  EXPECT_TRUE(site.findings->alerts().empty());
}

TEST(Alerts, OfABudgetSayWhatTimeTheyKnow) {
  const auto text = [](Site& site, const char* rule) {
    const LiveAlert* alert = site.alert(rule);
    return alert == nullptr ? std::string() : alert->text;
  };
  Site site;
  all(site, &TenSeconds::opened, 200);
  all(site, &TenSeconds::failures, 20);
  site.pass(3);
  const std::string fast = text(site, "ShuntErrorBudgetBurnFast");
  EXPECT_NE(fast.find("% of the flows failed in the last 30 s, and so they do now: an hour of that costs 1"),
            std::string::npos)
      << fast;
  EXPECT_NE(text(site, "ShuntErrorBudgetBurnSlow").find("in the last 30 s, and still do"), std::string::npos);
  EXPECT_NE(text(site, "ShuntHighFailureRatio").find("that ended in the last 30 s failed"),
            std::string::npos);
  site.pass(12);
  EXPECT_NE(text(site, "ShuntErrorBudgetBurnFast").find("in the last 2 minutes,"), std::string::npos);
  site.pass(350);
  EXPECT_NE(text(site, "ShuntErrorBudgetBurnFast").find("in the last hour,"), std::string::npos);
  EXPECT_NE(text(site, "ShuntErrorBudgetBurnSlow").find("in the last 60 minutes,"), std::string::npos);
  EXPECT_NE(text(site, "ShuntHighFailureRatio").find("in the last 5 minutes failed"), std::string::npos);

  // Ten minutes of the hour are in the warehouse, then nobody watched.
  Site late;
  const auto whole = std::make_shared<const SeriesName>(late.live.nodes[0].services[0].name);
  for (int64_t ago = 40; ago > 30; --ago)
    late.findings->learn({Resolution::minute, late.live.now_s - ago * 60, whole, cell_of({.failures = 10})});
  all(late, &TenSeconds::failures, 20);
  late.pass(3);
  EXPECT_NE(text(late, "ShuntErrorBudgetBurnFast").find("in the 10 minutes of the last hour that are known,"),
            std::string::npos)
      << text(late, "ShuntErrorBudgetBurnFast");
}

// The weeks of an error budget come from minutes that the warehouse kept.
TEST(Alerts, MinutesOfThePastCountForTheBudget) {
  Site site;
  const auto whole = std::make_shared<const SeriesName>(site.live.nodes[0].services[0].name);
  KpiCell minute = cell_of({.opened = 2'400, .failures = 6});  // 0.25 %
  for (int64_t ago = 3 * 24 * 60; ago > 0; --ago)
    site.findings->learn({Resolution::minute, site.live.now_s - ago * 60, whole, minute});
  for (TenSeconds& backend : site.backends)
    backend.failures = 0;
  site.pass(3);
  const LiveAlert* alert = site.alert("ShuntErrorBudgetBurnSlow");
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(alert->state, AlertState::pending);
}

}  // namespace
}  // namespace shunt::insight
