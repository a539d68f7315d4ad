// Changes by the API and shuntctl: a real reconciler behind a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/api_harness.h"
#include "tests/unit/ctl_harness.h"
#include "tests/unit/desired_bed.h"

namespace shunt {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

class Changes : public testing::Test {
 protected:
  void SetUp() override {
    server.on_control_thread([&] { server.status.change_control = bed.reconciler.get(); });
  }
  CtlRun ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--api", server.unix_address()});
    return shuntctl(arguments);
  }
  RawAnswer send(const std::string& method, const std::string& target, const std::string& body = {}) {
    RawClient client(server.unix_address());
    client.send(request_text(method, target, "Content-Length: " + std::to_string(body.size()) + "\r\n") +
                body);
    return client.read_answer();
  }

  DesiredBed bed;
  ServerOnThread server;
};

TEST_F(Changes, DrainAndBack) {
  const CtlRun drained = ctl({"drain", "web/web-1", "web/web-2"});
  EXPECT_EQ(drained.exit_code, kExitOk) << drained.err;
  EXPECT_EQ(drained.out, "generation 2: 1 backend changed\ngeneration 3: 1 backend changed\n");
  EXPECT_EQ(bed.backend("web", "web-2").admin, AdminState::draining);
  const CtlRun listed = ctl({"edits"});
  EXPECT_THAT(listed.out, HasSubstr("web/web-1  admin  draining  enabled"));
  EXPECT_EQ(ctl({"undrain", "web/web-1", "web/web-2"}).exit_code, kExitOk);
  EXPECT_EQ(ctl({"edits"}).out, "no edits: the file's values are used\n");
  EXPECT_EQ(ctl({"disable", "web/web-1"}).exit_code, kExitOk);
  EXPECT_EQ(bed.backend("web", "web-1").admin, AdminState::disabled);
  EXPECT_EQ(ctl({"enable", "web/web-1"}).exit_code, kExitOk);
  EXPECT_EQ(bed.backend("web", "web-1").admin, AdminState::enabled);
}

TEST_F(Changes, AWeightIsSavedOrForgotten) {
  EXPECT_EQ(ctl({"weight", "web/web-1", "5"}).exit_code, kExitOk);
  const CtlRun diff = ctl({"diff"});
  EXPECT_THAT(diff.out, HasSubstr("nothing changes; flows: 0 kept until they end or are drained, 0 cut"));
  EXPECT_THAT(diff.out, HasSubstr("web/web-1  weight  5      1"));
  const CtlRun saved = ctl({"save"});
  EXPECT_EQ(saved.exit_code, kExitOk) << saved.err;
  EXPECT_THAT(saved.out, HasSubstr("has 1 new weight"));
  EXPECT_EQ(ctl({"weight", "web/web-1", "9"}).exit_code, kExitOk);
  EXPECT_EQ(ctl({"forget", "web/web-1"}).exit_code, kExitOk);
  EXPECT_EQ(bed.backend("web", "web-1").weight, 5);
  const CtlRun nothing = ctl({"forget", "web/web-1"});
  EXPECT_EQ(nothing.exit_code, kExitFailed);
  EXPECT_THAT(nothing.err, HasSubstr("there is no edit of web/web-1"));
}

TEST_F(Changes, ApplyDiffRollbackHistory) {
  const std::string file = bed.folder + "/new.toml";
  std::ofstream(file) << replaced(std::string(kDesiredText), "10.0.0.12", "10.0.0.22");
  const CtlRun diff = ctl({"diff", file});
  EXPECT_EQ(diff.exit_code, kExitOk) << diff.err;
  EXPECT_THAT(diff.out, HasSubstr("backend web/web-2: added\nbackend web/web-2: removed\npool web: "));
  EXPECT_EQ(bed.generation, 1U);
  const CtlRun applied = ctl({"apply", file});
  EXPECT_THAT(applied.out, testing::StartsWith("generation 2: 1 backend added, 1 backend removed\n"));
  EXPECT_THAT(ctl({"edits"}).out, HasSubstr("it runs instead of the configuration file"));
  EXPECT_EQ(ctl({"rollback", "1"}).exit_code, kExitOk);
  EXPECT_EQ(bed.backend("web", "web-2").address.text(), "10.0.0.12");
  const CtlRun history = ctl({"history"});
  EXPECT_THAT(history.out, HasSubstr("rollback to 1"));
  EXPECT_THAT(history.out, HasSubstr("apply " + file));
  EXPECT_THAT(history.out, HasSubstr("root")) << "who asked, by the socket";
  const CtlRun unknown = ctl({"rollback", "99"});
  EXPECT_EQ(unknown.exit_code, kExitFailed);
  EXPECT_THAT(unknown.err, HasSubstr("generation 99 isn't kept; there are 1 to 3"));
}

