// Who may do what: the table of routes against every kind of caller, tokens, TLS, limits, audit.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "http/api_audit.h"
#include "http/api_gate.h"
#include "http/api_limits.h"
#include "http/api_time.h"
#include "http/api_tokens.h"
#include "http/base64url.h"
#include "tests/unit/api_harness.h"

namespace shunt {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::system_clock;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  chmod(path.c_str(), 0600);
}

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

RawAnswer ask_as(const std::string& address, const std::string& method, const std::string& target,
                 const std::string& token, const std::string& more = {}) {
  RawClient client(address);
  const std::string field = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
  if (!client.send(request_text(method, target, field + more))) return {};
  return client.read_answer(method == "HEAD");
}

// As little as the file takes: hashes are slow on purpose.
constexpr uint8_t kQuick = 10;

TokenHash quick() {
  TokenHash cost;
  cost.log2_n = kQuick;
  cost.r = 1;
  return cost;
}

// One token of each role, and one that has expired.
struct Tokens {
  Tokens() {
    for (const ApiRole role : {ApiRole::reader, ApiRole::operator_, ApiRole::admin})
      add(std::string(role_name(role)), role, std::nullopt);
    add("old", ApiRole::admin, Clock::now() - std::chrono::hours(1));
  }
  void add(const std::string& name, ApiRole role, std::optional<Clock::time_point> expires) {
    const NewToken made = make_token(name, role, expires, quick()).take();
    by_name[name] = made.token;
    file += made.line + "\n";
  }
  std::map<std::string, std::string> by_name;
  std::string file = "# tokens of the test\n\n";
};

const Tokens& tokens() {
  static const Tokens made;
  return made;
}

// A server with a token file, an audit file, and limits that a test doesn't meet by being quick.
class ApiAccessTest : public ::testing::Test {
 protected:
  void start(ApiSettings settings = {}, std::vector<ApiRoute> more = {}) {
    write_file(token_file, tokens().file);
    settings.token_file = token_file;
    settings.audit_file = folder.path() + "/audit";
    settings.simple_writes = true;
    limits.failures_per_second = limits.failure_burst = 10'000;
    limits.requests_per_second = limits.request_burst = 100'000;
    server = std::make_unique<ServerOnThread>(limits, settings, std::move(more));
  }
  RawAnswer get(const std::string& target, const std::string& token, const std::string& more = {}) {
    return ask_as(server->tcp_address(), "GET", target, token, more);
  }
  std::vector<Json> audit() const {
    std::vector<Json> lines;
    std::istringstream in(slurp(folder.path() + "/audit"));
    for (std::string line; std::getline(in, line);)
      lines.push_back(Json::parse(line));
    return lines;
  }

  TemporaryFolder folder;
  std::string token_file = folder.path() + "/tokens";
  ApiLimits limits;
  std::unique_ptr<ServerOnThread> server;
};

// A path that a pattern takes.
std::string example_of(const std::string& pattern) {
  return std::regex_replace(pattern, std::regex(R"(\{\w+\})"), "maglev");
}

// Every row of the table, so that a new one can't be forgotten.
TEST_F(ApiAccessTest, EachRouteTakesItsRolesAndNoOther) {
  start();
  const std::vector<ApiRoute> rows = server->server().routes().rows();
  ASSERT_GT(rows.size(), 15U);
  const std::map<std::string, ApiRole> callers = {{"", ApiRole::anyone},
                                                  {"reader", ApiRole::reader},
                                                  {"operator", ApiRole::operator_},
                                                  {"admin", ApiRole::admin}};
  for (const ApiRoute& row : rows) {
    const std::string target = example_of(row.pattern);
    for (const auto& [name, role] : callers) {
      const std::string token = name.empty() ? "" : tokens().by_name.at(name);
      RawAnswer answer = ask_as(server->tcp_address(), row.method, target, token);
      SCOPED_TRACE(row.method + " " + target + " as " + (name.empty() ? "nobody" : name));
      if (role >= row.role) {
        EXPECT_NE(answer.status, 0U);
        EXPECT_NE(answer.status, 401U);
        EXPECT_NE(answer.status, 403U);
      } else {
        EXPECT_EQ(answer.status, name.empty() ? 401U : 403U);
        EXPECT_EQ(answer.fields.contains("www-authenticate"), name.empty());
        EXPECT_EQ(answer.fields["content-type"], "application/problem+json");
      }
    }
    for (const std::string& bad : {std::string("reader.wrong"), std::string("nobody.x"), std::string("x"),
                                   tokens().by_name.at("old")}) {
      RawAnswer answer = ask_as(server->tcp_address(), row.method, target, bad);
      EXPECT_EQ(answer.status, 401U) << target << " with " << bad;
      EXPECT_NE(answer.fields["www-authenticate"].find("invalid_token"), std::string::npos);
    }
    const unsigned by_unix = ask(server->unix_address(), row.method, target).status;
    EXPECT_TRUE(by_unix != 401 && by_unix != 403 && by_unix != 0) << target << " " << by_unix;
  }
}

