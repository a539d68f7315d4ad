// Who may ask shunt-insight for what: roles, sessions, other sites' pages, hosts' names; and its viewers.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <vector>

#include "http/api_tokens.h"
#include "http/http_server.h"
#include "insight/api/http_node_actor.h"
#include "tests/unit/insight_api_bed.h"
#include "tests/unit/web_socket_client.h"

namespace shunt::insight {
namespace {

using Json = nlohmann::json;

// One token of each role; little hashing, which is slow on purpose.
struct Tokens {
  Tokens() {
    TokenHash cost;
    cost.log2_n = 10;
    cost.r = 1;
    for (const ApiRole role : {ApiRole::reader, ApiRole::operator_, ApiRole::admin}) {
      const std::string name(role_name(role));
      const NewToken made = make_token(name, role, std::nullopt, cost).take();
      by_name[name] = made.token;
      file += made.line + "\n";
    }
  }
  std::map<std::string, std::string> by_name;
  std::string file;
};
const Tokens& tokens() {
  static const Tokens kMade;
  return kMade;
}

class InsightAccess : public testing::Test {
 protected:
  InsightAccess() {
    const std::string file = folder_.path() + "/tokens";
    std::ofstream(file) << tokens().file;
    chmod(file.c_str(), 0600);
    settings_.token_file = file;
    settings_.audit_file = folder_.path() + "/audit";
    settings_.limits.failures_per_second = settings_.limits.failure_burst = 10'000;
  }
  RawAnswer request(const std::string& method, const std::string& target, const std::string& more) {
    return send_json(bed().tcp(), method, target, method == "GET" ? "" : "{}", more);
  }
  InsightBed& bed() {
    if (!bed_) bed_ = std::make_unique<InsightBed>(settings_);
    return *bed_;
  }

