// shuntctl's events, top and token, and its ways to a shuntd far away: TLS and tokens.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "control/ctl_client.h"
#include "control/ctl_live.h"
#include "control/ctl_target.h"
#include "http/api_tokens.h"
#include "tests/unit/api_harness.h"
#include "tests/unit/ctl_harness.h"
#include "tests/unit/test_certificate.h"

namespace shunt {
namespace {

using Json = nlohmann::json;

TEST(CtlTarget, ReadsEveryForm) {
  for (const char* text : {"unix:/run/x", "127.0.0.1:80", "[::1]:80", "https://127.0.0.1:8443",
                           "https://lb1.example:1", "https://[2001:db8::1]:8443"}) {
    const auto target = CtlTarget::parse(text);
    ASSERT_TRUE(target.ok()) << text;
    EXPECT_EQ(target.value().text(), text);
  }
  EXPECT_EQ(CtlTarget::parse("http://lb1:8080/").value().text(), "lb1:8080");
  EXPECT_TRUE(CtlTarget::parse("https://lb1:8080/").value().tls);
  for (const char* text :
       {"", "https://", "https://lb1", "https://lb1:", "https://lb1:99999", "https://a b:1", "lb1:8080",
        "https://:80", "https://unix:/run/x", "ftp://lb1:21"}) {
    EXPECT_FALSE(CtlTarget::parse(text).ok()) << text;
  }
}

class CtlLive : public ::testing::Test {
 protected:
  static CtlGet answers(std::vector<std::string> bodies, std::vector<std::string>& asked) {
    return [bodies = std::move(bodies), &asked, next = size_t{0}](const std::string& path,
                                                                  std::string& body) mutable {
      asked.push_back(path);
      if (next == bodies.size()) return kExitUnreachable;
      body = bodies[next++];
      return kExitOk;
    };
  }
  static LiveWish quick(bool follow) {
    LiveWish wish;
    wish.follow = follow;
    wish.pause = std::chrono::milliseconds(0);
    return wish;
  }

