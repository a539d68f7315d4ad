// What looks into the data plane, over the API and by shuntctl, from a fake node.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "stats/drop_reason.h"
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

TEST_F(Views, TraceForPeople) {
  const CtlRun got = run({"trace", "192.0.2.7:40001", "198.51.100.10:80"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, "The SYN goes to web/a\n  comes in by port net0\n  slot 17 of 65537 is web/b's\n");
  server.on_control_thread([&] {
    TraceReport& trace = server.status.trace_report;
    trace.end = "dropped";
    trace.drop = "no_backend";
    trace.packet = "datagram";
    trace.backend.clear();
    trace.way.reset();
  });
  const CtlRun dropped = run({"trace", "[2001:db8::7]:53", "[2001:db8::1]:53", "udp"});
  EXPECT_EQ(dropped.out.substr(0, dropped.out.find('\n')), "The datagram is dropped: no_backend");
  EXPECT_NE(dropped.out.find("no_backend: the service has no backend to choose\n  All of its pool are down"),
            std::string::npos)
      << dropped.out;
  TraceQuestion question;
  server.on_control_thread([&] { question = server.status.asked_trace; });
  EXPECT_EQ(question.client.text(), "2001:db8::7");
  EXPECT_EQ(question.client_port, 53);
  EXPECT_EQ(question.address.text(), "2001:db8::1");
  EXPECT_TRUE(question.udp);
}

TEST_F(Views, TraceInJson) {
  const Json trace = Json::parse(run({"trace", "192.0.2.7:40001", "198.51.100.10:80", "--json"}).out);
  EXPECT_EQ(trace["backend"], "a");
  EXPECT_EQ(trace["drop"], nullptr);
  EXPECT_EQ(trace["known"], nullptr);
  EXPECT_EQ(trace["choice"]["owner"], "web/b");
  EXPECT_EQ(trace["choice"]["probe"], 2);
  EXPECT_EQ(trace["way"]["destination_mac"], "02:00:00:00:00:11");
  EXPECT_EQ(trace["way"]["longest"], 1480);
}

TEST_F(Views, WrongTracesAreRefused) {
  for (const char* query : {"", "?client=192.0.2.7:1", "?client=192.0.2.7&to=198.51.100.10:80",
                            "?client=192.0.2.7:1&to=198.51.100.10", "?client=192.0.2.7:0&to=198.51.100.10:80",
                            "?client=unix:/x&to=198.51.100.10:80", "?client=192.0.2.7:1&to=[2001:db8::1]:80",
                            "?client=192.0.2.7:1&to=198.51.100.10:80&protocol=sctp"}) {
    EXPECT_EQ(ask(server.unix_address(), "GET", std::string("/api/v1/trace") + query).status, 400U) << query;
  }
  EXPECT_EQ(run({"trace", "192.0.2.7:1", "198.51.100.10:80", "sctp"}).exit_code, 2);
  EXPECT_EQ(run({"trace", "192.0.2.7", "198.51.100.10:80"}).exit_code, 1);
}

// A capture's parts come as they are made, in one stream; the same to a file.
TEST_F(Views, CapturesAreStreams) {
  server.on_control_thread([&] {
    server.status.capture_parts = {"one,", "", std::string(300'000, 'x'), ",end"};
    server.events.add("backend.up", "web/a", "");
  });
  const std::string whole = "one," + std::string(300'000, 'x') + ",end";
  for (const std::string& address : {server.unix_address(), server.unix_address()}) {
    RawAnswer answer = ask(address, "POST", "/api/v1/capture?service=web");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.fields["content-type"], "application/x-pcapng");
    EXPECT_EQ(answer.body, whole);
  }
  EXPECT_EQ(run({"capture", "web", "--drop", "ttl,no_backend", "--client", "192.0.2.0/24", "--backend", "a",
                 "--count", "7", "--seconds", "8", "--snap", "99"})
                .out,
            whole);
  CaptureQuestion question;
  server.on_control_thread([&] { question = server.status.asked_capture; });
  EXPECT_EQ(question.service, "web");
  EXPECT_EQ(question.backend, "a");
  EXPECT_EQ(question.client, Prefix::parse("192.0.2.0/24"));
  EXPECT_EQ(question.reasons, uint64_t{1} << static_cast<unsigned>(DropReason::ttl) |
                                  uint64_t{1} << static_cast<unsigned>(DropReason::no_backend));
  EXPECT_EQ(question.packets, 7U);
  EXPECT_EQ(question.time, std::chrono::seconds(8));
  EXPECT_EQ(question.snap_bytes, 99U);
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/drops.pcapng";
  const CtlRun written = run({"capture", "-w", file});
  EXPECT_EQ(written.out, file + ": 300 kB\n");
  std::ostringstream read;
  read << std::ifstream(file, std::ios::binary).rdbuf();
  EXPECT_EQ(read.str(), whole);
}

// Whoever goes away ends it, also while nothing comes.
TEST_F(Views, ACaptureEndsWithItsReader) {
  server.on_control_thread([&] {
    server.status.capture_parts = {"head"};
    server.status.capture_goes_on = true;
  });
  {
    RawClient client(server.unix_address());
    client.send(request_text("POST", "/api/v1/capture"));
    EXPECT_EQ(client.read_answer(true).status, 200U);
  }
  int ended = 0;
  for (int i = 0; i < 500 && ended == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    server.on_control_thread([&] { ended = server.status.captures_ended; });
  }
  EXPECT_EQ(ended, 1);
}

TEST_F(Views, WrongCapturesAreRefused) {
  for (const char* query : {"?drop=", "?drop=nothing", "?drop=ttl,transmit_full", "?count=0",
                            "?count=1000001", "?seconds=3601", "?snap=63", "?snap=2049", "?client=here"}) {
    RawAnswer answer = ask(server.unix_address(), "POST", std::string("/api/v1/capture") + query);
    EXPECT_EQ(answer.status, 400U) << query << answer.body;
  }
  EXPECT_EQ(ask(server.unix_address(), "POST", "/api/v1/capture?service=wbe").status, 404U);
  server.on_control_thread([&] { server.status.capture_refusal = "another capture runs"; });
  EXPECT_EQ(ask(server.unix_address(), "POST", "/api/v1/capture").status, 409U);
  const CtlRun got = run({"capture"});
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_NE(got.err.find("another capture runs"), std::string::npos) << got.err;
  EXPECT_EQ(ask(server.tcp_address(), "POST", "/api/v1/capture").status, 403U) << "a reader";
}

}  // namespace
}  // namespace shunt
