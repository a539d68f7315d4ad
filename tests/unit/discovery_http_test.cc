// etcd and Kubernetes discovery, and the HTTP client below them, against a server that says what a test
// wrote.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/base64.h"
#include "control/discovery_etcd.h"
#include "control/discovery_kubernetes.h"
#include "http/http_client.h"
#include "http/http_url.h"
#include "tests/unit/discovery_bed.h"

namespace shunt {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScriptedHttp;

json pair(const std::string& key, const std::string& value) {
  return {{"key", to_base64(key)}, {"value", to_base64(value)}};
}
std::string backend_value(int last) {
  return R"({"address": "10.0.0.)" + std::to_string(last) + R"(", "port": 80})";
}
std::string backend_line(const std::string& name, int last) {
  return name + " 10.0.0." + std::to_string(last) + " 80 1";
}

struct EtcdDiscoveryTest : ::testing::Test, testing::DiscoveryBed {
  EtcdDiscoveryTest() {
    config.type = DiscoveryType::etcd;
    config.prefix = "/shunt/web/";
    config.endpoints = {server.url()};
  }
  std::string range_reply() const {
    json kvs = json::array();
    for (const auto& [key, value] : keys)
      kvs.push_back(pair(key, value));
    return ScriptedHttp::json(json{{"header", {{"revision", "41"}}}, {"kvs", kvs}}.dump());
  }
  void say(const json& result) { server.push(ScriptedHttp::chunk(json{{"result", result}}.dump() + "\n")); }
  json asked(size_t number) const {
    const std::string& request = server.requests().at(number);
    return json::parse(request.substr(request.find("\r\n\r\n") + 4));
  }
  bool run_until_watched() {
    return run_until([&] { return server.held() > 0; });
  }