TEST_F(Changes, ABadFileIsRefusedWithPlaces) {
  const std::string file = bed.folder + "/bad.toml";
  std::ofstream(file) << "[[port]]\nnam = 1\n";
  for (const char* verb : {"diff", "apply"}) {
    const CtlRun refused = ctl({verb, file});
    EXPECT_EQ(refused.exit_code, kExitBadConfiguration);
    EXPECT_THAT(refused.err, HasSubstr(file + ":2:1: error:"));
  }
  EXPECT_EQ(ctl({"apply", bed.folder + "/none.toml"}).exit_code, kExitFailed);
  EXPECT_EQ(bed.generation, 1U);
}

TEST_F(Changes, TheCommandLineIsChecked) {
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"drain"},
                                             {"drain", "web"},
                                             {"drain", "web/web-1/x"},
                                             {"drain", "web/web-1", "we b/x"},
                                             {"weight", "web/web-1"},
                                             {"weight", "web/web-1", "65536"},
                                             {"weight", "web/web-1", "-1"},
                                             {"weight", "web/web-1", "five"},
                                             {"forget"},
                                             {"forget", "web/web-1", "--all"},
                                             {"rollback", "x"}})
    EXPECT_EQ(ctl(wrong).exit_code, kExitUsage) << wrong.back();
  EXPECT_EQ(bed.generation, 1U);
  EXPECT_EQ(ctl({"drain", "web/none"}).exit_code, kExitFailed);
}

TEST_F(Changes, AnswersAreJsonOnDemand) {
  ctl({"weight", "web/web-1", "5"});
  const json edits = json::parse(ctl({"edits", "--json"}).out);
  EXPECT_EQ(edits.at("edits").at(0).at("value"), 5);
  EXPECT_EQ(edits.at("edits").at(0).at("replaced"), 1);
  const json diff = json::parse(ctl({"diff", "--json"}).out);
  EXPECT_EQ(diff.at("changes"), json::array());
  EXPECT_EQ(diff.at("edits").size(), 1U);
  const json history = json::parse(ctl({"history", "--json"}).out);
  EXPECT_EQ(history.at("generations").at(0).at("why"), "weight web/web-1 5");
  EXPECT_TRUE(history.at("generations").at(0).at("can_roll_back"));
}

TEST_F(Changes, BodiesAreChecked) {
  const std::string backend = "/api/v1/pools/web/backends/web-1";
  for (const char* body : {"", "5", "{}", "{\"weight\": -1}", "{\"weight\": 65536}", "{\"weight\": 1.5}",
                           "{\"weight\": \"5\"}", "{\"weight\": 5, \"x\": 1}", "[", "{\"wieght\": 5}"})
    EXPECT_EQ(send("PATCH", backend, body).status, 400U) << body;
  EXPECT_EQ(send("PATCH", backend, "{\"weight\": 5}").status, 200U);
  EXPECT_EQ(send("PATCH", "/api/v1/pools/web/backends/none", "{\"weight\": 5}").status, 404U);
  EXPECT_EQ(send("POST", "/api/v1/apply").status, 400U);
  EXPECT_EQ(send("POST", "/api/v1/rollback", "{\"generation\": \"1\"}").status, 400U);
  EXPECT_EQ(send("GET", backend + "/drain").status, 405U);
  EXPECT_EQ(send("GET", backend + "/drain").fields.at("allow"), "POST");
  EXPECT_EQ(send("PUT", "/api/v1/edits").fields.at("allow"), "DELETE, GET, HEAD");
  EXPECT_EQ(send("POST", backend + "/dance").status, 404U);
  EXPECT_EQ(send("DELETE", "/api/v1/edits/web/web-1").status, 200U);
  const RawAnswer large = send("POST", "/api/v1/diff", std::string(200'000, '#'));
  EXPECT_EQ(large.status, 422U) << "a whole configuration fits: " << large.body;
}

TEST_F(Changes, OnlyTheUnixSocketChangesAnything) {
  EXPECT_EQ(ask(server.tcp_address(), "POST", "/api/v1/pools/web/backends/web-1/drain").status, 403U);
  EXPECT_EQ(ask(server.tcp_address(), "DELETE", "/api/v1/edits").status, 403U);
  EXPECT_EQ(ask(server.tcp_address(), "GET", "/api/v1/history").status, 200U);
  EXPECT_EQ(bed.generation, 1U);
}

TEST_F(Changes, WithoutAReconcilerThereIsNothingToChange) {
  server.on_control_thread([&] { server.status.change_control = nullptr; });
  EXPECT_EQ(send("GET", "/api/v1/history").status, 503U);
}

}  // namespace
}  // namespace shunt