TEST_F(ApiAccessTest, WithoutATokenFileReadsAreOpenAndChangesAreNot) {
  ServerOnThread open;
  for (const ApiRoute& row : open.server().routes().rows()) {
    const unsigned status = ask(open.tcp_address(), row.method, example_of(row.pattern)).status;
    const bool allowed = row.role <= ApiRole::reader || row.loopback;
    EXPECT_EQ(status == 403, !allowed) << row.pattern << " " << status;
    EXPECT_NE(status, 401U);
  }
}

TEST_F(ApiAccessTest, ASchemeThatIsNotBearerIsRefused) {
  start();
  for (const char* field : {"Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "", "Token x"}) {
    RawClient client(server->tcp_address());
    client.send(request_text("GET", "/healthz", std::string("Authorization: ") + field + "\r\n"));
    EXPECT_EQ(client.read_answer().status, 401U) << field;
  }
  RawClient client(server->tcp_address());
  client.send(
      request_text("GET", "/stats", "Authorization: bEARER   " + tokens().by_name.at("reader") + " \r\n"));
  EXPECT_EQ(client.read_answer().status, 200U);
}

TEST_F(ApiAccessTest, AChangedTokenFileIsReadAgain) {
  start();
  EXPECT_EQ(get("/stats", tokens().by_name.at("reader")).status, 200U);
  const NewToken other = make_token("other", ApiRole::reader, std::nullopt, quick()).take();
  write_file(token_file + "2", other.line + "\n");
  ASSERT_EQ(rename((token_file + "2").c_str(), token_file.c_str()), 0);
  unsigned status = 0;
  for (int i = 0; i < 1'000 && status != 200; ++i) {
    status = get("/stats", other.token).status;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(status, 200U);
  EXPECT_EQ(get("/stats", tokens().by_name.at("reader")).status, 401U);
  write_file(token_file, "nonsense\n");
  const auto told = [&] {
    bool is_told = false;
    server->on_control_thread([&] {
      for (const Event& event : server->events.after(0))
        is_told |=
            event.kind == "tokens.refused" && event.text.find(token_file + ":1: ") != std::string::npos;
    });
    return is_told;
  };
  for (int i = 0; i < 1'000 && !told(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(told());
  EXPECT_EQ(get("/stats", other.token).status, 200U);
}

TEST_F(ApiAccessTest, EveryWriteIsInTheAuditFile) {
  start();
  const std::string tcp = server->tcp_address();
  EXPECT_EQ(ask_as(tcp, "POST", "/api/v1/reload", "").status, 401U);
  EXPECT_EQ(ask_as(tcp, "POST", "/api/v1/reload", tokens().by_name.at("reader")).status, 403U);
  EXPECT_EQ(ask_as(tcp, "POST", "/api/v1/reload", tokens().by_name.at("operator")).status, 200U);
  EXPECT_EQ(ask(server->unix_address(), "GET", "/algorithm/round-robin?service=web").status, 200U);
  EXPECT_EQ(ask(server->unix_address(), "GET", "/api/v1/status").status, 200U);
  const std::vector<Json> lines = audit();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["who"], "nobody");
  EXPECT_EQ(lines[0]["outcome"], "refused");
  EXPECT_EQ(lines[1]["who"], "token reader");
  EXPECT_EQ(lines[2]["who"], "token operator");
  EXPECT_EQ(lines[2]["outcome"], "done");
  EXPECT_EQ(lines[2]["method"], "POST");
  EXPECT_EQ(lines[2]["generation"], 7);
  EXPECT_TRUE(lines[2]["from"].get<std::string>().starts_with("127.0.0.1:"));
  EXPECT_EQ(lines[3]["path"], "/algorithm/round-robin?service=web");
  EXPECT_EQ(lines[3]["who"].get<std::string>().find("uid " + std::to_string(getuid()) + " (pid "), 0U);
  EXPECT_EQ(lines[3]["from"], server->unix_address());
  server->on_control_thread([&] {
    EXPECT_EQ(server->status.scheduler_set, std::pair(std::string("web"), std::string("round-robin")));
  });
}

TEST_F(ApiAccessTest, IfMatchNamesTheState) {
  start();
  const auto reload = [&](const std::string& field) {
    RawClient client(server->unix_address());
    client.send(request_text("POST", "/api/v1/reload", field));
    return client.read_answer();
  };
  EXPECT_EQ(reload("If-Match: \"5-0\"\r\n").status, 412U);
  EXPECT_EQ(reload("If-Match: W/\"5-1\"\r\n").status, 412U);
  RawAnswer taken = reload("If-Match: \"5-0\", \"5-1\"\r\n");
  EXPECT_EQ(taken.status, 200U);
  EXPECT_EQ(taken.fields["etag"], "\"5-1\"");
  EXPECT_EQ(reload("If-Match: *\r\n").status, 200U);
  EXPECT_EQ(ask(server->unix_address(), "GET", "/api/v1/services").fields["etag"], "\"5-1\"");
}

// What another part adds: parameters of the path, a body with its bound, If-Match required.
TEST_F(ApiAccessTest, ARowOfAnotherPart) {
  ApiRoute row;
  row.method = "PUT";
  row.pattern = "/api/v1/pools/{pool}/backends/{backend}";
  row.role = ApiRole::operator_;
  row.summary = "Test";
  row.request = row.answer = "Change";
  row.writes = true;
  row.if_match = IfMatch::required;
  row.body_bytes = 100;
  row.handler = [](const ApiCall& call) {
    return json_answer(call.parameter("pool") + "|" + call.parameter("backend") + "|" + call.value("x") +
                       "|" + call.body + "|" + call.caller.who);
  };
  start({}, {row});
  const std::string target = "/api/v1/pools/a%20b/backends/c+d?x=1";
  const std::string& token = tokens().by_name.at("operator");
  const auto put = [&](const std::string& more, const std::string& body) {
    RawClient client(server->tcp_address());
    client.send(request_text("PUT", target,
                             "Authorization: Bearer " + token + "\r\n" + more +
                                 "Content-Length: " + std::to_string(body.size()) + "\r\n") +
                body);
    return client.read_answer();
  };
  EXPECT_EQ(put("", "{}").status, 428U);
  EXPECT_EQ(put("If-Match: \"4\"\r\n", "{}").status, 412U);
  EXPECT_EQ(put("If-Match: \"5-1\"\r\n", "{}").body, "a b|c+d|1|{}|token operator");
  EXPECT_EQ(put("If-Match: \"5-1\"\r\n", std::string(101, 'x')).status, 413U);
  EXPECT_EQ(ask(server->unix_address(), "DELETE", target).fields["allow"], "PATCH, PUT");
  RawClient waits(server->unix_address());
  waits.send(request_text("PUT", target, "If-Match: *\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"));
  EXPECT_EQ(waits.read_answer(true).status, 100U);
  waits.send("[]");
  EXPECT_EQ(waits.read_answer().status, 200U);
}

TEST_F(ApiAccessTest, PagesOfOtherSitesChangeNothing) {
  start();
  const std::string& token = tokens().by_name.at("operator");
  EXPECT_EQ(get("/algorithm/maglev", token, "Origin: http://evil.example\r\n").status, 403U);
  EXPECT_EQ(get("/algorithm/maglev", token, "Origin: null\r\n").status, 403U);
  EXPECT_EQ(get("/algorithm/maglev", token, "Origin: http://localhost\r\n").status, 200U);
  EXPECT_EQ(get("/stats", token, "Origin: http://evil.example\r\n").status, 200U);
}

TEST(ApiGate, ForeignPages) {
  EXPECT_FALSE(is_foreign_page("http://127.0.0.1:8080", "127.0.0.1:8080", false));
  EXPECT_FALSE(is_foreign_page("http://[::1]:8080", "[::1]:8080", false));
  EXPECT_FALSE(is_foreign_page("http://LOCALHOST:8080", "localhost:8080", false));
  EXPECT_TRUE(is_foreign_page("http://rebound.example:8080", "rebound.example:8080", false));
  EXPECT_FALSE(is_foreign_page("https://lb1.example:8443", "lb1.example:8443", true));
  EXPECT_TRUE(is_foreign_page("http://127.0.0.1:8081", "127.0.0.1:8080", true));
  EXPECT_TRUE(is_foreign_page("null", "127.0.0.1:8080", true));
}

TEST_F(ApiAccessTest, SimpleWritesAreOffUnlessAllowed) {
  ServerOnThread plain;
  RawAnswer answer = ask(plain.unix_address(), "GET", "/algorithm/maglev");
  EXPECT_EQ(answer.status, 403U);
  EXPECT_NE(answer.body.find("simple_writes"), std::string::npos);
  plain.on_control_thread([&] { EXPECT_EQ(plain.status.scheduler_changes, 0); });
  start();
  EXPECT_EQ(ask(server->unix_address(), "GET", "/algorithm/nonsense").status, 404U);
  EXPECT_EQ(ask(server->unix_address(), "GET", "/algorithm/maglev?service=none").status, 404U);
  EXPECT_EQ(ask(server->unix_address(), "HEAD", "/algorithm/maglev").status, 405U);
}

TEST(ApiLimits, OneAddressIsSlowedDown) {
  ApiLimits limits;
  limits.requests_per_second = 0.001;
  limits.request_burst = 5;
  ServerOnThread server(limits);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(ask(server.tcp_address(), "GET", "/healthz").status, 200U);
  RawAnswer answer = ask(server.tcp_address(), "GET", "/healthz");
  EXPECT_EQ(answer.status, 429U);
  EXPECT_EQ(answer.fields["retry-after"], "1");
  EXPECT_EQ(ask(server.unix_address(), "GET", "/healthz").status, 200U);
}

TEST_F(ApiAccessTest, WrongTokensAreCountedAndThenNotLookedAt) {
  write_file(token_file, tokens().file);
  limits.failures_per_second = 0.001;
  limits.failure_burst = 3;
  ApiSettings settings;
  settings.token_file = token_file;
  server = std::make_unique<ServerOnThread>(limits, settings);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(get("/stats", "reader.wrong" + std::to_string(i)).status, 401U);
  EXPECT_EQ(get("/stats", "reader.wrong9").status, 429U);
  EXPECT_EQ(get("/stats", tokens().by_name.at("reader")).status, 429U);
  EXPECT_EQ(get("/stats", "").status, 401U);
}

TEST(PeerLimits, ForgetsWhoIsGoneAndBoundsWhoIsThere) {
  ApiLimits limits;
  limits.peer_connections = 2;
  PeerLimits peers(limits);
  const TokenBucket::Time now{};
  const auto address = [](uint32_t number) { return IpAddress::v4(be32(0x0a000000U + number)); };
  for (uint32_t i = 0; i < PeerLimits::kMaxPeers; ++i)
    ASSERT_TRUE(peers.open(address(i), now));
  EXPECT_FALSE(peers.open(address(99'999), now));
  peers.close(address(7));
  EXPECT_TRUE(peers.open(address(99'999), now));
  EXPECT_EQ(peers.size(), PeerLimits::kMaxPeers);
  EXPECT_TRUE(peers.open(address(1), now));
  EXPECT_FALSE(peers.open(address(1), now));
}

TEST(PeerLimits, AnIpv6SiteIsOnePeer) {
  ApiLimits limits;
  limits.peer_connections = 1;
  PeerLimits peers(limits);
  EXPECT_TRUE(peers.open(*IpAddress::parse("2001:db8::1"), {}));
  EXPECT_FALSE(peers.open(*IpAddress::parse("2001:db8::2"), {}));
  EXPECT_TRUE(peers.open(*IpAddress::parse("2001:db8:0:1::1"), {}));
}

TEST(TokenBucket, FillsAtItsRate) {
  const TokenBucket::Time start{};
  TokenBucket bucket(2, 3, start);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start + std::chrono::milliseconds(499)));
  EXPECT_TRUE(bucket.take(start + std::chrono::milliseconds(500)));
  EXPECT_FALSE(bucket.take(start + std::chrono::milliseconds(999)));
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(bucket.take(start + std::chrono::hours(1)));
  EXPECT_FALSE(bucket.take(start + std::chrono::hours(1)));
}

TEST(ApiTokens, AreWhatWasMade) {
  const auto expires = *parse_rfc3339("2030-01-31T12:00:00Z");
  const NewToken made = make_token("ci-1", ApiRole::operator_, expires).take();
  const auto read = parse_tokens("f", made.line);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read.value().size(), 1U);
  const ApiToken& token = read.value()[0];
  EXPECT_EQ(token.name, "ci-1");
  EXPECT_EQ(token.role, ApiRole::operator_);
  EXPECT_EQ(token.expires, expires);
  EXPECT_FALSE(token.is_expired(expires - std::chrono::seconds(1)));
  EXPECT_TRUE(token.is_expired(expires));
  EXPECT_EQ(token_name(made.token), "ci-1");
  EXPECT_TRUE(verify_token(made.token, token.hash));
  EXPECT_FALSE(verify_token(made.token + "x", token.hash));
  EXPECT_FALSE(verify_token("", token.hash));
  EXPECT_EQ(made.line.find(made.token.substr(5)), std::string::npos);
  EXPECT_NE(make_token("ci-1", ApiRole::operator_, {}).value().token, made.token);
  for (const char* name : {"", "a.b", "a b", "\xc3\xa4"})
    EXPECT_FALSE(make_token(name, ApiRole::reader, {}).ok()) << name;
}

TEST(ApiTokens, EveryErrorOfTheFileIsTold) {
  const std::string good = make_token("a", ApiRole::reader, {}).value().line;
  const std::string hash = good.substr(good.rfind(' ') + 1);
  const std::map<std::string, std::string> kLines = {
      {"a reader", "a line is"},
      {"a reader " + hash + " expires", "a line is"},
      {"a.b reader " + hash, "isn't a token's name"},
      {"a root " + hash, "none of reader, operator and admin"},
      {"a anyone " + hash, "none of reader, operator and admin"},
      {"a reader sha256$x", "the hash isn't one"},
      {"a reader scrypt$30$8$1$AAAAAAAAAAAAAAAAAAAAAA$" + hash.substr(hash.rfind('$') + 1),
       "the hash isn't one"},
      {"a reader " + hash.substr(0, hash.size() - 4), "the hash isn't one"},
      {"a reader " + hash + " expires tomorrow", "a time like"},
      {"a reader " + hash + " until 2030-01-31T12:00:00Z", "a time like"}};
  for (const auto& [line, wanted] : kLines) {
    const auto read = parse_tokens("file", "# x\n" + line + "\n");
    ASSERT_FALSE(read.ok()) << line;
    EXPECT_EQ(read.error().text().find("file:2: "), 0U) << read.error().text();
    EXPECT_NE(read.error().text().find(wanted), std::string::npos) << read.error().text();
  }
  const auto twice = parse_tokens("file", good + "\n" + good + "\nx\n");
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().text().find("file:2: the name \"a\" is there already\nfile:3: "),
            std::string::npos);
}

TEST(ApiTokens, FilesThatCantBeTrusted) {
  TemporaryFolder folder;
  const std::string file = folder.path() + "/t";
  EXPECT_FALSE(read_tokens(file).ok());
  write_file(file, "");
  EXPECT_TRUE(read_tokens(file).ok());
  chmod(file.c_str(), 0620);
  EXPECT_NE(read_tokens(file).error().text().find("chmod 600"), std::string::npos);
  EXPECT_NE(read_tokens(folder.path()).error().text().find("isn't a file"), std::string::npos);
  write_file(file, std::string((1U << 20U) + 1, '\n'));
  EXPECT_NE(read_tokens(file).error().text().find("1 MiB"), std::string::npos);
}

TEST(Base64Url, BothWays) {
  const std::map<std::string, std::string> kPairs = {
      {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xff\xfe\xfd", "__79"}};
  for (const auto& [bytes, text] : kPairs) {
    EXPECT_EQ(to_base64url(bytes), text);
    EXPECT_EQ(from_base64url(text), bytes);
  }
  EXPECT_FALSE(from_base64url("Z").has_value());
  EXPECT_FALSE(from_base64url("Zg==").has_value());
  EXPECT_FALSE(from_base64url("Z+8").has_value());
}

TEST(ApiAudit, WhatCantBeWrittenIsCountedAndToldOnce) {
  ApiAudit audit;
  const ApiCaller caller{ApiRole::admin, "x", "x", "y"};
  const AuditLine line{Clock::now(), caller, "POST", "/\xff", 200, 1};
  EXPECT_TRUE(audit.add(line));
  EXPECT_FALSE(audit.open("/nonexistent/audit").ok());
  ASSERT_TRUE(audit.open("/dev/full").ok());
  EXPECT_FALSE(audit.add(line));
  EXPECT_TRUE(audit.add(line));
  EXPECT_EQ(audit.lost(), 2U);
  EXPECT_EQ(Json::parse(audit_text(line))["path"], "/\xef\xbf\xbd");
}

}  // namespace
}  // namespace shunt
