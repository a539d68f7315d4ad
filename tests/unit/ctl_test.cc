// shuntctl against a real API server with a fake node behind it: what it prints, and how it ends.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "control/ctl_client.h"
#include "control/ctl_format.h"
#include "control/ctl_table.h"
#include "http/api_listen.h"
#include "stats/drop_reason.h"
#include "stats/drop_words.h"
#include "tests/unit/api_harness.h"
#include "tests/unit/ctl_harness.h"

namespace shunt {
namespace {

TEST(CtlFormat, NumbersAndSpans) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(std::numeric_limits<uint64_t>::max()), "18,446,744,073,709,551,615");
  EXPECT_EQ(grouped_signed(-1'234), "-1,234");
  EXPECT_EQ(grouped_signed(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(si_bytes(0), "0 B");
  EXPECT_EQ(si_bytes(999), "999 B");
  EXPECT_EQ(si_bytes(1'000), "1.00 kB");
  EXPECT_EQ(si_bytes(9'994), "9.99 kB");
  EXPECT_EQ(si_bytes(9'996), "10.0 kB");
  EXPECT_EQ(si_bytes(99'960), "100 kB");
  EXPECT_EQ(si_bytes(999'499), "999 kB");
  EXPECT_EQ(si_bytes(999'500), "1.00 MB");
  EXPECT_EQ(si_bytes(std::numeric_limits<uint64_t>::max()), "18.4 EB");
  EXPECT_EQ(percent(0.1234), "12.3%");
  EXPECT_EQ(percent(1), "100.0%");
  for (const auto& [seconds, text] : std::vector<std::pair<double, std::string>>{{0, "0 µs"},
                                                                                 {0.00000125, "1.25 µs"},
                                                                                 {0.000340, "340 µs"},
                                                                                 {0.0009994, "999 µs"},
                                                                                 {0.0009996, "1.00 ms"},
                                                                                 {0.0125, "12.5 ms"},
                                                                                 {0.9994, "999 ms"},
                                                                                 {0.9996, "1.00 s"},
                                                                                 {119.4, "119 s"},
                                                                                 {125.4, "2 min 5 s"}}) {
    EXPECT_EQ(duration_text(seconds), text);
  }
  EXPECT_EQ(capitals("no_backend2"), "NO BACKEND2");
  for (const auto& [seconds, text] : std::vector<std::pair<int64_t, std::string>>{{-5, "0 s"},
                                                                                  {59, "59 s"},
                                                                                  {60, "1 min"},
                                                                                  {61, "1 min 1 s"},
                                                                                  {3'600, "1 h"},
                                                                                  {7'260, "2 h 1 min"},
                                                                                  {86'400, "1 d"},
                                                                                  {100'000, "1 d 3 h"}}) {
    EXPECT_EQ(span_text(std::chrono::seconds(seconds)), text);
  }
}

TEST(CtlTable, AlignsAndDisarms) {
  Table table({{"NAME"}, {"COUNT", Align::right}, {"LAST"}});
  table.add({"grün", "7", "x"});
  table.add(
      {"a\033[31m\n\xc2\x9b"
       "b",
       "1,234", "long"});
  std::ostringstream out;
  table.print(out, false);
  EXPECT_EQ(out.str(),
            "NAME       COUNT  LAST\n"
            "grün           7  x\n"
            "a?[31m??b  1,234  long\n");
  EXPECT_EQ(printable_lines("a\tb\nc\033d\n"), "a?b\nc?d\n");
}

TEST(CtlTable, ColoursOnlyWhenAsked) {
  Table table({{"STATE"}});
  table.add({Cell("down", Tone::bad)});
  std::ostringstream plain;
  table.print(plain, false);
  EXPECT_EQ(plain.str().find('\033'), std::string::npos);
  std::ostringstream coloured;
  table.print(coloured, true);
  EXPECT_EQ(coloured.str(), "\033[1mSTATE\033[0m\n\033[31mdown\033[0m\n");
}

TEST(CtlDropWords, KnowEveryReason) {
  std::set<std::string_view> remedies;
  for (const std::string_view reason : kDropReasonNames) {
    EXPECT_FALSE(drop_words(reason).meaning.empty()) << reason;
    EXPECT_GT(drop_words(reason).remedy.size(), 10U) << reason;
    EXPECT_NE(std::string_view(".?").find(drop_words(reason).remedy.back()), std::string_view::npos)
        << reason;
    remedies.insert(drop_words(reason).remedy);
  }
  EXPECT_GE(remedies.size(), kDropReasons - 2) << "echo, arp and nd have one";
  EXPECT_TRUE(drop_words("tomorrow's").meaning.empty());
}

class Ctl : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("SHUNT_API"); }
  void TearDown() override { unsetenv("SHUNT_API"); }

  CtlRun run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--api", server.unix_address()});
    return shuntctl(arguments);
  }

  ServerOnThread server;
};

TEST_F(Ctl, StatusForPeople) {
  const CtlRun got = run({"status"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.err, "");
  EXPECT_EQ(got.out, R"(lb1  shuntd 0.1.0, DPDK 22.11.4, up 3 h 12 min, ready
configuration /etc/shunt/shunt.toml, generation 7; last load 12 min ago accepted: 2 services
memory ordinary, packet path for x86-64-v3

WORKER  CPU   BUSY  PACKETS/BURST    PACKETS    BYTES    FLOW TABLE  PROBATION
     0    1  12.3%           18.4  3,000,000  2.50 GB  1,024 (0.1%)  12 (0.0%)

WORKER  RECEIVE  LOOKUP  SELECT  TRANSMIT  TICKS/PACKET
     0      2.0    20.2    70.0         -          29.2
a tick is 0.476 ns

PORT  DEVICE          LINK  MAC                 MTU  HOST INTERFACE   RECEIVED                SENT           MISSED  TX FULL
net0  tap:shunt-net0  up    02:00:00:00:00:01  1500  shunt0          3,000,000  2.50 GB  2,999,988  2.40 GB       4        0
)");
}

TEST_F(Ctl, StatusOfANodeThatIsNotReady) {
  server.on_control_thread([&] {
    server.status.node_status.ready = false;
    server.status.node_status.not_ready = {"port net0 has no link"};
    server.status.node_status.last_reload = {kFakeStart + std::chrono::minutes(11), false,
                                             "a.toml:1:2: error: wrong"};
    server.status.port_status[0].host_interface.clear();
  });
  const CtlRun got = run({"status"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_NE(got.out.find("up 3 h 12 min, not ready\n  port net0 has no link\n"), std::string::npos)
      << got.out;
  EXPECT_NE(got.out.find("last load 1 min ago refused: a.toml:1:2: error: wrong\n"), std::string::npos)
      << got.out;
  EXPECT_NE(got.out.find("1500  -  "), std::string::npos) << got.out;
}

TEST_F(Ctl, ServicesForPeople) {
  const CtlRun got = run({"services"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out,
            "SERVICE  ADDRESS            PROTOCOL  FORWARD  POOL    UP  FIT  ANNOUNCED  ACTIVE  NEW FLOWS    "
            "PACKETS    "
            "BYTES  DROPPED\n"
            "web      198.51.100.10:80   tcp       ipip     web    1/2  yes  arp            42      8,642  "
            "2,469,134  "
            "1.98 GB        5\n"
            "dns      [2001:db8::/64]:*  udp       nat      names  1/2  yes  arp            42      8,642  "
            "2,469,134  "
            "1.98 GB        5\n");
}

TEST_F(Ctl, ServicesTellPanicAndBackup) {
  server.on_control_thread([&] {
    server.status.service_status[0].panic = true;
    server.status.service_status[1].on_backup = true;
  });
  const CtlRun got = run({"services"});
  EXPECT_NE(got.out.find("1/2 panic  yes"), std::string::npos) << got.out;
  EXPECT_NE(got.out.find("1/2 backup  yes"), std::string::npos) << got.out;
  const CtlRun json = run({"services", "--json"});
  EXPECT_NE(json.out.find("\"panic\": true,\n      \"on_backup\": false"), std::string::npos) << json.out;
}

TEST_F(Ctl, BackendsForPeople) {
  const CtlRun got = run({"backends", "web"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out,
            "SERVICE  POOL  BACKEND  ADDRESS        STATE     FOR  WEIGHT  ACCEPT  SHARE  ACTIVE  NEW FLOWS  "
            "  PACKETS"
            "   BYTES  MAC      REASON\n"
            "web      web   a        10.0.0.1:8080  up     12 min       1  100.0%  25.0%      21      4,321  "
            "1,234,567"
            "  988 MB  known    HTTP 200\n"
            "web      web   b        10.0.0.2:8080  down   12 min       1    0.0%  25.0%      21      4,321  "
            "1,234,567"
            "  988 MB  unknown  connection refused\n");
}

TEST_F(Ctl, BackendsOfAPoolWithReplies) {
  server.on_control_thread([&] {
    server.status.service_status[1].backends[0].port = 0;
    server.status.service_status[1].backends[0].reason.clear();
    server.status.service_status[1].backends[0].since = {};
  });
  const CtlRun got = run({"backends", "names"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out.find("web"), std::string::npos);
  EXPECT_NE(got.out.find("dns      names  a        10.0.0.1       up          -  "), std::string::npos)
      << got.out;
  EXPECT_NE(got.out.find("988 MB       77  7.70 kB  known    -\n"), std::string::npos) << got.out;
  const CtlRun all = run({"backends"});
  EXPECT_NE(all.out.find("988 MB        -        -  known    HTTP 200\n"), std::string::npos) << all.out;
}

TEST_F(Ctl, BackendsOfNobody) {
  const CtlRun got = run({"backends", "wbe"});
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_EQ(got.out, "");
  EXPECT_EQ(got.err,
            "shuntctl: wbe: no service or pool with backends has this name; there are: dns, names, web\n");
}

TEST_F(Ctl, DropsForPeople) {
  const CtlRun got = run({"drops"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, std::string(R"(              PACKETS
received    3,000,010
originated          2
sent        2,999,988
punted             11
in flight           1
dropped            12

REASON      PACKETS  SHARE  MEANING
no_backend       10  83.3%  the service has no backend to choose
ttl               2  16.7%  TTL or hop limit used up

What to do:
)") + "  no_backend: " + std::string(drop_words("no_backend").remedy) +
                         "\n  ttl: " + std::string(drop_words("ttl").remedy) + "\n");
  server.on_control_thread([&] { server.status.drops_report.dropped = {{"arp", 12}, {"echo", 3}}; });
  EXPECT_EQ(run({"drops"}).out.find("What to do"), std::string::npos) << "of what is usual";
}

TEST_F(Ctl, DropsThatDoNotAddUp) {
  server.on_control_thread([&] {
    server.status.drops_report.in_flight = -6;
    server.status.drops_report.dropped = {{"ttl", 0}};
  });
  const CtlRun got = run({"drops"});
  EXPECT_NE(got.out.find("in flight           -6\ndropped              0\nunaccounted         19\n"),
            std::string::npos)
      << got.out;
  EXPECT_EQ(got.out.find("REASON"), std::string::npos);
}

TEST_F(Ctl, FindingsForPeople) {
  EXPECT_EQ(run({"doctor"}).out, "Nothing found.\n");
  server.on_control_thread([&] {
    server.status.found = {
        {"no-route", Gravity::fault, "backend web/a", "no route leads to 10.0.0.1", "add one"},
        {"cpu-governor", Gravity::note, "worker on CPU 1", "its clock is ruled by \"powersave\"", "set it"}};
  });
  const CtlRun got = run({"doctor"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, R"(fault  backend web/a  (no-route)
    no route leads to 10.0.0.1
    do: add one
note  worker on CPU 1  (cpu-governor)
    its clock is ruled by "powersave"
    do: set it
)");
  EXPECT_NE(run({"doctor", "--json"}).out.find("\"name\": \"no-route\""), std::string::npos);
}

TEST_F(Ctl, LatencyForPeople) {
  const CtlRun got = run({"latency", "web"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(
      got.out,
      R"(SERVICE  POOL  BACKEND  TIME      METHOD  COUNT     MEAN      P50      P90      P95      P99    P99.9
web      web   a        connect   ack       100  50.5 ms  49.9 ms  89.6 ms  94.7 ms  98.8 ms  99.8 ms
web      web   a        response  inband     10  5.50 ms  5.02 ms  9.02 ms  10.0 ms  10.0 ms  10.0 ms
web      web   a        duration  -       2,000   1.00 s   1.00 s   1.80 s   1.90 s   1.98 s   1.99 s
)");
  EXPECT_NE(run({"latency"}).out.find("dns      names  a        response  ttfb "), std::string::npos);
  server.on_control_thread([&] { server.status.latency_status.clear(); });
  EXPECT_EQ(run({"latency"}).out, "nothing was measured yet\n");
}

TEST_F(Ctl, LatencyOfBackendsThatShareHistograms) {
  server.on_control_thread([&] {
    server.status.latency_status[0].backends[0].pool.clear();
    server.status.latency_status[0].backends[0].name.clear();
  });
  const CtlRun got = run({"latency", "web"});
  EXPECT_NE(got.out.find("web      -     (others)  connect "), std::string::npos) << got.out;
}

TEST_F(Ctl, OutcomesForPeople) {
  const CtlRun got = run({"outcomes", "web"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(
      got.out,
      R"(SERVICE  POOL  BACKEND  CLOSED  RESET BY SERVER  RESET BY CLIENT  SYN TIMEOUT  IDLE TIMEOUT  ICMP UNREACHABLE  NO BACKEND  SHED  SYN AGAIN  RECONNECTS  DATA AGAIN  REVIVED
web      web   a           100                5                4            3             2                 1           .     .      1,234           8           9        6
web      web   b             .                .                .            .             .                 .           .     .          .           .           .        .
web            (all)       100                5                4            3             2                 1           3     .      1,234           8           9        6

SERVICE  CHAINS  OF 1  OF 2  OF 3  LONGER  SYN GAPS                RECONNECT GAPS
web           8     2     4     1       1  4, half within 2.00 ms  -
)");
  server.on_control_thread([&] {
    server.status.outcome_status[0].chains = {};
    server.status.outcome_status[0].syn_gaps = {};
  });
  EXPECT_EQ(run({"outcomes", "web"}).out.find("CHAINS"), std::string::npos);
}

TEST_F(Ctl, FlowsForPeople) {
  const CtlRun got = run({"flows"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(
      got.out,
      R"(ENDED         CLIENT            SERVICE  BACKEND  PROTOCOL  OUTCOME      ATTEMPT  SYN AGAIN  CONNECT  FIRST BYTE  DURATION  PACKETS    BYTES  REPLIES    BYTES
12:12:00.001  192.0.2.7:40001   web      a        tcp       syn_timeout        2          2        -           -    3.00 s        -        -        -        -
12:10:00.000  [2001:db8::7]:53  #9       #4       udp       closed             -          .  1.23 ms      250 µs    12.5 s        5  1.50 kB        4  2.00 MB
12:00:00.000  -                 dns      -        tcp       no_backend         -          .        -           -      0 µs        -        -        -        -
)");
  server.on_control_thread([&] { server.status.flow_status.clear(); });
  EXPECT_EQ(run({"flows"}).out, "no flow of that kind has ended yet\n");
}

TEST_F(Ctl, FlowsAreAskedForByOptions) {
  const auto asked = [&] {
    FlowQuestion question;
    server.on_control_thread([&] { question = server.status.asked; });
    return question;
  };
  EXPECT_EQ(run({"flows"}).exit_code, 0);
  EXPECT_EQ(asked().limit, 40U);
  EXPECT_FALSE(asked().failed_only);
  server.on_control_thread([&] { server.status.service_status[0].name = "a b&c=\xc3\xa4"; });
  EXPECT_EQ(run({"flows", "--failed", "--limit", "7", "a b&c=\xc3\xa4"}).exit_code, 0);
  EXPECT_EQ(asked().limit, 7U);
  EXPECT_TRUE(asked().failed_only);
  EXPECT_EQ(asked().service, "a b&c=\xc3\xa4");
}

TEST_F(Ctl, FlowsOfNobody) {
  for (const char* command : {"flows", "latency", "outcomes"}) {
    const CtlRun got = run({command, "wbe"});
    EXPECT_EQ(got.exit_code, 1) << command;
    EXPECT_EQ(got.out, "");
    EXPECT_EQ(got.err, "shuntctl: no service has the name \"wbe\"\nweb\ndns\n");
  }
}

TEST_F(Ctl, JsonIsTheAnswerItself) {
  for (const char* command : {"status", "services", "backends", "drops", "latency", "outcomes"}) {
    const CtlRun got = run({command, "--json"});
    EXPECT_EQ(got.exit_code, 0);
    EXPECT_EQ(got.out, ask(server.unix_address(), "GET", std::string("/api/v1/") + command).body);
  }
  const auto drops = nlohmann::json::parse(run({"--json", "drops"}).out);
  EXPECT_EQ(drops.size(), 6U);
  EXPECT_EQ(drops["dropped"], (nlohmann::json{{"ttl", 2}, {"no_backend", 10}, {"arp", 0}}));
  const auto web = nlohmann::json::parse(run({"backends", "web", "--json"}).out)["backends"];
  ASSERT_EQ(web.size(), 2U);
  EXPECT_EQ(web[0]["service"], "web");
}

TEST_F(Ctl, ReloadSaysWhatTheDaemonSaid) {
  const CtlRun got = run({"reload"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_EQ(got.out, "reloaded: generation 8, 1 service added\n");
  EXPECT_EQ(got.err, "shunt.toml:3:1: warning: no health\n");
}

TEST_F(Ctl, RefusedReloadIs78) {
  server.on_control_thread([&] {
    server.status.reload_report = {
        false, 7, "", {"a.toml:1:2: error: one\n  x = 1\n      ^", "a.toml:3:4: error: two"}, {}};
  });
  const CtlRun got = run({"reload"});
  EXPECT_EQ(got.exit_code, 78);
  EXPECT_EQ(got.out, "");
  EXPECT_EQ(got.err,
            "shuntctl: the configuration is refused; generation 7 still runs\n"
            "a.toml:1:2: error: one\n  x = 1\n      ^\na.toml:3:4: error: two\n");
  const CtlRun json = run({"reload", "--json"});
  EXPECT_EQ(json.exit_code, 78);
  EXPECT_EQ(nlohmann::json::parse(json.out)["errors"].size(), 2U);
}

TEST_F(Ctl, ReloadOverTcpIsRefused) {
  const CtlRun got = shuntctl({"--api", server.tcp_address(), "reload"});
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_NE(got.err.find("use the unix socket"), std::string::npos);
}

TEST_F(Ctl, FailureOfTheDaemonIs1) {
  server.on_control_thread([&] { server.status.fails = true; });
  const CtlRun got = run({"status"});
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_EQ(got.err, "shuntctl: the fake fails\n");
}

TEST_F(Ctl, FindsTheDaemonByTheEnvironment) {
  setenv("SHUNT_API", server.tcp_address().c_str(), 1);
  EXPECT_EQ(shuntctl({"drops"}).exit_code, 0);
  setenv("SHUNT_API", "unix:/nonexistent/api.sock", 1);
  EXPECT_EQ(shuntctl({"drops"}).exit_code, 69);
  EXPECT_EQ(run({"drops"}).exit_code, 0);
}

TEST_F(Ctl, NobodyThereIs69WithTheNextStep) {
  const CtlRun missing = shuntctl({"--api", "unix:/nonexistent/api.sock", "status"});
  EXPECT_EQ(missing.exit_code, 69);
  EXPECT_NE(missing.err.find("unix:/nonexistent/api.sock: there is no such socket. Start shuntd"),
            std::string::npos)
      << missing.err;
  server.stop();
  const CtlRun refused = shuntctl({"--api", server.tcp_address(), "status"});
  EXPECT_EQ(refused.exit_code, 69);
  EXPECT_NE(refused.err.find("nobody answers. Start shuntd"), std::string::npos) << refused.err;
}

TEST(CtlUsage, WrongCommandLinesAre2) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"frobnicate"},
                                             {"status", "--frob"},
                                             {"check"},
                                             {"status", "drops"},
                                             {"--api", "nonsense", "status"},
                                             {"--api"},
                                             {"backends", "a", "b"},
                                             {"flows", "--limit", "0"},
                                             {"flows", "--limit", "2001"},
                                             {"latency", "a", "b"}}) {
    const CtlRun got = shuntctl(arguments);
    EXPECT_EQ(got.exit_code, 2) << (arguments.empty() ? "nothing" : arguments[0]);
    EXPECT_EQ(got.out, "");
    EXPECT_NE(got.err, "");
  }
}

TEST(CtlUsage, HelpHasExamplesAndExitCodes) {
  const CtlRun top = shuntctl({"--help"});
  EXPECT_EQ(top.exit_code, 0);
  for (const char* part :
       {"Exit codes:", "69  no shuntd answered", "Examples:", "SHUNT_API", "unix:/run/shunt/api.sock"}) {
    EXPECT_NE(top.out.find(part), std::string::npos) << part;
  }
  for (const std::string command : {"check", "status", "services", "backends", "drops", "reload", "latency",
                                    "outcomes", "flows", "trace", "capture"}) {
    EXPECT_NE(top.out.find("  " + command), std::string::npos) << command;
    const CtlRun help = shuntctl({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("Examples:\n  shuntctl " + command), std::string::npos) << help.out;
  }
  EXPECT_EQ(shuntctl({"--version"}).out, "0.1.0\n");
}

// A server that accepts one connection, says `words` and hangs up; or, without words, holds its tongue.
class OddServer {
 public:
  explicit OddServer(std::string words)
      : listener_(ApiListener::open(ApiAddress::parse("127.0.0.1:0").value()).take()) {
    fd_ = listener_.release();
    if (!words.empty()) thread_ = std::thread([this, words = std::move(words)] { answer(words); });
  }
  ~OddServer() {
    shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(fd_);
  }
  OddServer(const OddServer&) = delete;
  OddServer& operator=(const OddServer&) = delete;
  std::string address() const { return listener_.address().text(); }

 private:
  void answer(const std::string& words) const {
    int peer = -1;
    for (int attempt = 0; attempt < 2'000 && peer < 0; ++attempt) {
      peer = accept(fd_, nullptr, nullptr);
      if (peer < 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (peer < 0) return;
    std::array<char, 4096> request{};
    recv(peer, request.data(), request.size(), 0);
    send(peer, words.data(), words.size(), MSG_NOSIGNAL);
    close(peer);
  }

  ApiListener listener_;
  int fd_ = -1;
  std::thread thread_;
};

TEST(CtlOddServer, WhatIsNotHttpIs69) {
  const OddServer server("220 mail.example ESMTP\r\n");
  const CtlRun got = shuntctl({"--api", server.address(), "status"});
  EXPECT_EQ(got.exit_code, 69);
  EXPECT_NE(got.err.find("Check that the address is that of a shuntd's [api] listen"), std::string::npos)
      << got.err;
}

TEST(CtlOddServer, WhatIsNotOursIs1) {
  for (const char* body : {"<html>", "{}", "[]", "7", "{\"node\":7}", "{\"node\":{\"ready\":\"x\"}}"}) {
    const OddServer server(std::string("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n") + body);
    const CtlRun got = shuntctl({"--api", server.address(), "status"});
    EXPECT_EQ(got.exit_code, 1) << body;
    EXPECT_NE(got.err.find("isn't what this shuntctl expects"), std::string::npos) << got.err;
  }
  const OddServer server("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>");
  const CtlRun got = shuntctl({"--api", server.address(), "status"});
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_EQ(got.err, "shuntctl: shuntd answered with HTTP status 502\n");
}

TEST(CtlOddServer, SilenceEndsAtTheTimeout) {
  const OddServer server("");
  const auto answer = ask_shuntd(ApiAddress::parse(server.address()).value(), "GET", "/healthz",
                                 std::chrono::milliseconds(50));
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.error().text().find("no answer within"), std::string::npos) << answer.error().text();
}

}  // namespace
}  // namespace shunt