  TemporaryFolder folder_;
  InsightApiSettings settings_;
  std::unique_ptr<InsightBed> bed_;
};

std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token + "\r\n";
}
std::string cookie(const std::string& token) {
  return "Cookie: theme=dark; shunt_token=" + token + "\r\n";
}

// Every row of the table, so that a new one can't be forgotten; a cookie is as good as a bearer's token.
TEST_F(InsightAccess, EachRouteTakesItsRolesAndNoOther) {
  const std::vector<ApiRoute> rows = bed().api->routes().rows();
  ASSERT_GT(rows.size(), 25U);
  const std::map<std::string, ApiRole> callers = {{"", ApiRole::anyone},
                                                  {"reader", ApiRole::reader},
                                                  {"operator", ApiRole::operator_},
                                                  {"admin", ApiRole::admin}};
  for (const ApiRoute& row : rows) {
    if (row.signs_in) continue;  // its own token is looked at
    const std::string target = std::regex_replace(row.pattern, std::regex(R"(\{\w+\})"), "5");
    for (const auto& [name, role] : callers) {
      const std::string token = name.empty() ? "" : tokens().by_name.at(name);
      for (const std::string& field : {bearer(token), cookie(token)}) {
        RawAnswer answer = request(row.method, target, name.empty() ? "" : field);
        SCOPED_TRACE(row.method + " " + target + " as " + (name.empty() ? "nobody" : field));
        if (role >= row.role) {
          EXPECT_NE(answer.status, 0U);
          EXPECT_NE(answer.status, 401U);
          EXPECT_NE(answer.status, 403U);
        } else {
          EXPECT_EQ(answer.status, name.empty() ? 401U : 403U);
          EXPECT_EQ(answer.fields["content-type"], "application/problem+json");
        }
      }
    }
  }
}

TEST_F(InsightAccess, ASessionIsACookieOfAGoodToken) {
  const std::string address = bed().tcp();
  const auto sign_in = [&](const std::string& body) {
    return send_json(address, "POST", "/api/v1/session", body);
  };
  const std::string& token = tokens().by_name.at("operator");
  RawAnswer good = sign_in(R"({"token": ")" + token + "\"}");
  EXPECT_EQ(good.status, 204U) << good.body;
  EXPECT_EQ(good.fields["set-cookie"], "shunt_token=" + token + "; Path=/; HttpOnly; SameSite=Strict");
  EXPECT_EQ(good.fields["content-length"], "");
  RawAnswer bad = sign_in(R"({"token": "operator.wrong"})");
  EXPECT_EQ(bad.status, 401U);
  EXPECT_EQ(bad.fields.count("set-cookie"), 0U);
  for (const char* body : {"", "[]", "{}", R"({"token": 5})"})
    EXPECT_EQ(sign_in(body).status, 400U) << body;
  const Json info = Json::parse(request("GET", "/api/v1/info", cookie(token)).body);
  EXPECT_EQ(info["role"], "operator");
  EXPECT_EQ(info["signed_in"], "operator");
  // One that isn't good counts for nothing, so that the page can be had to sign in anew.
  EXPECT_EQ(request("GET", "/api/v1/info", cookie("operator.wrong")).status, 401U);
  EXPECT_EQ(request("GET", "/", cookie("operator.wrong")).status, 200U);
  RawAnswer ended = send_json(address, "DELETE", "/api/v1/session", "");
  EXPECT_EQ(ended.status, 204U);
  EXPECT_EQ(ended.fields["set-cookie"], "shunt_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  WebSocket viewer(address, "/api/v1/stream", cookie(token));
  EXPECT_EQ(viewer.answer().status, 101U);
  EXPECT_EQ(viewer.next()["t"], kBedNow);
  EXPECT_EQ(WebSocket(address, "/api/v1/stream").answer().status, 401U);
}

TEST_F(InsightAccess, WritesOfOtherSitesAreRefusedAndAllAreAudited) {
  const std::string as = cookie(tokens().by_name.at("operator"));
  const std::string body = R"({"pool": "web-pool", "backend": "a", "drain": true})";
  const auto drain = [&](const std::string& more) {
    return send_json(bed().tcp(), "POST", "/api/v1/drain", body, as + more).status;
  };
  EXPECT_EQ(drain("Origin: http://evil.example\r\n"), 403U);
  EXPECT_EQ(drain("Origin: null\r\n"), 403U);
  EXPECT_EQ(drain("Origin: http://localhost\r\n"), 200U);
  EXPECT_EQ(WebSocket(bed().tcp(), "/api/v1/stream", as + "Origin: http://evil.example\r\n").answer().status,
            403U);
  EXPECT_EQ(bed().actor.actions.size(), 3U) << "of the one that was good, at each node";
  std::ifstream file(settings_.audit_file);
  std::vector<unsigned> statuses;
  for (std::string line; std::getline(file, line);) {
    EXPECT_EQ(Json::parse(line)["who"], "token operator");
    statuses.push_back(Json::parse(line)["status"].get<unsigned>());
  }
  EXPECT_EQ(statuses, (std::vector<unsigned>{403, 403, 200}));
}

RawAnswer get_as_host(const std::string& address, const std::string& host, const std::string& target) {
  RawClient client(address);
  client.send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  return client.read_answer();
}

// A page of another site may have its own name pointed here: it must not read what this host's users may.
TEST(InsightAnonymous, HostsHaveToBeKnown) {
  InsightApiSettings settings;
  settings.host_names = {"insight.example"};
  InsightBed bed(settings);
  for (const char* host : {"127.0.0.1:8080", "localhost", "LOCALHOST:80", "[::1]:8080", "insight.example:80"})
    EXPECT_EQ(get_as_host(bed.tcp(), host, "/api/v1/info").status, 200U) << host;
  for (const char* host : {"rebound.example", "127.0.0.1.rebound.example", "insight.example.evil", ""})
    EXPECT_EQ(get_as_host(bed.tcp(), host, "/api/v1/info").status, 421U) << host;
  EXPECT_EQ(get_as_host(bed.tcp(), "rebound.example", "/").status, 421U);
  EXPECT_EQ(get_as_host(bed.unix_socket(), "whatever", "/api/v1/info").status, 200U);
}

TEST(InsightAnonymous, HasTheRoleThatIsConfiguredAndNoMore) {
  const std::string body = R"({"pool": "web-pool", "backend": "a", "drain": true})";
  for (const auto& [role, read, write] :
       {std::tuple{ApiRole::anyone, 403U, 403U}, std::tuple{ApiRole::reader, 200U, 403U},
        std::tuple{ApiRole::operator_, 200U, 200U}}) {
    InsightApiSettings settings;
    settings.anonymous = role;
    InsightBed bed(settings);
    for (const std::string& address : {bed.tcp(), bed.unix_socket()}) {
      EXPECT_EQ(ask(address, "GET", "/api/v1/vips").status, read) << role_name(role) << address;
      EXPECT_EQ(send_json(address, "POST", "/api/v1/drain", body).status, write) << role_name(role);
      EXPECT_EQ(ask(address, "GET", "/healthz").status, 200U);
      EXPECT_EQ(send_json(address, "POST", "/api/v1/session", R"({"token": "a.b"})").status, 409U);
    }
  }
}

TEST(InsightAnonymous, OthersThanThisHostHaveNone) {
  ApiCaller far;
  far.from = "192.0.2.7:4000";
  ApiRoute row;
  row.role = ApiRole::reader;
  const auto refused = refusal_of(row, far, {"127.0.0.1", {}, {}}, {false, false, true, false}, "");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 403U);
  EXPECT_NE(refused->body.find("192.0.2.7"), std::string::npos) << refused->body;
}