  std::map<std::string, std::string> keys = {{"/shunt/web/a", backend_value(1)},
                                             {"/shunt/web/b", backend_value(2)}};
  std::function<std::string(const std::string&)> answer = [this](const std::string& request) {
    return request.starts_with("POST /v3/kv/range ") ? range_reply() : ScriptedHttp::stream();
  };
  ScriptedHttp server{io, [this](const std::string& request) { return answer(request); }};
  DiscoveryConfig config;
};

TEST_F(EtcdDiscoveryTest, RangeThenWatchFromTheNextRevision) {
  start(config);
  ASSERT_TRUE(run_until_lines({backend_line("a", 1), backend_line("b", 2)}));
  ASSERT_TRUE(run_until_watched());
  EXPECT_EQ(asked(0)["key"], to_base64("/shunt/web/"));
  EXPECT_EQ(asked(0)["range_end"], to_base64("/shunt/web0"));
  EXPECT_EQ(asked(1)["create_request"]["start_revision"], "42");
  say({{"header", {{"revision", "41"}}}, {"created", true}});
  const json put = {{"kv", pair("/shunt/web/c", backend_value(3))}};
  const json removed = {{"type", "DELETE"}, {"kv", json{{"key", to_base64("/shunt/web/a")}}}};
  say({{"events", json::array({put, removed})}});
  EXPECT_TRUE(run_until_lines({backend_line("b", 2), backend_line("c", 3)}));
}

TEST_F(EtcdDiscoveryTest, BadValuesAreSkipped) {
  keys = {{"/shunt/web/a", "no json"},
          {"/shunt/web/b", backend_value(2)},
          {"/shunt/web/x/y", backend_value(3)},
          {"/shunt/web/z", R"({"port": 80})"},
          {"/shunt/web/zz", std::string(5'000, ' ') + backend_value(4)}};
  start(config);
  ASSERT_TRUE(run_until_lines({backend_line("b", 2), backend_line("10.0.0.3:80", 3)}));
  EXPECT_THAT(answers[0].value().skipped,
              ElementsAre(HasSubstr("isn't JSON"), HasSubstr("no `address`"), HasSubstr("isn't JSON")));
}

TEST_F(EtcdDiscoveryTest, CompactionIsARangeAgain) {
  start(config);
  ASSERT_TRUE(run_until_watched());
  keys = {{"/shunt/web/c", backend_value(3)}};
  say({{"canceled", true}, {"compact_revision", "50"}});
  EXPECT_TRUE(run_until_lines({backend_line("c", 3)}));
  for (const auto& each : answers)
    EXPECT_TRUE(each);
}

TEST_F(EtcdDiscoveryTest, ALostWatchIsAnErrorThenANewRange) {
  start(config);
  ASSERT_TRUE(run_until_watched());
  keys = {{"/shunt/web/c", backend_value(3)}};
  server.drop();
  ASSERT_TRUE(run_until_lines({backend_line("c", 3)}));
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_FALSE(answers[1]);
}

TEST_F(EtcdDiscoveryTest, AQuietWatchIsBegunAnew) {
  config.refresh = milliseconds(100);
  start(config);
  ASSERT_TRUE(run_until_watched());
  keys = {{"/shunt/web/c", backend_value(3)}};  // and the watch says nothing of it
  EXPECT_TRUE(run_until_lines({backend_line("c", 3)}));
}

TEST_F(EtcdDiscoveryTest, TheNextEndpointIsUsed) {
  testing::ScriptedHttp broken{io, [](const std::string&) {
                                 return ScriptedHttp::json(R"({"error": "no leader"})", "503 Unavailable");
                               }};
  config.endpoints = {broken.url(), server.url()};
  start(config);
  ASSERT_TRUE(run_until_lines({backend_line("a", 1), backend_line("b", 2)}));
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_THAT(answers[0].error().text(), HasSubstr("HTTP 503 no leader"));
}

TEST_F(EtcdDiscoveryTest, WhatIsntEtcdIsAnError) {
  const std::vector<std::string> others = {
      ScriptedHttp::json("<html>"),
      ScriptedHttp::json("{}"),
      "HTTP/1.1 200 OK\r\n\r\n",
      "nonsense\r\n\r\n",
      ScriptedHttp::json(R"({"header": {"revision": "x"}})"),
      "",
      ScriptedHttp::json(R"({"header": {"revision": "1"}, "kvs": [{"key": "%%", "value": ""}]})"),
      ScriptedHttp::json(
          json{{"header", {{"revision", "1"}}}, {"kvs", json::array({pair("/other", "{}")})}}.dump())};
  for (const std::string& other : others) {
    testing::DiscoveryBed bed;
    ScriptedHttp odd(bed.io, [&](const std::string&) { return other; });
    config.endpoints = {odd.url()};
    bed.start(config);
    EXPECT_TRUE(bed.run_until_error()) << other;
    bed.source.reset();
    bed.io.poll();
  }
}

TEST_F(EtcdDiscoveryTest, WatchLinesThatAreOddAreErrors) {
  for (const char* line :
       {"{}", "[1]", "x", R"({"error": {"message": "gone"}})", R"({"result": {"canceled": true}})",
        R"({"result": {"events": [1]}})", R"({"result": {"events": [{"kv": {"key": "!"}}]}})"}) {
    answers.clear();
    const size_t held = server.held();
    start(config);
    ASSERT_TRUE(run_until([&] { return server.held() > held; }));
    server.push(ScriptedHttp::chunk(std::string(line) + "\n"));
    EXPECT_TRUE(run_until_error()) << line;
    source.reset();
    server.drop();
  }
}

TEST_F(EtcdDiscoveryTest, EndsWhileItWatches) {
  start(config);
  ASSERT_TRUE(run_until_watched());
  const size_t before = answers.size();
  source.reset();
  server.drop();
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(answers.size(), before);
}

TEST(EtcdRange, EndsBehindThePrefix) {
  EXPECT_EQ(etcd_range_end("a/"), "a0");
  EXPECT_EQ(etcd_range_end("a\xff\xff"), "b");
  EXPECT_EQ(etcd_range_end("\xff"), std::string(1, '\0'));
}

TEST(Base64, BothWays) {
  for (const std::string text : {"", "a", "ab", "abc", "abcd"})
    EXPECT_EQ(from_base64(to_base64(text)), text);
  EXPECT_EQ(to_base64("ab"), "YWI=");
  for (const char* bad : {"A", "AA", "AAA", "A===", "=AAA", "AA=A", "AA A", "AA\nA", "AAA-"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(HttpUrl, ParsesWhatNamesAServer) {
  EXPECT_EQ(HttpUrl::parse("http://etcd.test:2379")->text(), "http://etcd.test:2379");
  EXPECT_EQ(HttpUrl::parse("https://[2001:db8::1]")->text(), "https://[2001:db8::1]:443");
  EXPECT_EQ(HttpUrl::parse("https://[2001:db8::1]")->authority(), "[2001:db8::1]");
  EXPECT_EQ(HttpUrl::parse("http://10.0.0.1")->port, 80);
  for (const char* bad :
       {"", "10.0.0.1:80", "ftp://a", "http://", "http://a/", "http://a:0", "http://a:65536",
        "http://a:", "http://[10.0.0.1]", "http://2001:db8::1", "http://a b", "http://[::1", "http://[::1]x"})
    EXPECT_FALSE(HttpUrl::parse(bad)) << bad;
  EXPECT_EQ(SocketAddress::parse("192.0.2.53", 53)->text(), "192.0.2.53:53");
  EXPECT_EQ(SocketAddress::parse("[2001:db8::53]:54", 53)->text(), "[2001:db8::53]:54");
  EXPECT_EQ(SocketAddress::parse("2001:db8::53", 53)->text(), "[2001:db8::53]:53");
  for (const char* bad : {"", "dns.test", "192.0.2.53:", "192.0.2.53:0", "[192.0.2.53]:1", "::1:x"})
    EXPECT_FALSE(SocketAddress::parse(bad, 53)) << bad;
}

json endpoint(int last, bool ready, bool serving, bool terminating) {
  return {{"addresses", json::array({"10.0.0." + std::to_string(last)})},
          {"conditions", {{"ready", ready}, {"serving", serving}, {"terminating", terminating}}},
          {"targetRef", {{"kind", "Pod"}, {"name", "pod-" + std::to_string(last)}}}};
}
// (A vector: one object in braces might be taken for the object itself.)
json slice(const std::string& name, const std::vector<json>& endpoints) {
  return {{"metadata", {{"name", name}, {"resourceVersion", "7"}}},
          {"addressType", "IPv4"},
          {"endpoints", endpoints},
          {"ports", json::array({json{{"name", "http"}, {"port", 80U}, {"protocol", "TCP"}}})}};
}

// Over plain HTTP, which a configuration may not name: TLS is the smoke test's.
struct KubernetesDiscoveryTest : ::testing::Test, testing::DiscoveryBed {
  KubernetesDiscoveryTest() {
    token_file = std::filesystem::temp_directory_path() / ("shunt-token-" + std::to_string(getpid()));
    std::ofstream(token_file) << "first\n";
    config.type = DiscoveryType::kubernetes;
    config.name_space = "shop";
    config.service = "web";
    config.endpoints = {server.url()};
    config.token_file = token_file;
  }
  ~KubernetesDiscoveryTest() override { std::filesystem::remove(token_file); }
  std::string list_reply(const std::string& next = "") const {
    return ScriptedHttp::json(
        json{{"metadata", {{"resourceVersion", "100"}, {"continue", next}}}, {"items", items}}.dump());
  }
  void say(const std::string& type, const json& object) {
    server.push(ScriptedHttp::chunk(json{{"type", type}, {"object", object}}.dump() + "\n"));
  }
  bool run_until_watched(size_t watches = 1) {
    return run_until([&] { return server.held() >= watches; });
  }
  static bool is_watch(const std::string& request) { return request.find("&watch=1") != std::string::npos; }

  std::filesystem::path token_file;
  std::vector<json> items = {
      slice("web-1", {endpoint(1, true, true, false), endpoint(2, false, true, true)})};
  std::function<std::string(const std::string&)> answer = [this](const std::string& request) {
    return is_watch(request) ? ScriptedHttp::stream() : list_reply();
  };
  ScriptedHttp server{io, [this](const std::string& request) { return answer(request); }};
  DiscoveryConfig config;
};

TEST_F(KubernetesDiscoveryTest, ListThenWatch) {
  start(config);
  ASSERT_TRUE(run_until_lines({"pod-1 10.0.0.1 80 1", "pod-2 10.0.0.2 80 1 draining"}));
  ASSERT_TRUE(run_until_watched());
  EXPECT_THAT(server.requests()[0],
              HasSubstr("GET /apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector="
                        "kubernetes.io%2Fservice-name%3Dweb&limit=500"));
  EXPECT_THAT(server.requests()[0], HasSubstr("Authorization: Bearer first\r\n"));
  EXPECT_THAT(server.requests()[1],
              HasSubstr("&allowWatchBookmarks=true&timeoutSeconds=30&resourceVersion=100 "));
  say("MODIFIED", slice("web-1", {endpoint(1, true, true, false)}));
  say("ADDED", slice("web-2", {endpoint(3, true, true, false)}));
  ASSERT_TRUE(run_until_lines({"pod-1 10.0.0.1 80 1", "pod-3 10.0.0.3 80 1"}));
  say("DELETED", slice("web-1", {}));
  EXPECT_TRUE(run_until_lines({"pod-3 10.0.0.3 80 1"}));
}

// A watch that the server ends goes on from the newest version, a bookmark's too, with the token of now.
TEST_F(KubernetesDiscoveryTest, TheNextWatchGoesOnFromTheBookmark) {
  start(config);
  ASSERT_TRUE(run_until_watched());
  std::ofstream(token_file) << "second\n";
  say("BOOKMARK", {{"metadata", {{"resourceVersion", "250"}}}});
  io.run_for(std::chrono::milliseconds(550));  // a shorter watch is followed by a list
  server.push("0\r\n\r\n");
  ASSERT_TRUE(run_until_watched(2));
  EXPECT_THAT(server.requests().back(), HasSubstr("&resourceVersion=250 "));
  EXPECT_THAT(server.requests().back(), HasSubstr("Bearer second"));
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(KubernetesDiscoveryTest, GoneIsAListAgain) {
  start(config);
  ASSERT_TRUE(run_until_watched());
  items = {slice("web-9", {endpoint(9, true, true, false)})};
  say("ERROR", {{"code", 410}, {"message", "too old resource version"}});
  ASSERT_TRUE(run_until_lines({"pod-9 10.0.0.9 80 1"}));
  ASSERT_TRUE(run_until_watched(2));
  answer = [this](const std::string& request) {
    return is_watch(request) ? ScriptedHttp::json("{}", "410 Gone") : list_reply();
  };
  items = {slice("web-8", {endpoint(8, true, true, false)})};
  say("ERROR", {{"code", 410}});
  EXPECT_TRUE(run_until_lines({"pod-8 10.0.0.8 80 1"}));
  for (const auto& each : answers)
    EXPECT_TRUE(each);
}

TEST_F(KubernetesDiscoveryTest, AListComesInPages) {
  answer = [this](const std::string& request) {
    if (is_watch(request)) return ScriptedHttp::stream();
    const bool second = request.find("&continue=next%2Fpage") != std::string::npos;
    items = {slice(second ? "web-2" : "web-1", {endpoint(second ? 2 : 1, true, true, false)})};
    return list_reply(second ? "" : "next/page");
  };
  start(config);
  EXPECT_TRUE(run_until_lines({"pod-1 10.0.0.1 80 1", "pod-2 10.0.0.2 80 1"}));
}

TEST_F(KubernetesDiscoveryTest, RefusalsSayWhy) {
  answer = [](const std::string&) {
    return ScriptedHttp::json(R"({"message": "is forbidden"})", "403 Forbidden");
  };
  start(config);
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("HTTP 403 is forbidden"));
}

TEST_F(KubernetesDiscoveryTest, WithoutATokenNothingIsAsked) {
  std::ofstream(token_file) << "two words";
  start(config);
  ASSERT_TRUE(run_until_error());
  EXPECT_THAT(error(), HasSubstr("isn't a token"));
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST(EndpointSlices, WhatOneSays) {
  const auto lines = [](const json& object, const std::string& port) {
    return testing::lines_of(read_endpoint_slice(object, port).backends);
  };
  json object = slice("s", {endpoint(1, true, true, false), endpoint(2, false, true, false),
                            endpoint(3, false, false, true), endpoint(4, false, true, true)});
  EXPECT_THAT(lines(object, ""), ElementsAre("pod-1 10.0.0.1 80 1", "pod-4 10.0.0.4 80 1 draining"));
  EXPECT_THAT(lines(object, "http"), ElementsAre("pod-1 10.0.0.1 80 1", "pod-4 10.0.0.4 80 1 draining"));
  EXPECT_THAT(read_endpoint_slice(object, "https").skipped, ElementsAre("s: has no port of the name https"));
  object["ports"].push_back(json{{"name", "https"}, {"port", 443U}});
  EXPECT_THAT(read_endpoint_slice(object, "").skipped, ElementsAre(HasSubstr("several ports")));
  EXPECT_THAT(lines(object, "https"), ElementsAre("pod-1 10.0.0.1 443 1", "pod-4 10.0.0.4 443 1 draining"));
  // No conditions: ready. No pod: the address is the name.
  EXPECT_THAT(lines(slice("s", {json::parse(R"({"addresses": ["10.0.0.5", "10.0.0.6"]})")}), ""),
              ElementsAre(" 10.0.0.5 80 1"));
  json six = slice("s", {endpoint(1, true, true, false)});
  six["endpoints"][0]["addresses"] = json::array({"2001:db8::1"});
  EXPECT_THAT(lines(six, ""), ElementsAre("pod-1-v6 2001:db8::1 80 1"));
  six["addressType"] = "FQDN";
  EXPECT_THAT(read_endpoint_slice(six, "").skipped, ElementsAre(HasSubstr("host names")));
  for (const char* odd : {"null", "[]", "1", R"({"endpoints": 1})", R"({"endpoints": [1]})",
                          R"({"endpoints": [{"addresses": 1}], "ports": 7})",
                          R"({"endpoints": [{"addresses": [1]}], "ports": [{"port": 80}]})"})
    EXPECT_THAT(read_endpoint_slice(json::parse(odd), "").backends, IsEmpty()) << odd;
}

// While an endpoint moves from one slice to another it may stand in both.
TEST(EndpointSlices, OnceIsEnoughAndReadyGoesFirst) {
  std::map<std::string, EndpointSlice> slices;
  slices["a"] =
      read_endpoint_slice(slice("a", {endpoint(1, false, true, true), endpoint(2, true, true, false)}), "");
  slices["b"] =
      read_endpoint_slice(slice("b", {endpoint(1, true, true, false), endpoint(2, false, true, true)}), "");
  const DiscoveryAnswer answer = join_slices(slices);
  EXPECT_THAT(testing::lines_of(answer.backends), ElementsAre("pod-1 10.0.0.1 80 1", "pod-2 10.0.0.2 80 1"));
  EXPECT_EQ(answer.skipped_count, 0U);
}

}  // namespace
}  // namespace shunt
