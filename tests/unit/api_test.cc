// The API from outside: bytes into real sockets, bytes out.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/api_server.h"
#include "http/api_address.h"
#include "tests/unit/api_harness.h"

namespace shunt {
namespace {

using Json = nlohmann::json;

TEST(ApiAddress, ReadsTheThreeForms) {
  for (const char* text :
       {"unix:/run/shunt/api.sock", "127.0.0.1:8080", "0.0.0.0:0", "[::1]:8080", "[2001:db8::1]:65535"}) {
    const auto address = ApiAddress::parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address.value().text(), text);
    EXPECT_EQ(address.value().is_unix(), std::string(text).starts_with("unix:"));
  }
}

TEST(ApiAddress, RefusesEverythingElse) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const std::string& text :
       {std::string(""), std::string("unix:"), std::string("unix:run/api.sock"), std::string("/run/api.sock"),
        long_path, std::string("localhost:8080"), std::string("127.0.0.1"), std::string("127.0.0.1:"),
        std::string("127.0.0.1:65536"), std::string("127.0.0.1:80x"), std::string("127.0.0.1:-1"),
        std::string("::1:8080"), std::string("[127.0.0.1]:80"), std::string("[]:80"), std::string("[::1]"),
        std::string("unix:/a\0b", 9)}) {
    EXPECT_FALSE(ApiAddress::parse(text).ok()) << text;
  }
  EXPECT_TRUE(ApiAddress::parse("unix:/" + std::string(106, 'x')).ok());
}

