// What is shown of discovery: the API's answer, shuntctl's table, the metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "control/ctl_discovery_view.h"
#include "control/discovery_json.h"
#include "control/discovery_metrics.h"

namespace shunt {
namespace {

using ::testing::HasSubstr;

std::vector<DiscoveryStatus> pools() {
  DiscoveryStatus held;
  held.pool = "web";
  held.source = "dns web.test";
  held.state = DiscoveryState::held;
  held.reason = "the answer takes away too much";
  held.answered_at = std::chrono::system_clock::time_point(std::chrono::seconds(1'738'324'800));
  held.age = std::chrono::seconds(65);
  held.backends = 1'234;
  held.skipped_count = 21;
  held.skipped = {"b: has no `address`\x1b[2J"};
  held.refused = {"c: is a VIP"};
  held.answers = 9;
  held.holds = 2;
  held.failures = 3;
  held.changes = 4;
  DiscoveryStatus waiting;
  waiting.pool = "api";
  waiting.source = "etcd /api/";
  return {held, waiting};
}

TEST(DiscoveryJson, SaysAllOfIt) {
  const auto json = nlohmann::json::parse(discovery_json(pools()));
  const auto& held = json.at("pools").at(0);
  EXPECT_EQ(held.at("state"), "held");
  EXPECT_EQ(held.at("stale"), false);
  EXPECT_EQ(held.at("answered"), "2025-01-31T12:00:00Z");
  EXPECT_EQ(held.at("age_seconds"), 65);
  EXPECT_EQ(held.at("backends"), 1'234);
  EXPECT_EQ(held.at("skipped").at("count"), 21);
  EXPECT_EQ(held.at("refused").at(0), "c: is a VIP");
  EXPECT_EQ(held.at("answers"), 9);
  EXPECT_EQ(held.at("holds"), 2);
  EXPECT_EQ(held.at("failures"), 3);
  EXPECT_EQ(held.at("changes"), 4);
  EXPECT_TRUE(json.at("pools").at(1).at("answered").is_null());
  EXPECT_TRUE(json.at("pools").at(1).at("age_seconds").is_null());
}

TEST(CtlDiscovery, ATableAndTheReasons) {
  std::ostringstream out;
  ASSERT_TRUE(show_discovery(discovery_json(pools()), {out, out, false, {}}));
  EXPECT_EQ(out.str(),
            "POOL  SOURCE        STATE     ANSWERED  BACKENDS  SKIPPED  REFUSED  FAILURES\n"
            "web   dns web.test  held     1 min 5 s     1,234       21        1         3\n"
            "api   etcd /api/    waiting          -         0        0        0         0\n"
            "web: the answer takes away too much\n"
            "web: skipped: b: has no `address`?[2J\n"
            "web: refused: c: is a VIP\n");
}

TEST(CtlDiscovery, NoPoolAndNoAnswer) {
  std::ostringstream out;
  ASSERT_TRUE(show_discovery(discovery_json({}), {out, out, false, {}}));
  EXPECT_THAT(out.str(), HasSubstr("no pool has `discovery`"));
  EXPECT_FALSE(show_discovery("{}", {out, out, false, {}}));
}

TEST(DiscoveryMetrics, EachFigure) {
  std::vector<prometheus::MetricFamily> families;
  add_discovery(families, pools());
  std::map<std::string, double> values;
  for (const auto& family : families) {
    for (const auto& metric : family.metric) {
      std::string key = family.name;
      for (const auto& label : metric.label)
        key += " " + label.value;
      values[key] =
          family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
    }
  }
  EXPECT_EQ(values.at("shunt_discovery_state web held"), 1);
  EXPECT_EQ(values.at("shunt_discovery_state web fresh"), 0);
  EXPECT_EQ(values.at("shunt_discovery_state api waiting"), 1);
  EXPECT_EQ(values.at("shunt_discovery_backends web"), 1'234);
  EXPECT_EQ(values.at("shunt_discovery_unusable_entries web skipped"), 21);
  EXPECT_EQ(values.at("shunt_discovery_unusable_entries web refused"), 1);
  EXPECT_EQ(values.at("shunt_discovery_last_answer_timestamp_seconds web"), 1'738'324'800);
  EXPECT_FALSE(values.contains("shunt_discovery_last_answer_timestamp_seconds api"));
  EXPECT_EQ(values.at("shunt_discovery_answers_total web taken"), 7);
  EXPECT_EQ(values.at("shunt_discovery_answers_total web held"), 2);
  EXPECT_EQ(values.at("shunt_discovery_answers_total web failed"), 3);
  EXPECT_EQ(values.at("shunt_discovery_changes_total web"), 4);
}

}  // namespace
}  // namespace shunt