TEST(InsightCookies, AreFoundByTheirWholeName) {
  EXPECT_EQ(cookie_value("a=1; shunt_token=x.y; b=2", "shunt_token"), "x.y");
  EXPECT_EQ(cookie_value("shunt_token=x=y", "shunt_token"), "x=y");
  EXPECT_FALSE(cookie_value("my_shunt_token=x; shunt_tokens=y", "shunt_token"));
  EXPECT_FALSE(cookie_value("shunt_token", "shunt_token"));
  EXPECT_FALSE(cookie_value("", "shunt_token"));
}

// The real actor against a real server, as shuntd's is: over a unix socket, with a token over TCP.
TEST(InsightNodeActor, AsksTheNodesApi) {
  TemporaryFolder folder;
  const std::string token_file = folder.path() + "/tokens";
  std::ofstream(token_file) << tokens().file;
  chmod(token_file.c_str(), 0600);
  std::ofstream(folder.path() + "/token") << tokens().by_name.at("operator") << "\n";
  std::vector<std::string> asked;
  ApiRoute row;
  row.method = "PATCH";
  row.pattern = "/api/v1/pools/{pool}/backends/{backend}";
  row.role = ApiRole::operator_;
  row.request = "Weight";
  row.writes = true;
  row.handler = [&](const ApiCall& call) {
    asked.push_back(call.caller.who + " " + call.parameter("backend") + " " + call.body);
    if (call.parameter("backend") == "web 2") return problem(409, "no", {{"errors", {"it is the last one"}}});
    return json_answer(R"({"accepted": true, "generation": 9, "text": "", "warnings": []})");
  };
  const SchemaJson schemas = SchemaJson::object();
  HttpHost host;
  host.identity = {"shuntd", "1", "", &schemas};
  host.routes = {row};
  boost::asio::io_context io;
  HttpSettings settings{{"unix:" + folder.path() + "/api.sock", "127.0.0.1:0"}, token_file};
  const auto server = HttpServer::start(io, host, settings).take();
  HttpNodeActor actor(
      io, {{"lb1", *HttpUrl::parse_server("unix:" + folder.path() + "/api.sock"), "", ""},
           {"lb2", *HttpUrl::parse_server(server->addresses().at(1)), folder.path() + "/token", ""},
           {"lb3", *HttpUrl::parse_server("unix:" + folder.path() + "/nobody.sock"), "", ""},
           {"lb4", *HttpUrl::parse_server("127.0.0.1:1"), folder.path() + "/missing", ""}});
  const auto act = [&](const std::string& node, const std::string& backend) {
    std::optional<NodeReply> reply;
    actor.act({node, "PATCH", "/api/v1/pools/p/backends/" + backend, R"({"weight":3})"},
              [&](NodeReply answer) { reply = std::move(answer); });
    while (!reply)
      io.run_one();
    return *reply;
  };
  EXPECT_EQ(act("lb1", "web-1").generation, 9U);
  EXPECT_EQ(act("lb2", "web-1").status, 200U);
  EXPECT_EQ(asked.at(1), R"(token operator web-1 {"weight":3})");
  EXPECT_EQ(act("lb2", "web%202").error, "no; it is the last one");
  EXPECT_EQ(act("lb3", "web-1").status, 0U);
  EXPECT_FALSE(act("lb3", "web-1").error.empty());
  EXPECT_NE(act("lb4", "web-1").error.find("missing"), std::string::npos);
  EXPECT_EQ(act("lb9", "web-1").error, "no node has this name");
}