TEST(Api, AnswersEveryPathOnBothKindsOfSocket) {
  const std::vector<std::pair<std::string, std::string>> kTypes = {
      {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
      {"/healthz", "text/plain; charset=utf-8"},
      {"/readyz", "text/plain; charset=utf-8"},
      {"/api/v1/status", "application/json"},
      {"/api/v1/services", "application/json"},
      {"/api/v1/backends", "application/json"},
      {"/api/v1/drops", "application/json"},
      {"/api/v1/outcomes", "application/json"},
      {"/api/v1/latency", "application/json"},
      {"/api/v1/flows", "application/json"},
  };
  ServerOnThread server;
  for (const std::string& address : {server.unix_address(), server.tcp_address()}) {
    for (const auto& [path, type] : kTypes) {
      RawAnswer answer = ask(address, "GET", path);
      EXPECT_EQ(answer.status, 200U) << address << path;
      EXPECT_EQ(answer.fields["content-type"], type) << path;
      EXPECT_EQ(answer.fields["cache-control"], "no-store") << path;
      const RawAnswer with_query = ask(address, "GET", path + "?x=1");
      EXPECT_EQ(with_query.status, 200U) << path;
      RawAnswer head = ask(address, "HEAD", path);
      EXPECT_EQ(head.status, 200U) << path;
      EXPECT_EQ(head.fields["content-length"], std::to_string(answer.body.size())) << path;
    }
  }
  EXPECT_EQ(ask(server.tcp_address(), "GET", "http://lb1/healthz?a").body, "ok\n");
}

TEST(Api, StatusHoldsTheNodeItsWorkersAndPorts) {
  ServerOnThread server;
  const Json json = Json::parse(ask(server.unix_address(), "GET", "/api/v1/status").body);
  EXPECT_EQ(json["node"]["name"], "lb1");
  EXPECT_EQ(json["node"]["generation"], 7);
  EXPECT_EQ(json["node"]["started"], "2025-01-31T12:00:00Z");
  EXPECT_EQ(json["node"]["last_reload"]["accepted"], true);
  ASSERT_EQ(json["workers"].size(), 1U);
  EXPECT_EQ(json["workers"][0]["flow_table"], (Json{{"entries", 1024}, {"capacity", 1048576}}));
  EXPECT_EQ(json["workers"][0]["lookups"], (Json{{"hit", 90}, {"miss", 10}}));
  EXPECT_EQ(json["node"]["tsc_hz"], 2'100'000'000);
  EXPECT_EQ(json["workers"][0]["bursts"], 162'689);
  EXPECT_EQ(json["workers"][0]["busy_seconds"], 0.75);
  EXPECT_EQ(json["workers"][0]["ticks_per_packet"], 29.25);
  EXPECT_EQ(json["workers"][0]["stages"]["select"],
            (Json{{"ticks", 7'000}, {"packets", 100}, {"ticks_per_packet", 70.0}}));
  EXPECT_EQ(json["workers"][0]["stages"].size(), 4U);
  ASSERT_EQ(json["ports"].size(), 1U);
  EXPECT_EQ(json["ports"][0]["mac"], "02:00:00:00:00:01");
  EXPECT_EQ(json["ports"][0]["driver_received"]["packets"], 3'000'004);
}

TEST(Api, ServicesAndBackendsHoldTheirNumbers) {
  ServerOnThread server;
  const Json services = Json::parse(ask(server.unix_address(), "GET", "/api/v1/services").body)["services"];
  ASSERT_EQ(services.size(), 2U);
  EXPECT_EQ(services[0]["name"], "web");
  EXPECT_EQ(services[0]["number"], 3);
  EXPECT_EQ(services[0]["sample"], 64);
  EXPECT_EQ(services[0]["address"], "198.51.100.10");
  EXPECT_EQ(services[0]["backends"], (Json{{"up", 1}, {"total", 2}}));
  EXPECT_EQ(services[0]["dropped"], (Json{{"ttl", 0}, {"no_backend", 5}}));
  EXPECT_EQ(services[1]["address"], "2001:db8::/64");
  EXPECT_EQ(services[1]["reply_packets"], 88);
  EXPECT_EQ(services[1]["reply_bytes"], 8'800);
  const Json backends = Json::parse(ask(server.unix_address(), "GET", "/api/v1/backends").body)["backends"];
  ASSERT_EQ(backends.size(), 4U);
  EXPECT_EQ(backends[1]["service"], "web");
  EXPECT_EQ(backends[1]["name"], "b");
  EXPECT_EQ(backends[1]["state"], "down");
  EXPECT_EQ(backends[1]["accept"], 0);
  EXPECT_EQ(backends[1]["admin"], "enabled");
  EXPECT_EQ(backends[1]["number"], 0x4002);
  EXPECT_EQ(backends[2]["reply_packets"], 77);
  EXPECT_EQ(backends[2]["health_checks"]["results"], (Json{{"ok", 60}, {"timeout", 2}}));
}

TEST(Api, OutcomesHoldWhatWasCounted) {
  ServerOnThread server;
  const Json json = Json::parse(ask(server.unix_address(), "GET", "/api/v1/outcomes").body);
  EXPECT_EQ(json["gap_edges"].size(), 16U);
  EXPECT_EQ(json["gap_edges"][0], 0.05);
  ASSERT_EQ(json["services"].size(), 2U);
  const Json& web = json["services"][0];
  EXPECT_EQ(web["name"], "web");
  EXPECT_EQ(web["outcomes"], (Json{{"closed", 100},
                                   {"reset_by_server", 5},
                                   {"reset_by_client", 4},
                                   {"syn_timeout", 3},
                                   {"idle_timeout", 2},
                                   {"icmp_unreachable", 1},
                                   {"no_backend", 3},
                                   {"shed", 0}}));
  EXPECT_EQ(web["chains"].size(), 16U);
  EXPECT_EQ(web["chains"][1], 4);
  EXPECT_EQ(web["syn_gaps"]["count"], 4);
  EXPECT_EQ(web["syn_gaps"]["p50"], 0.002);
  EXPECT_EQ(web["reconnect_gaps"]["p50"], nullptr);
  ASSERT_EQ(web["backends"].size(), 2U);
  const Json& a = web["backends"][0];
  EXPECT_EQ(a["outcomes"]["no_backend"], 0);
  const std::map<std::string, int> counts = {{"revived", 6},    {"syn_retransmits", 1'234},
                                             {"reconnects", 8}, {"data_retransmits", 9},
                                             {"watched", 10},   {"unwatched", 11}};
  for (const auto& [name, count] : counts)
    EXPECT_EQ(a[name], count) << name;
  EXPECT_EQ(web["backends"][1]["outcomes"]["closed"], 0);
}

TEST(Api, LatencyNamesItsMethods) {
  ServerOnThread server;
  const Json json = Json::parse(ask(server.unix_address(), "GET", "/api/v1/latency").body);
  ASSERT_EQ(json["backends"].size(), 4U);
  EXPECT_EQ(json["edges"][0], 0.00005);
  EXPECT_EQ(json["duration_edges"][15], 13'107.2);
  const Json& a = json["backends"][0];
  EXPECT_EQ(a["service"], "web");
  EXPECT_EQ(a["name"], "a");
  EXPECT_EQ(a["connect"]["method"], "ack");
  EXPECT_EQ(a["response"]["method"], "inband");
  EXPECT_EQ(a["connect"]["count"], 100);
  EXPECT_EQ(a["connect"]["sum"], 5.05);
  EXPECT_NEAR(a["connect"]["p99"], 0.099, 0.001);
  EXPECT_EQ(a["response"]["below"][6], 7);  // below 7.36 ms
  EXPECT_EQ(json["backends"][1]["connect"]["p50"], nullptr);
  EXPECT_EQ(json["backends"][2]["connect"]["method"], "synack");
  EXPECT_EQ(json["backends"][2]["response"]["method"], "ttfb");
}

TEST(Api, FlowsHaveNamesOrTheNumbersThatAreLeft) {
  ServerOnThread server;
  const Json flows = Json::parse(ask(server.unix_address(), "GET", "/api/v1/flows").body)["flows"];
  ASSERT_EQ(flows.size(), 3U);
  EXPECT_EQ(flows[0]["ended"], "2025-01-31T12:12:00.001500Z");
  EXPECT_EQ(flows[0]["client"], "192.0.2.7");
  EXPECT_EQ(flows[0]["client_port"], 40'001);
  EXPECT_EQ(flows[0]["service"], "web");
  EXPECT_EQ(flows[0]["backend"], "a");
  EXPECT_EQ(flows[0]["outcome"], "syn_timeout");
  EXPECT_EQ(flows[0]["syn_retransmits"], 2);
  EXPECT_EQ(flows[0]["attempt"], 2);
  EXPECT_EQ(flows[0]["connect"], nullptr);
  EXPECT_EQ(flows[0]["method"], nullptr);
  EXPECT_EQ(flows[1]["service"], 9);
  EXPECT_EQ(flows[1]["backend"], 4);
  EXPECT_EQ(flows[1]["pool"], nullptr);
  EXPECT_EQ(flows[1]["connect"], 0.001234);
  EXPECT_EQ(flows[1]["method"], "synack");
  EXPECT_EQ(flows[1]["duration"], 12.5);
  EXPECT_EQ(flows[1]["reply_bytes"], 2'000'000);
  EXPECT_EQ(flows[1]["attempt"], nullptr);
  EXPECT_EQ(flows[2]["client"], nullptr);
  EXPECT_EQ(flows[2]["backend"], nullptr);
}

TEST(Api, FlowsAreAskedForByQuery) {
  ServerOnThread server;
  const auto asked = [&](const std::string& query) {
    EXPECT_EQ(ask(server.unix_address(), "GET", "/api/v1/flows" + query).status, 200U) << query;
    FlowQuestion question;
    server.on_control_thread([&] { question = server.status.asked; });
    return question;
  };
  EXPECT_FALSE(asked("").failed_only);
  EXPECT_EQ(asked("").limit, 100U);
  const FlowQuestion failed = asked("?failed=true&limit=2000&service=web#x");
  EXPECT_TRUE(failed.failed_only);
  EXPECT_EQ(failed.limit, 2'000U);
  EXPECT_EQ(failed.service, "web");
  EXPECT_FALSE(asked("?failed=false&&=&x").failed_only);
  server.on_control_thread([&] { server.status.service_status[1].name = "a b&c%"; });
  EXPECT_EQ(asked("?service=a+b%26c%").service, "a b&c%");
  EXPECT_EQ(asked("?service=%61%20b%26c%25").service, "a b&c%");
  for (const char* query : {"?limit=0", "?limit=2001", "?limit=-1", "?limit=", "?limit=1x", "?failed=yes",
                            "?limit=99999999999999999999999"}) {
    RawAnswer answer = ask(server.unix_address(), "GET", std::string("/api/v1/flows") + query);
    EXPECT_EQ(answer.status, 400U) << query;
    EXPECT_EQ(answer.fields["content-type"], "application/problem+json");
  }
}

TEST(Api, AServiceNobodyKnowsIs404WithTheOnesThereAre) {
  ServerOnThread server;
  for (const char* path : {"/api/v1/flows", "/api/v1/latency", "/api/v1/outcomes"}) {
    RawAnswer answer = ask(server.tcp_address(), "GET", std::string(path) + "?service=wbe");
    EXPECT_EQ(answer.status, 404U) << path;
    EXPECT_EQ(Json::parse(answer.body)["services"], (Json{"web", "dns"}));
    EXPECT_EQ(ask(server.tcp_address(), "GET", std::string(path) + "?service=").status, 404U) << path;
    EXPECT_EQ(ask(server.tcp_address(), "GET", std::string(path) + "?service=dns").status, 200U) << path;
  }
  const Json dns = Json::parse(ask(server.tcp_address(), "GET", "/api/v1/outcomes?service=dns").body);
  ASSERT_EQ(dns["services"].size(), 1U);
  EXPECT_EQ(dns["services"][0]["name"], "dns");
}

// As many as there are connections: each gets a whole page.
TEST(Api, TwoHundredScrapersGetTheWholePage) {
  ServerOnThread server;
  server.on_control_thread([&] { server.status.node_status.version = std::string(1U << 20U, 'x'); });
  std::deque<RawClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(i % 2 == 0 ? server.unix_address() : server.tcp_address());
    ASSERT_TRUE(clients.back().send(request_text("GET", "/metrics")));
  }
  for (RawClient& client : clients) {
    const RawAnswer answer = client.read_answer();
    ASSERT_EQ(answer.status, 200U);
    EXPECT_GT(answer.body.size(), 1U << 20U);
    EXPECT_TRUE(answer.body.ends_with("shunt_series_dropped_total 0\n"));
  }
}

TEST(Api, DropsAreExactlyTheBalance) {
  ServerOnThread server;
  server.on_control_thread([&] { server.status.drops_report.in_flight = -3; });
  EXPECT_EQ(Json::parse(ask(server.unix_address(), "GET", "/api/v1/drops").body),
            (Json{{"received", 3'000'010},
                  {"sent", 2'999'988},
                  {"punted", 11},
                  {"originated", 2},
                  {"in_flight", -3},
                  {"dropped", {{"ttl", 2}, {"no_backend", 10}, {"arp", 0}}}}));
}

TEST(Api, ReadyOnlyWhenTheNodeIs) {
  ServerOnThread server;
  EXPECT_EQ(ask(server.tcp_address(), "GET", "/readyz").body, "ready\n");
  server.on_control_thread([&] {
    server.status.node_status.ready = false;
    server.status.node_status.not_ready = {"port net0 has no link", "worker 0 hasn't started"};
  });
  RawAnswer answer = ask(server.tcp_address(), "GET", "/readyz");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.fields["content-type"], "application/problem+json");
  const Json json = Json::parse(answer.body);
  EXPECT_EQ(json["reasons"], (Json{"port net0 has no link", "worker 0 hasn't started"}));
  EXPECT_EQ(json["detail"], "not ready: port net0 has no link; worker 0 hasn't started");
  EXPECT_EQ(ask(server.tcp_address(), "GET", "/healthz").status, 200U);
}

TEST(Api, WithoutTokensReloadsOverTheUnixSocketOnly) {
  ServerOnThread server;
  RawAnswer refused = ask(server.tcp_address(), "POST", "/api/v1/reload");
  EXPECT_EQ(refused.status, 403U);
  EXPECT_NE(refused.body.find("use the unix socket"), std::string::npos);
  server.on_control_thread([&] { EXPECT_EQ(server.status.reloads, 0); });
  const RawAnswer done = ask(server.unix_address(), "POST", "/api/v1/reload");
  EXPECT_EQ(done.status, 200U);
  EXPECT_EQ(Json::parse(done.body)["generation"], 8);
  EXPECT_EQ(Json::parse(done.body)["warnings"].size(), 1U);
  server.on_control_thread([&] { EXPECT_EQ(server.status.reloads, 1); });
}

TEST(Api, SaysWhyAReloadIsRefused) {
  ServerOnThread server;
  server.on_control_thread([&] {
    server.status.reload_report = {false, 7, "", {"a.toml:1:2: error: one", "a.toml:3:4: error: two"}, {}};
  });
  RawAnswer answer = ask(server.unix_address(), "POST", "/api/v1/reload");
  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(answer.fields["content-type"], "application/problem+json");
  const Json json = Json::parse(answer.body);
  EXPECT_EQ(json["errors"], (Json{"a.toml:1:2: error: one", "a.toml:3:4: error: two"}));
  EXPECT_EQ(json["status"], 422);
}

TEST(Api, AnnouncingIsSwitchedByWhomever) {
  ServerOnThread server;
  EXPECT_EQ(ask(server.tcp_address(), "POST", "/api/v1/announce/off").status, 403U);
  const RawAnswer off = ask(server.unix_address(), "POST", "/api/v1/announce/off");
  EXPECT_EQ(off.status, 200U);
  const Json json = Json::parse(off.body);
  EXPECT_EQ(json["announcing"], false);
  EXPECT_EQ(json["vips"][0]["backends"], (Json{{"up", 3}, {"total", 4}, {"needed", 1}}));
  EXPECT_EQ(json["vips"][1]["reason"], "0 of 2 backends of dns up, 1 needed");
  server.on_control_thread([&] { EXPECT_FALSE(server.status.announced_by.empty()); });
  EXPECT_EQ(Json::parse(ask(server.unix_address(), "POST", "/api/v1/announce/on").body)["announcing"], true);
}

TEST(Api, NamesTheMethodsOfAPath) {
  ServerOnThread server;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
    RawAnswer answer = ask(server.unix_address(), method, "/metrics");
    EXPECT_EQ(answer.status, 405U) << method;
    EXPECT_EQ(answer.fields["allow"], "GET, HEAD") << method;
  }
  RawAnswer answer = ask(server.unix_address(), "GET", "/api/v1/reload");
  EXPECT_EQ(answer.status, 405U);
  EXPECT_EQ(answer.fields["allow"], "POST");
  for (const char* target : {"/x", "/metrics/", "/api/v1", "/api/v2/status", "//metrics", "/%6detrics", "*",
                             "/algorithm/", "/algorithm/a/b"}) {
    RawAnswer missing = ask(server.unix_address(), "GET", target);
    EXPECT_EQ(missing.status, 404U) << target;
    EXPECT_EQ(missing.fields["content-type"], "application/problem+json");
    EXPECT_EQ(Json::parse(missing.body)["title"], "Not Found");
  }
}

TEST(Api, AnExceptionIsA500AndNotTheEnd) {
  ServerOnThread server;
  server.on_control_thread([&] { server.status.fails = true; });
  RawClient client(server.unix_address());
  ASSERT_TRUE(client.send(request_text("GET", "/api/v1/status")));
  EXPECT_EQ(client.read_answer().status, 500U);
  server.on_control_thread([&] { server.status.fails = false; });
  ASSERT_TRUE(client.send(request_text("GET", "/api/v1/status")));
  EXPECT_EQ(client.read_answer().status, 200U);
}

TEST(Api, RepairsTextThatIsNotUtf8) {
  ServerOnThread server;
  server.on_control_thread([&] { server.status.node_status.name = "lb\xff\xfe"; });
  const RawAnswer answer = ask(server.unix_address(), "GET", "/api/v1/status");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(Json::parse(answer.body)["node"]["name"], "lb\xef\xbf\xbd\xef\xbf\xbd");
}

struct BadRequest {
  const char* text;
  unsigned status;
};

TEST(Api, RefusesBadRequestsAndCloses) {
  const BadRequest kRequests[] = {
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
      {"GET /healthz\r\n\r\n", 400},
      {"GET /healthz HTTP/1.1\r\n\r\n", 400},
      {"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", 505},
      {"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n", 505},
      {"POST /api/v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /api/v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
      {"POST /api/v1/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
  };
  ServerOnThread server;
  for (const BadRequest& request : kRequests) {
    RawClient client(server.unix_address());
    client.send(request.text);
    RawAnswer answer = client.read_answer();
    EXPECT_EQ(answer.status, request.status) << request.text;
    EXPECT_EQ(answer.fields["content-type"], "application/problem+json") << request.text;
    EXPECT_TRUE(client.ends()) << request.text;
  }
  server.on_control_thread([&] { EXPECT_EQ(server.status.reloads, 0); });
  EXPECT_EQ(ask(server.unix_address(), "GET", "/healthz").status, 200U);
}

TEST(ApiRoute, APathGivesWhatStandsForItsParameters) {
  using Parameters = std::map<std::string, std::string>;
  EXPECT_EQ(match_path("/a/{x}/b/{y}", "/a/1/b/2"), (Parameters{{"x", "1"}, {"y", "2"}}));
  EXPECT_EQ(match_path("/a/{x}", "/a/w%65b+"), (Parameters{{"x", "web+"}}));
  EXPECT_EQ(match_path("/a", "/a"), Parameters{});
  for (const char* path : {"/a", "/a/", "/a/1/", "/a/1/b", "/b/1", "", "/", "a//1"})
    EXPECT_FALSE(match_path("/a/{x}", path)) << path;
}

TEST(Api, BoundsHeaderAndBody) {
  ServerOnThread server;
  const ApiLimits limits;
  for (const std::string& address : {server.unix_address(), server.tcp_address()}) {
    RawClient long_header(address);
    long_header.send(request_text("GET", "/healthz", "X: " + std::string(200'000, 'x') + "\r\n"));
    EXPECT_EQ(long_header.read_answer().status, 431U);
    EXPECT_TRUE(long_header.ends_in_order());
    RawClient fitting_header(address);
    fitting_header.send(
        request_text("GET", "/healthz", "X: " + std::string(limits.header_bytes - 200, 'x') + "\r\n"));
    EXPECT_EQ(fitting_header.read_answer().status, 200U);
    RawClient long_body(address);
    long_body.send(request_text("POST", "/api/v1/reload", "Content-Length: 65537\r\n") +
                   std::string(65'537, 'x'));
    EXPECT_EQ(long_body.read_answer().status, 413U);
    EXPECT_TRUE(long_body.ends_in_order());
    RawClient long_chunks(address);
    long_chunks.send(request_text("POST", "/api/v1/reload", "Transfer-Encoding: chunked\r\n") + "20000\r\n" +
                     std::string(0x20000, 'x') + "\r\n0\r\n\r\n");
    // Who it is comes first; how much is in chunks shows only while they are read.
    EXPECT_EQ(long_chunks.read_answer().status, address == server.tcp_address() ? 403U : 413U);
  }
  server.on_control_thread([&] { EXPECT_EQ(server.status.reloads, 0); });
  RawClient fitting_body(server.unix_address());
  fitting_body.send(request_text("POST", "/api/v1/reload", "Content-Length: 65536\r\n") +
                    std::string(65'536, 'x'));
  EXPECT_EQ(fitting_body.read_answer().status, 200U);
}

TEST(Api, AnswersPipelinedRequestsInOrder) {
  ServerOnThread server;
  RawClient client(server.tcp_address());
  ASSERT_TRUE(client.send(request_text("GET", "/healthz") + request_text("HEAD", "/metrics") +
                          request_text("GET", "/nothing") + request_text("GET", "/readyz")));
  EXPECT_EQ(client.read_answer().body, "ok\n");
  EXPECT_EQ(client.read_answer(true).status, 200U);
  EXPECT_EQ(client.read_answer().status, 404U);
  EXPECT_EQ(client.read_answer().body, "ready\n");
}

TEST(Api, KeepsAConnectionUnlessAskedNotTo) {
  ServerOnThread server;
  RawClient client(server.tcp_address());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.send(request_text("GET", "/healthz")));
    ASSERT_EQ(client.read_answer().status, 200U);
  }
  ASSERT_TRUE(client.send(request_text("GET", "/healthz", "Connection: close\r\n")));
  EXPECT_EQ(client.read_answer().fields["connection"], "close");
  EXPECT_TRUE(client.ends());
  RawClient old(server.tcp_address());
  ASSERT_TRUE(old.send("GET /healthz HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(old.read_answer().body, "ok\n");
  EXPECT_TRUE(old.ends());
}

TEST(Api, HalfARequestHoldsUpNobody) {
  ServerOnThread server;
  const std::string request = request_text("GET", "/healthz");
  RawClient slow(server.unix_address());
  ASSERT_TRUE(slow.send(request.substr(0, 20)));
  EXPECT_EQ(ask(server.unix_address(), "GET", "/healthz").status, 200U);
  ASSERT_TRUE(slow.send(request.substr(20)));
  EXPECT_EQ(slow.read_answer().status, 200U);
  RawClient torn(server.unix_address());
  ASSERT_TRUE(torn.send(request.substr(0, 20)));
  torn.finish_sending();
  EXPECT_EQ(torn.read_answer().status, 400U);
  EXPECT_TRUE(torn.ends());
}

TEST(Api, AClientThatDoesNotReadHoldsUpNobody) {
  ServerOnThread server;
  // More than two socket buffers hold.
  server.on_control_thread([&] { server.status.node_status.config_file = std::string(16U << 20U, 'x'); });
  RawClient deaf(server.unix_address());
  ASSERT_TRUE(deaf.send(request_text("GET", "/api/v1/status") + request_text("GET", "/healthz")));
  EXPECT_EQ(ask(server.unix_address(), "GET", "/healthz").status, 200U);
  EXPECT_EQ(ask(server.tcp_address(), "GET", "/healthz").status, 200U);
  EXPECT_GT(deaf.read_answer().body.size(), 16U << 20U);
  EXPECT_EQ(deaf.read_answer().body, "ok\n");
}

TEST(Api, ClosesWhatIsIdleOrTooSlow) {
  ApiLimits limits;
  limits.idle = std::chrono::milliseconds(100);
  ServerOnThread server(limits);
  RawClient silent(server.unix_address());
  EXPECT_TRUE(silent.ends());
  RawClient half(server.tcp_address());
  half.send("GET /healthz HTTP/1.1\r\n");
  EXPECT_TRUE(half.ends());
  RawClient served(server.unix_address());
  served.send(request_text("GET", "/healthz"));
  EXPECT_EQ(served.read_answer().status, 200U);
  EXPECT_TRUE(served.ends());
}

// Of each kind of socket its own: TCP that is full leaves the unix socket as it was.
void expect_a_limit(ServerOnThread& server, const std::string& address, size_t limit) {
  std::deque<RawClient> clients;
  for (size_t i = 0; i < limit + 40; ++i) {
    clients.emplace_back(address);
    ASSERT_TRUE(clients.back().connected());
    if (i >= limit) continue;
    ASSERT_TRUE(clients.back().send(request_text("GET", "/healthz")));
    ASSERT_EQ(clients.back().read_answer().status, 200U) << i;
  }
  for (size_t i = limit; i < clients.size(); ++i) {
    RawAnswer answer = clients[i].read_answer();
    EXPECT_EQ(answer.status, 503U) << i;
    EXPECT_EQ(answer.fields["retry-after"], "1");
    EXPECT_TRUE(clients[i].ends()) << i;
  }
  if (address != server.unix_address()) {
    EXPECT_EQ(ask(server.unix_address(), "GET", "/healthz").status, 200U);
  }
  ASSERT_TRUE(clients[0].send(request_text("GET", "/healthz")));
  EXPECT_EQ(clients[0].read_answer().status, 200U);
  // A seat is free once the server has seen the client's end, a moment after it.
  ASSERT_TRUE(clients[1].send(request_text("GET", "/healthz", "Connection: close\r\n")));
  EXPECT_TRUE(clients[1].ends());
  clients.pop_front();
  clients.pop_front();
  unsigned status = 0;
  for (int attempt = 0; attempt < 1000 && status != 200; ++attempt) {
    status = ask(address, "GET", "/healthz").status;
  }
  EXPECT_EQ(status, 200U);
}

TEST(Api, TellsConnectionsBeyondTheLimit) {
  ApiLimits limits;
  limits.unix_connections = 60;
  limits.tcp_connections = 50;
  ServerOnThread server(limits);
  expect_a_limit(server, server.tcp_address(), limits.tcp_connections);
  expect_a_limit(server, server.unix_address(), limits.unix_connections);
  limits.peer_connections = 20;
  ServerOnThread shared(limits);
  expect_a_limit(shared, shared.tcp_address(), limits.peer_connections);
}

TEST(Api, StopClosesEverythingAndRemovesTheSocket) {
  ServerOnThread server;
  std::vector<RawClient> clients;
  for (const std::string& address : {server.unix_address(), server.tcp_address()}) {
    clients.emplace_back(address);
    clients.back().send(request_text("GET", "/healthz"));
    EXPECT_EQ(clients.back().read_answer().status, 200U);
    clients.emplace_back(address);
    clients.back().send("GET /half");
  }
  server.stop();
  for (RawClient& client : clients)
    EXPECT_TRUE(client.ends());
  EXPECT_FALSE(std::filesystem::exists(server.socket_path()));
  EXPECT_FALSE(RawClient(server.unix_address()).connected());
  EXPECT_FALSE(RawClient(server.tcp_address()).connected());
  server.stop();
}

TEST(Api, MayBeDestroyedInAnyOrder) {
  TemporaryFolder folder;
  EventLog events;
  FakeStatus status = fake_status();
  const std::string address = "unix:" + folder.path() + "/a";
  {
    boost::asio::io_context io;
    auto server = ApiServer::start(io, {status, events}, {{address}});
    ASSERT_TRUE(server.ok());
    const RawClient idle(address);
    RawClient asked(address);
    asked.send("GET /half");
    while (io.poll_one() > 0) {
    }
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/a"));
  boost::asio::io_context io;
  {
    auto server = ApiServer::start(io, {status, events}, {{address}});
    ASSERT_TRUE(server.ok());
    const RawClient idle(address);
    while (io.poll_one() > 0) {
    }
  }
  io.restart();
  io.run();  // ends: nothing is left to wait for
}

class ApiSocketFile : public ::testing::Test {
 protected:
  std::string start() {
    auto started = ApiServer::start(io, {status, events}, {{"unix:" + path}});
    if (!started) return started.error().text();
    server = started.take();
    return {};
  }

  TemporaryFolder folder;
  std::string path = folder.path() + "/api.sock";
  FakeStatus status = fake_status();
  EventLog events;
  boost::asio::io_context io;
  std::unique_ptr<ApiServer> server;
};

TEST_F(ApiSocketFile, IsForOwnerAndGroup) {
  const mode_t before = umask(0);
  EXPECT_EQ(start(), "");
  umask(before);
  struct stat found{};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0660U);
}

TEST_F(ApiSocketFile, LeftOverIsReplaced) {
  ASSERT_EQ(start(), "");
  std::filesystem::create_hard_link(path, path + ".kept");
  server.reset();
  std::filesystem::rename(path + ".kept", path);  // as after kill -9: a file that nobody listens on
  EXPECT_EQ(start(), "");
  EXPECT_TRUE(RawClient("unix:" + path).connected());
}

TEST_F(ApiSocketFile, InUseIsLeftAlone) {
  ASSERT_EQ(start(), "");
  const auto second = ApiServer::start(io, {status, events}, {{"127.0.0.1:0", "unix:" + path}});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().text().find("is shuntd running already?"), std::string::npos);
  EXPECT_TRUE(RawClient("unix:" + path).connected());
}

TEST_F(ApiSocketFile, OtherFilesAreLeftAlone) {
  std::ofstream(path) << "precious";
  EXPECT_NE(start().find("is not a socket"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
  std::filesystem::remove(path);
  ASSERT_EQ(start(), "");
  std::filesystem::remove(path);
  std::ofstream(path) << "another's";
  server.reset();
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ApiSocketFile, NeedsItsFolder) {
  path = folder.path() + "/missing/api.sock";
  EXPECT_NE(start().find("No such file or directory"), std::string::npos);
}

TEST(ApiListen, SaysWhichAddressFails) {
  boost::asio::io_context io;
  FakeStatus status = fake_status();
  EventLog events;
  const auto first = ApiServer::start(io, {status, events}, {{"127.0.0.1:0"}});
  ASSERT_TRUE(first.ok());
  const std::string taken = first.value()->addresses().at(0);
  const auto second = ApiServer::start(io, {status, events}, {{taken}});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().text().find(taken), std::string::npos);
  EXPECT_FALSE(ApiServer::start(io, {status, events}, {{"nonsense"}}).ok());
  EXPECT_TRUE(ApiServer::start(io, {status, events}, {{"[::1]:0"}}).ok());
}

}  // namespace
}  // namespace shunt