  std::ostringstream out, err;
  CtlIo io{out, err, false, kFakeStart};
  std::vector<std::string> asked;
};

std::string events_text(uint64_t first, uint64_t count, uint64_t missed = 0) {
  Json json = {{"newest", first + count - 1}, {"missed", missed}, {"events", Json::array()}};
  for (uint64_t i = first; i < first + count; ++i) {
    json["events"].push_back({{"number", i},
                              {"at", "2025-01-31T12:00:00.000Z"},
                              {"kind", "backend.up"},
                              {"subject", "web/a"},
                              {"text", std::to_string(i)}});
  }
  return json.dump();
}

TEST_F(CtlLive, FollowsEventsAndSaysWhatItMissed) {
  const auto asker =
      answers({events_text(1, 2), events_text(3, 0), events_text(9, 1, 6), events_text(1, 1)}, asked);
  EXPECT_EQ(show_events(asker, quick(true), io), kExitUnreachable);
  EXPECT_EQ(out.str(),
            "2025-01-31T12:00:00.000Z  backend.up  web/a  1\n2025-01-31T12:00:00.000Z  backend.up  web/a  2\n"
            "(6 missed)\n2025-01-31T12:00:00.000Z  backend.up  web/a  9\n"
            "2025-01-31T12:00:00.000Z  backend.up  web/a  1\n");
  ASSERT_EQ(asked.size(), 5U);
  EXPECT_EQ(asked[0], "/api/v1/events?limit=40");
  EXPECT_EQ(asked[1], "/api/v1/events?limit=1000&after=2");
  EXPECT_EQ(asked[3], "/api/v1/events?limit=1000&after=9");
}

TEST_F(CtlLive, AfterARestartEventsBeginAnew) {
  const auto asker = answers({events_text(50, 1), events_text(3, 0), events_text(1, 2)}, asked);
  EXPECT_EQ(show_events(asker, quick(true), io), kExitUnreachable);
  EXPECT_EQ(asked[2], "/api/v1/events?limit=1000&after=0");
}

TEST_F(CtlLive, WhatIsNotUnderstoodIsSaid) {
  EXPECT_EQ(show_events(answers({"{}"}, asked), quick(true), io), kExitFailed);
  EXPECT_EQ(show_top(answers({"[]"}, asked), quick(false), io), kExitFailed);
  EXPECT_NE(err.str().find("of one version"), std::string::npos);
}

TEST(Ctl, EventsAndTopOfARealServer) {
  ApiLimits limits;
  limits.figures = std::chrono::milliseconds(20);
  ServerOnThread server(limits);
  server.on_control_thread([&] { server.events.add("backend.down", "web/b", "refused\033[2J"); });
  const CtlRun events = shuntctl({"--api", server.unix_address(), "events"});
  EXPECT_EQ(events.exit_code, 0);
  EXPECT_NE(events.out.find("backend.down  web/b  refused?[2J\n"), std::string::npos) << events.out;
  const CtlRun json = shuntctl({"--api", server.unix_address(), "events", "--json"});
  EXPECT_EQ(Json::parse(json.out)["events"][0]["subject"], "web/b");
  const CtlRun top = shuntctl({"--api", server.unix_address(), "top", "--once"});
  EXPECT_EQ(top.exit_code, 0) << top.err;
  EXPECT_NE(top.out.find("SERVICE  BACKEND  STATE  PACKETS/S"), std::string::npos) << top.out;
  EXPECT_NE(top.out.find("CPU 1: 12.3% busy"), std::string::npos) << top.out;
  EXPECT_EQ(top.out.find('\033'), std::string::npos);
  EXPECT_TRUE(
      Json::parse(shuntctl({"--api", server.unix_address(), "top", "--once", "--json"}).out).is_object());
  EXPECT_EQ(shuntctl({"--api", "unix:/nonexistent/x", "top", "--once"}).exit_code, kExitUnreachable);
}

TEST(Ctl, TokensAreMadeWithoutADaemon) {
  const CtlRun made = shuntctl({"token", "ci", "--role", "operator", "--expires", "30d", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Json json = Json::parse(made.out);
  const auto tokens = parse_tokens("f", json["line"].get<std::string>());
  ASSERT_TRUE(tokens.ok());
  const ApiToken& token = tokens.value().at(0);
  EXPECT_TRUE(verify_token(json["token"].get<std::string>(), token.hash));
  EXPECT_EQ(token.role, ApiRole::operator_);
  EXPECT_EQ(token.expires, kFakeStart + std::chrono::minutes(12) + std::chrono::hours(30 * 24));
  const CtlRun words = shuntctl({"token", "ci", "--role", "reader"});
  EXPECT_NE(words.out.find("\n  ci reader scrypt$14$8$1$"), std::string::npos) << words.out;
  for (const auto& bad : std::vector<std::vector<std::string>>{
           {"token", "ci"},
           {"token", "ci", "--role", "root"},
           {"token", "c.i", "--role", "reader"},
           {"token", "ci", "--role", "reader", "--expires", "x"},
           {"token", "ci", "--role", "reader", "--expires", "0d"},
           {"token", "ci", "--role", "reader", "--expires", "99999999999999d"},
           {"token", "ci", "--role", "reader", "--expires", "2001-01-01T00:00:00Z"}}) {
    EXPECT_EQ(shuntctl(bad).exit_code, kExitUsage) << bad.back();
  }
}

class CtlFarAway : public ::testing::Test {
 protected:
  CtlFarAway() : certificate(folder.path()) {
    const NewToken made = make_token("ops", ApiRole::operator_, std::nullopt).take();
    write("tokens", made.line + "\n");
    write("token", "\n " + made.token + " \n");
    write("wrong", "ops.wrong\n");
    ApiSettings settings;
    settings.token_file = folder.path() + "/tokens";
    settings.tls_certificate = certificate.certificate();
    settings.tls_key = certificate.key();
    server = std::make_unique<ServerOnThread>(ApiLimits{}, settings);
    https = "https://" + server->tcp_address();
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name) << text;
    chmod((folder.path() + "/" + name).c_str(), 0600);
  }
  CtlRun run(const std::string& token, std::vector<std::string> words) {
    words.insert(words.begin(), {"--api", https, "--ca", certificate.certificate()});
    if (!token.empty()) words.insert(words.begin(), {"--token-file", folder.path() + "/" + token});
    return shuntctl(words);
  }

  TemporaryFolder folder;
  TestCertificate certificate;
  std::unique_ptr<ServerOnThread> server;
  std::string https;
};

TEST_F(CtlFarAway, OverTlsWithAToken) {
  EXPECT_EQ(run("token", {"status"}).exit_code, 0) << run("token", {"status"}).err;
  EXPECT_EQ(run("token", {"reload"}).exit_code, 0);
  server->on_control_thread([&] { EXPECT_EQ(server->status.reloads, 1); });
  const CtlRun nobody = run("", {"status"});
  EXPECT_EQ(nobody.exit_code, kExitFailed);
  EXPECT_NE(nobody.err.find("needs a token"), std::string::npos) << nobody.err;
  EXPECT_EQ(run("wrong", {"status"}).exit_code, kExitFailed);
  EXPECT_EQ(run("missing", {"status"}).exit_code, kExitUsage);
  // The unix socket stays plain, and takes no token.
  EXPECT_EQ(shuntctl({"--api", server->unix_address(), "status"}).exit_code, 0);
}

TEST_F(CtlFarAway, NamesAreLookedUpAndChecked) {
  const std::string port = server->tcp_address().substr(server->tcp_address().rfind(':'));
  https = "https://localhost" + port;
  EXPECT_EQ(run("token", {"drops"}).exit_code, 0) << run("token", {"drops"}).err;
}

// A name may have several addresses, of which shuntd listens at one.
TEST_F(CtlFarAway, EveryAddressOfANameIsTried) {
  https = "https://localhost" + server->tcp_address().substr(server->tcp_address().rfind(':'));
  write("hosts", "::1 localhost\n127.0.0.1 localhost\n");
  chmod((folder.path() + "/hosts").c_str(), 0644);
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount((folder.path() + "/hosts").c_str(), "/etc/hosts", "", MS_BIND, nullptr) != 0)
      _exit(77);
    _exit(run("token", {"drops"}).exit_code);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "/etc/hosts can be replaced by root only";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(CtlFarAway, ACertificateOfSomebodyElseIsRefused) {
  const CtlRun unknown = shuntctl({"--api", https, "status"});
  EXPECT_EQ(unknown.exit_code, kExitUnreachable);
  EXPECT_NE(unknown.err.find("certificate"), std::string::npos) << unknown.err;
  EXPECT_EQ(shuntctl({"--api", https, "--ca", "/nonexistent", "status"}).exit_code, kExitUnreachable);
}

TEST_F(CtlFarAway, PlainHttpIsNotAnswered) {
  EXPECT_EQ(ask(server->tcp_address(), "GET", "/healthz").status, 0U);
  EXPECT_EQ(ask(server->unix_address(), "GET", "/healthz").status, 200U);
}

TEST_F(CtlFarAway, WhatCantBePreparedChangesNothing) {
  ApiSettings settings;
  settings.tls_certificate = certificate.certificate();
  for (const std::string& key : {std::string("/nonexistent"), certificate.certificate()}) {
    settings.tls_key = key;
    server->on_control_thread([&] { EXPECT_FALSE(server->server().prepare(settings).ok()) << key; });
  }
  settings = {};
  settings.token_file = "/nonexistent";
  server->on_control_thread([&] { EXPECT_FALSE(server->server().prepare(settings).ok()); });
  settings = {};
  settings.audit_file = "/nonexistent/audit";
  server->on_control_thread([&] { EXPECT_FALSE(server->server().prepare(settings).ok()); });
  EXPECT_EQ(run("token", {"status"}).exit_code, 0);
}

}  // namespace
}  // namespace shunt
