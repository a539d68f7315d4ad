// `shuntctl check` and --config on real files.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/api_harness.h"
#include "tests/unit/ctl_harness.h"

namespace shunt {
namespace {

constexpr const char* kGood = R"(
[dataplane]
workers = [0]
[[port]]
name = "net0"
device = "tap:shunt-net0"
host_interface = "shunt0"
addresses = ["10.0.0.2/24"]
[[pool]]
name = "web"
health = { type = "tcp", port = 80 }
[[pool.backend]]
name = "a"
address = "10.0.0.11"
[[pool.backend]]
name = "b"
address = "10.0.0.12"
[[service]]
name = "web"
address = "10.0.0.100"
port = 80
protocol = "tcp"
pool = "web"
forward = "l2"
)";

class CtlCheck : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = folder.path() + "/lb.toml";
    std::ofstream(path) << text;
    return path;
  }

  TemporaryFolder folder;
};

TEST_F(CtlCheck, CountsWhatAGoodFileHolds) {
  const std::string path = write(kGood);
  const CtlRun got = shuntctl({"check", path});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, path + ": ok: 1 service, 1 pool, 2 backends, 1 port\n");
}

TEST_F(CtlCheck, PrintsEveryErrorWithItsPlace) {
  const std::string path = write(std::string(kGood) + "forwards = \"l2\"\n[nodes]\nname = \"x\"\n");
  const CtlRun got = shuntctl({"check", path});
  EXPECT_EQ(got.exit_code, 78);
  EXPECT_EQ(got.out, "");
  EXPECT_NE(got.err.find(path + ":25:1: error: "), std::string::npos) << got.err;
  EXPECT_NE(got.err.find(path + ":26:2: error: "), std::string::npos) << got.err;
  EXPECT_NE(got.err.find(path + ": 2 errors\n"), std::string::npos) << got.err;
}

TEST_F(CtlCheck, JsonHoldsTheSame) {
  const std::string path = write(std::string(kGood) + "forwards = \"l2\"\n");
  const CtlRun got = shuntctl({"check", "--json", path});
  EXPECT_EQ(got.exit_code, 78);
  const auto json = nlohmann::json::parse(got.out);
  EXPECT_EQ(json["ok"], false);
  ASSERT_EQ(json["errors"].size(), 1U);
  EXPECT_EQ(json["errors"][0]["file"], path);
  EXPECT_EQ(json["errors"][0]["line"], 25);
  EXPECT_EQ(json["errors"][0]["column"], 1);
  EXPECT_EQ(json["errors"][0]["id"], "unknown_key");
  const CtlRun good = shuntctl({"check", "--json", write(kGood)});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(good.out)["ok"], true);
}

TEST_F(CtlCheck, AMissingFileIsAnError) {
  const CtlRun got = shuntctl({"check", folder.path() + "/missing.toml"});
  EXPECT_EQ(got.exit_code, 78);
  EXPECT_NE(got.err.find("missing.toml"), std::string::npos);
}

TEST_F(CtlCheck, TheFileNamesTheSocket) {
  const ServerOnThread server;
  const std::string listen = "[api]\nlisten = [\"127.0.0.1:1\", \"" + server.unix_address() + "\"]\n";
  setenv("SHUNT_API", "unix:/nonexistent/api.sock", 1);
  const CtlRun got = shuntctl({"--config", write(kGood + listen), "drops", "--json"});
  unsetenv("SHUNT_API");
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(nlohmann::json::parse(got.out)["received"], 3'000'010);
}

TEST_F(CtlCheck, ABadFileNamesNoSocket) {
  const CtlRun got = shuntctl({"--config", write("[api]\nlisten = 7\n"), "drops"});
  EXPECT_EQ(got.exit_code, 78);
  EXPECT_NE(got.err.find("lb.toml:2:"), std::string::npos) << got.err;
}

}  // namespace
}  // namespace shunt
