// What looks into the data plane, over the API and by shuntctl, from a fake node.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/api_harness.h"
#include "tests/unit/ctl_harness.h"

namespace shunt {
namespace {

using Json = nlohmann::json;

class Views : public testing::Test {
 protected:
  CtlRun run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--api", server.unix_address()});
    return shuntctl(arguments);
  }
  ConnectionQuestion asked() {
    ConnectionQuestion question;
    server.on_control_thread([&] { question = server.status.asked_connections; });
    return question;
  }
  ServerOnThread server;
};

TEST_F(Views, ConnectionsForPeople) {
  const CtlRun got = run({"flows", "--live"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, R"(CLIENT           SERVICE  POOL   BACKEND  STATE          IDLE  SYN AGAIN  WORKER
192.0.2.7:40001  web      web    a        established  3.00 s          .       0
-                dns      names  -        syn (waits)  250 ms          2       1
)");
  server.on_control_thread([&] { server.status.connection_page = {}; });
  EXPECT_EQ(run({"flows", "--live"}).out, "no such flow is known now\n");
}

TEST_F(Views, ConnectionsAreAskedForByFilters) {
  EXPECT_EQ(run({"flows", "--live", "web", "--client", "192.0.2.0/24", "--backend", "web/a", "--state", "syn",
                 "--worker", "3", "--limit", "7"})
                .exit_code,
            0);
  const ConnectionQuestion question = asked();
  EXPECT_EQ(question.service, "web");
  EXPECT_EQ(question.backend, "web/a");
  EXPECT_EQ(question.state, "syn");
  EXPECT_EQ(question.client, Prefix::parse("192.0.2.0/24"));
  EXPECT_EQ(question.worker, 3U);
  EXPECT_EQ(question.limit, 7U);
  EXPECT_EQ(question.from, 0U);
}

// More pages than one are asked for until there are enough, and no more.
TEST_F(Views, PagesAreReadOneBehindTheOther) {
  server.on_control_thread([&] { server.status.connection_page.next = 131'072; });
  const Json three = Json::parse(run({"flows", "--live", "--limit", "2", "--json"}).out);
  EXPECT_EQ(three["connections"].size(), 2U);
  EXPECT_EQ(three["more"], true);
  EXPECT_EQ(asked().from, 0U);
  const CtlRun endless = run({"flows", "--live", "--limit", "9"});
  EXPECT_EQ(endless.exit_code, 1);
  EXPECT_NE(endless.err.find("the pages don't end"), std::string::npos) << endless.err;
  EXPECT_EQ(asked().from, 131'072U);
}

TEST_F(Views, WrongFiltersAreRefused) {
  for (const char* query : {"?limit=0", "?limit=2001", "?client=192.0.2", "?client=", "?state=open",
                            "?worker=-1", "?worker=1024", "?from=x", "?from=9007199254740992"}) {
    const RawAnswer answer = ask(server.unix_address(), "GET", std::string("/api/v1/connections") + query);
    EXPECT_EQ(answer.status, 400U) << query;
  }
  EXPECT_EQ(ask(server.unix_address(), "GET", "/api/v1/connections?service=wbe").status, 404U);
  EXPECT_EQ(run({"flows", "--client", "192.0.2.1"}).exit_code, 2);  // of --live only
  EXPECT_EQ(run({"flows", "--live", "--failed"}).exit_code, 2);
}

}  // namespace
}  // namespace shunt
