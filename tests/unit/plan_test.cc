// Plans: what changes, in words. plan_golden/NAME.toml against base.toml gives NAME.plan.
//
// UPDATE_GOLDEN=1 writes the .plan files anew: read them before committing.
#include "control/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "control/config_fields.h"
#include "control/config_load.h"
#include "control/option_rows.h"

namespace shunt {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = fs::path(SHUNT_SOURCE_ROOT) / "tests/unit/plan_golden";
constexpr HashKey kKey{{1, 2, 3, 4}};

std::string contents(const fs::path& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Config config_of(const fs::path& path) {
  LoadResult loaded = load_config_text(contents(path), "shunt.toml");
  EXPECT_TRUE(loaded.config) << path << (loaded.errors.empty() ? "" : loaded.errors.front().text());
  return loaded.config.value_or(Config{});
}

ActiveFlows flows() {
  ActiveFlows flows;
  flows.services = {{"web", 100}, {"dns", 7}};
  flows.backends = {
      {{"web", "web-1"}, 40}, {{"web", "web-2"}, 1}, {{"web", "web-3"}, 59}, {{"dns", "dns-1"}, 7}};
  return flows;
}

std::vector<fs::path> goldens() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".toml" && entry.path().stem() != "base") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class PlanGolden : public testing::TestWithParam<fs::path> {};

TEST_P(PlanGolden, SaysWhatChanges) {
  const Plan plan = make_plan(config_of(kFolder / "base.toml"), config_of(GetParam()), kKey, flows());
  std::string text;
  for (const std::string& line : plan.lines())
    text += line + "\n";
  text += plan.summary() + "\n";
  const fs::path expected = fs::path(GetParam()).replace_extension(".plan");
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected, std::ios::binary) << text;
  EXPECT_EQ(text, contents(expected));
}

INSTANTIATE_TEST_SUITE_P(Files, PlanGolden, testing::ValuesIn(goldens()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(Plan, AdminStatesDecideTheFateOfFlows) {
  const Config from = config_of(kFolder / "base.toml");
  Config to = from;
  to.pools[0].backends[0].admin = AdminState::draining;
  to.pools[0].backends[1].admin = AdminState::disabled;
  const Plan plan = make_plan(from, to, kKey, flows());
  ASSERT_EQ(plan.changes.size(), 2U);
  EXPECT_EQ(plan.changes[0].text(),
            "backend web/web-1: admin enabled → draining; 40 active flows are kept for up to 10m");
  EXPECT_EQ(plan.changes[1].text(), "backend web/web-2: admin enabled → disabled; 1 active flow is cut");
  EXPECT_EQ(plan.flows(FlowFate::kept), 40U);
  EXPECT_EQ(plan.flows(FlowFate::cut), 1U);
  ASSERT_EQ(plan.moves.size(), 1U);
  EXPECT_NEAR(plan.moves[0].share(), 2.0 / 3, 0.01) << "their slots give new flows to others";
}

TEST(Plan, SlotsOfARemovedBackendMoveAndFewOthers) {
  const Config from = config_of(kFolder / "base.toml");
  Config to = from;
  to.pools[0].backends.pop_back();
  const Plan plan = make_plan(from, to, kKey, {});
  ASSERT_EQ(plan.moves.size(), 1U);
  EXPECT_GE(plan.moves[0].share(), 1.0 / 3 - 0.01);
  EXPECT_LE(plan.moves[0].share(), 0.5);
}

TEST(Plan, TheOrderOfBackendsIsNothing) {
  const Config from = config_of(kFolder / "base.toml");
  Config to = from;
  std::reverse(to.pools[0].backends.begin(), to.pools[0].backends.end());
  const Plan plan = make_plan(from, to, kKey, {});
  EXPECT_TRUE(plan.empty());
  EXPECT_TRUE(plan.moves.empty());
}

// A new option must be compared too, or a plan would say that nothing changes.
TEST(ConfigFields, HaveEveryOption) {
  PoolConfig pool;
  pool.health.emplace();
  pool.discovery.emplace();
  std::set<std::pair<std::string, std::string>> seen;
  const auto note = [&](const char* section, const Fields& fields) {
    for (const auto& [key, text] : fields)
      seen.insert({section, key});
  };
  note("port", fields_of(PortConfig{}));
  note("pool", fields_of(pool));
  note("pool.backend", fields_of(BackendConfig{}));
  note("service", fields_of(ServiceConfig{}));
  note("", node_fields_of(Config{}));
  for (const OptionRow& row : option_rows()) {
    const bool one_choice =
        std::ranges::count_if(row.choices, [](const Choice& choice) { return choice.supported; }) == 1 &&
        row.choices.size() > 1;
    const bool is_section = row.section.empty() || row.type == OptionType::tables ||
                            (row.type == OptionType::table && row.key == "timeouts");
    if (row.need == Need::later || one_choice || is_section) continue;
    const std::string section(row.section);
    const std::string key(row.key);
    const size_t dot = section.find('.');
    const bool found = seen.contains({section, key}) || seen.contains({"", section + "." + key}) ||
                       (dot != std::string::npos &&
                        seen.contains({section.substr(0, dot), section.substr(dot + 1) + "." + key}));
    EXPECT_TRUE(found) << section << " " << key << " isn't in config_fields.cc";
  }
}

}  // namespace
}  // namespace shunt
