// The configuration of shunt-insight: each setting is read, each mistake told with its place, the page and
// the example are true. UPDATE_GOLDEN=1 writes the page anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "insight/config/config_page.h"
#include "insight/config/config_read.h"
#include "insight/config/setting_rows.h"
#include "insight/config/setting_units.h"

namespace shunt::insight {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kNode = "[[node]]\nname = \"lb1\"\napi = \"unix:/run/shunt/api.sock\"\n";

InsightConfig good(const std::string& text) {
  ReadConfig read = read_config(text, "f");
  EXPECT_THAT(read.errors, IsEmpty()) << text;
  return std::move(read.config);
}

std::vector<std::string> errors(const std::string& text) {
  return read_config(text, "f").errors;
}

// `line` in its section, with the one node that there has to be.
std::string document(std::string_view section, const std::string& line) {
  if (section == "node") return kNode + line;
  return kNode + "[" + std::string(section) + "]\n" + line;
}

TEST(InsightConfig, WhatIsLeftOutHasItsDefault) {
  const InsightConfig config = good(kNode);
  ASSERT_EQ(config.api.listen.size(), 1U);
  EXPECT_EQ(config.api.listen[0].text(), "127.0.0.1:8080");
  EXPECT_EQ(config.api.anonymous, AnonymousRole::reader);
  EXPECT_EQ(config.warehouse.url, "sqlite:/var/lib/shunt/insight.db");
  EXPECT_EQ(config.warehouse.max_bytes, 8ULL << 30U);
  EXPECT_EQ(config.warehouse.keep.second_s, 86'400);
  EXPECT_EQ(config.warehouse.keep.ten_seconds_s, 7 * 86'400);
  EXPECT_EQ(config.warehouse.keep.minute_s, 90 * 86'400);
  EXPECT_EQ(config.warehouse.keep.hour_s, 400 * 86'400);
  EXPECT_EQ(config.warehouse.keep.flows_s, 72 * 3'600);
  EXPECT_TRUE(config.hosts.enabled);
  EXPECT_EQ(config.hosts.port, 9'100);
  EXPECT_EQ(config.hosts.interval, milliseconds(5'000));
  EXPECT_EQ(config.hosts.cpu, 0.8);
  EXPECT_EQ(config.hosts.memory, 0.9);
  EXPECT_EQ(config.hosts.disk, 0.85);
  EXPECT_EQ(config.availability, 0.999);
  EXPECT_TRUE(config.detect);
  EXPECT_EQ(config.countries_dir, "/usr/share/tor");
  EXPECT_EQ(config.log_level, LogLevel::info);
  EXPECT_EQ(config.log_format, LogFormat::text);
  EXPECT_EQ(config.nodes[0].api.text(), "unix:/run/shunt/api.sock");
  EXPECT_EQ(config.nodes[0].records, "");
}

TEST(InsightConfig, EachSettingIsRead) {
  const InsightConfig config = good(R"(
[api]
listen = ["127.0.0.1:1", "[::1]:2", "unix:/run/i.sock"]
token_file = "/t"
anonymous = "operator"
tls_certificate = "/c"
tls_key = "/k"
audit_file = "/a"
page_dir = "/p"
[warehouse]
url = "postgresql://shunt@db/shunt"
max_bytes = "512MiB"
[warehouse.keep]
second = "1h"
ten_seconds = "2d"
minute = "3d"
hour = "4d"
flows = "5m"
[[node]]
name = "a"
api = "https://lb.example:9404"
records = "/r"
token_file = "/n"
ca_file = "/ca"
[[node]]
name = "b"
api = "192.0.2.1:9404"
[hosts]
enabled = false
port = 9200
interval = "2s"
cpu = 0.5
memory = 1
disk = 0.25
[slo]
availability = 0.99
[detect]
enabled = false
[countries]
dir = ""
[log]
level = "debug"
format = "json"
)");
  ASSERT_EQ(config.api.listen.size(), 3U);
  EXPECT_EQ(config.api.listen[1].text(), "[::1]:2");
  EXPECT_EQ(config.api.listen[2].text(), "unix:/run/i.sock");
  EXPECT_EQ(config.api.token_file, "/t");
  EXPECT_EQ(config.api.anonymous, AnonymousRole::operator_);
  EXPECT_EQ(config.api.tls_certificate + config.api.tls_key + config.api.audit_file + config.api.page_dir,
            "/c/k/a/p");
  EXPECT_EQ(config.warehouse.url, "postgresql://shunt@db/shunt");
  EXPECT_EQ(config.warehouse.max_bytes, 512ULL << 20U);
  EXPECT_EQ(config.warehouse.keep.second_s, 3'600);
  EXPECT_EQ(config.warehouse.keep.ten_seconds_s, 2 * 86'400);
  EXPECT_EQ(config.warehouse.keep.minute_s, 3 * 86'400);
  EXPECT_EQ(config.warehouse.keep.hour_s, 4 * 86'400);
  EXPECT_EQ(config.warehouse.keep.flows_s, 300);
  ASSERT_EQ(config.nodes.size(), 2U);
  EXPECT_EQ(config.nodes[0].api.text(), "https://lb.example:9404");
  EXPECT_EQ(config.nodes[0].records + config.nodes[0].token_file + config.nodes[0].ca_file, "/r/n/ca");
  EXPECT_EQ(config.nodes[1].name, "b");
  EXPECT_EQ(config.nodes[1].api.text(), "http://192.0.2.1:9404");
  EXPECT_FALSE(config.hosts.enabled);
  EXPECT_EQ(config.hosts.port, 9'200);
  EXPECT_EQ(config.hosts.interval, milliseconds(2'000));
  EXPECT_EQ(config.hosts.cpu + config.hosts.memory + config.hosts.disk, 1.75);
  EXPECT_EQ(config.availability, 0.99);
  EXPECT_FALSE(config.detect);
  EXPECT_EQ(config.countries_dir, "");
  EXPECT_EQ(config.log_level, LogLevel::debug);
  EXPECT_EQ(config.log_format, LogFormat::json);
}

TEST(InsightConfig, EveryRowIsReadAndRefusesAnotherType) {
  for (const SettingRow& row : setting_rows()) {
    const std::string line = std::string(row.key) + " = 1979-05-27\n";
    std::string text = document(row.section, line);
    if (row.section == "node" && row.default_text.empty())
      text = "[[node]]\n" + line + (row.key == "name" ? "api = \"lb:1\"" : "name = \"a\"");
    EXPECT_THAT(errors(text), ElementsAre(AllOf(HasSubstr("`" + std::string(row.key) + "` is "),
                                                HasSubstr(", not a date or time"))))
        << text;
  }
}

TEST(InsightConfig, EveryDefaultIsGood) {
  for (const SettingRow& row : setting_rows()) {
    if (row.default_text.empty()) continue;
    good(document(row.section, std::string(row.key) + " = " + std::string(row.default_text) + "\n"));
  }
}

struct Mistake {
  std::string text;
  std::string error;
};

TEST(InsightConfig, SaysWhatIsWrongAndWhere) {
  const std::vector<Mistake> mistakes = {
      {kNode + "[apy]\n", "f:4:2: there is no section `apy`; did you mean `api`?"},
      {kNode + "[api]\nlisen = []\n", "f:5:1: `lisen` is no setting of [api]; did you mean `listen`?"},
      {kNode + "colour = 1\n", "f:4:1: `colour` is no setting of [node]"},
      {kNode + "[warehouse]\nkeep = { seconds = \"1h\" }\n",
       "f:5:10: `seconds` is no setting of [warehouse.keep]; did you mean `second`?"},
      {kNode + "[warehouse]\nkeep = 1\n", "f:5:8: `keep` is a table: write keep = { second = \"24h\" }"},
      {"api = 1\n" + kNode, "f:1:1: `api` is a table: write [api]"},
      {"node = 1\n", "f:1:1: `node` is a list of tables: write [[node]]"},
      {"[node]\nname = \"a\"\n", "f:1:2: `node` is a list of tables: write [[node]]"},
      {"", "f: there is no [[node]]: nothing is watched"},
      {"[[node]]\nname = \"a\"\n", "f:1:1: [node] lacks `api`"},
      {"[[node]]\napi = \"lb:1\"\n", "f:1:1: [node] lacks `name`"},
      {kNode + kNode, "f:5:8: there is another node `lb1`, in line 2"},
      {"[[node]]\nname = \"a b\"\napi = \"lb:1\"\n",
       "f:2:8: `name` has 1 to 63 letters, digits and . _ - :, not `a b`"},
      {"[[node]]\nname = \"a\"\napi = \"lb\"\n",
       "f:3:7: `api` is unix:/PATH, HOST:PORT, http://HOST:PORT or https://HOST:PORT, not `lb`"},
      {"[[node]]\nname = \"a\"\napi = \"unix:run\"\n",
       "f:3:7: `api` is unix:/PATH, HOST:PORT, http://HOST:PORT or https://HOST:PORT, not `unix:run`"},
      {kNode + "records = \"run/records\"\n", "f:4:11: `records` is an absolute path, not `run/records`"},
      {kNode + "ca_file = \"/ca\"\n", "f:4:11: `ca_file` is of an `api` with https://"},
      {kNode + "token_file = \"/t\"\n", "f:4:14: `token_file` is of no use over a unix socket"},
      {kNode + "[api]\nlisten = [\"localhost:80\"]\n",
       "f:5:10: `listen`: `localhost:80`: is none of unix:/path, ADDRESS:PORT and [IPV6]:PORT"},
      {kNode + "[api]\nlisten = [\"[::1]:1\", \"[::1]:1\"]\n", "f:5:10: `listen` has `[::1]:1` twice"},
      {kNode + "[api]\nlisten = []\n", "f:5:10: `listen` has 1 to 16 addresses"},
      {kNode + "[api]\nlisten = [1]\n", "f:5:11: `listen` is a list of addresses in quotes, not a number"},
      {kNode + "[api]\nanonymous = \"admin\"\n",
       "f:5:13: `anonymous` is one of `none`, `reader`, `operator`, not `admin`"},
      {kNode + "[api]\ntls_key = \"/k\"\n", "f:5:11: `tls_certificate` and `tls_key` stand together"},
      {kNode + "[warehouse]\nurl = \"mysql://x\"\n",
       "f:5:7: `url` is sqlite:/PATH or postgresql://…, not `mysql://x`"},
      {kNode + "[warehouse]\nmax_bytes = \"8GB\"\n",
       "f:5:13: `max_bytes` is a size like \"512MiB\" or \"8GiB\", not `8GB`"},
      {kNode + "[warehouse]\nmax_bytes = 8\n",
       "f:5:13: `max_bytes` is a size like \"512MiB\" or \"8GiB\", not a number"},
      {kNode + "[warehouse]\nmax_bytes = \"1KiB\"\n", "f:5:13: `max_bytes` is less than this version takes"},
      {kNode + "[warehouse.keep]\nsecond = \"90\"\n",
       "f:5:10: `second` is an age like \"30m\", \"24h\" or \"90d\", not `90`"},
      {kNode + "[warehouse.keep]\nhour = \"99999d\"\n", "f:5:8: `hour` is more than this version takes"},
      {kNode + "[hosts]\ninterval = \"5\"\n",
       "f:5:12: `interval` is a duration like \"500ms\", \"5s\" or \"2m\", not `5`"},
      {kNode + "[hosts]\ninterval = \"5ms\"\n", "f:5:12: `interval` is less than this version takes"},
      {kNode + "[hosts]\nport = 65536\n", "f:5:8: `port` is a port from 1 to 65535, not a number"},
      {kNode + "[hosts]\nport = 1.5\n", "f:5:8: `port` is a port from 1 to 65535, not a number"},
      {kNode + "[hosts]\ncpu = 80\n", "f:5:7: `cpu` is a number from 0 to 1, not a number"},
      {kNode + "[hosts]\ncpu = true\n", "f:5:7: `cpu` is a number from 0 to 1, not true or false"},
      {kNode + "[slo]\navailability = 1.0\n", "f:5:16: `availability` leaves nothing over"},
      {kNode + "[log]\nlevel = \"warn\"\n",
       "f:5:9: `level` is one of `trace`, `debug`, `info`, `warning`, `error`, not `warn`; did you mean "
       "`warning`?"},
  };
  for (const Mistake& mistake : mistakes)
    EXPECT_THAT(errors(mistake.text), testing::Contains(mistake.error)) << mistake.text;
}

TEST(InsightConfig, TellsAllMistakesAtOnceByTheirPlace) {
  EXPECT_THAT(errors("[log]\nlevel = 1\n[hosts]\nport = \"x\"\ndisk = -1\n"),
              ElementsAre("f: there is no [[node]]: nothing is watched",
                          "f:2:9: `level` is a text in quotes, not a number",
                          "f:4:8: `port` is a port from 1 to 65535, not `x`",
                          "f:5:8: `disk` is a number from 0 to 1, not a number"));
}

TEST(InsightConfig, ASyntaxErrorAndARepeatedKeyEndTheReading) {
  EXPECT_THAT(errors("[api\n"), ElementsAre(HasSubstr("f:1:")));
  EXPECT_THAT(errors("[log]\nlevel = \"info\"\nlevel = \"info\"\n"), ElementsAre(HasSubstr("f:3:")));
  EXPECT_THAT(errors("[log]\n[log]\n"), ElementsAre(HasSubstr("f:2:")));
}

TEST(InsightConfig, MoreNodesThanThereMayBe) {
  std::string text;
  for (int i = 0; i < 65; ++i)
    text += "[[node]]\nname = \"n" + std::to_string(i) + "\"\napi = \"lb:1\"\n";
  EXPECT_THAT(errors(text), ElementsAre(HasSubstr("there are more than 64 nodes")));
}

TEST(InsightConfig, AFileThatIsNone) {
  EXPECT_THAT(load_config("/nowhere/i.toml").errors,
              ElementsAre("/nowhere/i.toml: No such file or directory"));
  EXPECT_THAT(load_config("/tmp").errors, ElementsAre("/tmp: is no file"));
}

TEST(InsightConfig, Units) {
  EXPECT_EQ(parse_size("3TiB"), 3ULL << 40U);
  EXPECT_EQ(parse_size("7B"), 7U);
  for (const char* text : {"", "1", "GiB", "1 GiB", "-1GiB", "1gib", "99999999999TiB", "1GiBx"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  EXPECT_EQ(parse_age("2d"), 172'800);
  for (const char* text : {"", "1", "d", "1w", "1.5h", "999999999999999999d"})
    EXPECT_EQ(parse_age(text), std::nullopt) << text;
}

TEST(InsightConfig, ThePageIsUpToDate) {
  const std::string path = SHUNT_SOURCE_ROOT "/docs/insight-configuration.md";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << config_page();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_TRUE(text.str() == config_page()) << path << " isn't what the rows make";
}

TEST(InsightConfig, TheExampleIsGood) {
  const ReadConfig read = load_config(SHUNT_SOURCE_ROOT "/configs/insight.toml");
  EXPECT_THAT(read.errors, IsEmpty());
  ASSERT_EQ(read.config.nodes.size(), 1U);
  EXPECT_EQ(read.config.nodes[0].api.text(), "unix:/run/shunt-demo/run/api.sock");
}

}  // namespace
}  // namespace shunt::insight