TEST(InsightViewers, FiftySeeEachSecondsFrame) {
  InsightBed bed;
  std::vector<std::unique_ptr<WebSocket>> viewers;
  for (int i = 0; i < 50; ++i) {
    viewers.push_back(std::make_unique<WebSocket>(bed.tcp(), "/api/v1/stream"));
    ASSERT_EQ(viewers.back()->answer().status, 101U);
    EXPECT_EQ(viewers.back()->next()["t"], kBedNow) << "what is there comes at once";
  }
  for (int second = 1; second <= 3; ++second) {
    bed.on_thread([&] {
      bed.live.now_s = kBedNow + second;
      bed.api->publish();
      EXPECT_EQ(bed.api->viewers(), 50U);
    });
    for (const auto& viewer : viewers)
      EXPECT_EQ(viewer->next()["t"], kBedNow + second);
  }
  EXPECT_EQ(Json::parse(bed.get("/api/v1/system").body)["insight"]["viewers"], 50);
}

// A viewer that doesn't read is behind by what its socket holds, and then sees the newest; others see all.
TEST(InsightViewers, ASlowOneHoldsUpNobodyAndSkips) {
  InsightBed bed;
  bed.on_thread([&] {
    for (int i = 0; i < 2'000; ++i)
      bed.live.nodes[0].backends.push_back(bed.live.nodes[0].backends[0]);
    for (int i = 0; i < 2'000; ++i)
      bed.live.nodes[0].backends[static_cast<size_t>(i) + 3].name.backend = "x" + std::to_string(i);
    bed.api->publish();
  });
  WebSocket slow(bed.unix_socket(), "/api/v1/stream");
  WebSocket quick(bed.unix_socket(), "/api/v1/stream");
  EXPECT_EQ(quick.next()["t"], kBedNow);
  constexpr int kSeconds = 20;
  for (int second = 1; second <= kSeconds; ++second) {
    bed.on_thread([&] {
      bed.live.now_s = kBedNow + second;
      bed.api->publish();
    });
    EXPECT_EQ(quick.next()["t"], kBedNow + second);
  }
  int seen = 0;
  int64_t newest = 0;
  while (newest < kBedNow + kSeconds) {
    const Json frame = slow.next();
    ASSERT_TRUE(frame.is_object());
    EXPECT_GT(frame["t"].get<int64_t>(), newest);
    newest = frame["t"].get<int64_t>();
    ++seen;
  }
  EXPECT_LT(seen, kSeconds) << "a megabyte each, more than a socket holds";
}

TEST(InsightViewers, AreBounded) {
  InsightApiSettings settings;
  settings.limits.viewers = 1;
  InsightBed bed(settings);
  WebSocket first(bed.tcp(), "/api/v1/stream");
  EXPECT_EQ(first.answer().status, 101U);
  EXPECT_EQ(WebSocket(bed.tcp(), "/api/v1/stream").answer().status, 503U);
}

}  // namespace
}  // namespace shunt::insight
