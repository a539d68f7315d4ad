// What the API tells as it happens (events, figures, WebSockets), and that its answers are what its document
// says.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "control/api_events.h"
#include "control/api_figures.h"
#include "http/api_feed.h"
#include "http/api_openapi.h"
#include "http/api_schema.h"
#include "tests/unit/api_harness.h"
#include "tests/unit/desired_bed.h"
#include "tests/unit/schema_validator.h"
#include "tests/unit/web_socket_client.h"

namespace shunt {
namespace {

using Json = nlohmann::json;

// ---- events

TEST(EventsJson, TellsWhatIsThereAndWhatIsNot) {
  EventLog log;
  EXPECT_EQ(Json::parse(events_json(log, 0, 10)),
            (Json{{"newest", 0}, {"missed", 0}, {"events", Json::array()}}));
  for (int i = 1; i <= 1'005; ++i)
    log.add("backend.up", "web/" + std::to_string(i), "HTTP 200");
  const Json last = Json::parse(events_json(log, 0, 3));
  EXPECT_EQ(last["newest"], 1'005);
  EXPECT_EQ(last["missed"], 1'002);
  EXPECT_EQ(last["events"][0]["number"], 1'003);
  EXPECT_EQ(last["events"][2]["subject"], "web/1005");
  EXPECT_EQ(Json::parse(events_json(log, 1'004, 1'000))["missed"], 0);
  EXPECT_EQ(Json::parse(events_json(log, 5'000, 1'000))["events"].size(), 0U);
}

TEST(EventCursor, GoesOnWhereItWasAndSaysWhatItMissed) {
  EventLog log;
  int wakes = 0;
  log.add("a", "b", "before");
  EventCursor cursor(log, log.newest(), [&] { ++wakes; });
  EXPECT_EQ(cursor.next(), nullptr);
  log.add("a", "b", "first");
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(Json::parse(*cursor.next())["text"], "first");
  EXPECT_EQ(cursor.next(), nullptr);
  for (int i = 0; i < 1'500; ++i)
    log.add("a", "b", std::to_string(i));
  EXPECT_EQ(Json::parse(*cursor.next()), (Json{{"missed", 500}}));
  for (int i = 500; i < 1'500; ++i)
    ASSERT_EQ(Json::parse(*cursor.next())["text"], std::to_string(i));
  EXPECT_EQ(cursor.next(), nullptr);
}

TEST(Api, EventsAreAskedForByNumber) {
  ServerOnThread server;
  server.on_control_thread([&] {
    for (int i = 1; i <= 5; ++i)
      server.events.add("backend.down", "web/a", std::to_string(i));
  });
  const auto get = [&](const char* query) {
    return Json::parse(ask(server.unix_address(), "GET", std::string("/api/v1/events") + query).body);
  };
  EXPECT_EQ(get("")["events"].size(), 5U);
  EXPECT_EQ(get("?after=3")["events"].size(), 2U);
  EXPECT_EQ(get("?after=1&limit=2")["missed"], 2);
  for (const char* query : {"?after=x", "?after=-1", "?limit=0", "?limit=1001"})
    EXPECT_EQ(get(query)["status"], 400) << query;
}

// ---- figures

TEST(FigureReader, RatesAreOfTheTimeBetween) {
  FakeStatus status = fake_status();
  FigureReader reader(status);
  const FigureReader::Time start = std::chrono::steady_clock::now();
  const Json first = Json::parse(reader.read(start));
  EXPECT_EQ(first["number"], 1);
  EXPECT_EQ(first["seconds"], 0.0);
  EXPECT_EQ(first["services"][0]["rates"], nullptr);
  EXPECT_EQ(first["dropped"], 12);
  status.service_status[0].packets += 500;
  status.service_status[0].backends[0].bytes += 3'000;
  status.service_status[0].backends[1].packets = 0;  // a number that is used again
  status.drops_report.received += 1'000;
  const Json second = Json::parse(reader.read(start + std::chrono::seconds(2)));
  EXPECT_EQ(second["seconds"], 2.0);
  EXPECT_EQ(second["rates"]["received"], 500.0);
  EXPECT_EQ(second["services"][0]["rates"]["packets"], 250.0);
  EXPECT_EQ(second["services"][0]["backends"][0]["rates"]["bytes"], 1'500.0);
  EXPECT_EQ(second["services"][0]["backends"][1]["rates"]["packets"], 0.0);
  EXPECT_EQ(second["services"][1]["rates"]["packets"], 0.0);
}

TEST(FigureReader, ManyBackendsAreLeftOut) {
  FakeStatus status = fake_status();
  while (status.service_status[0].backends.size() <= kMaxFigureBackends)
    status.service_status[0].backends.push_back(fake_backend("web", "x", "10.0.0.9"));
  const Json json = Json::parse(FigureReader(status).read({}));
  EXPECT_EQ(json["all_backends"], false);
  EXPECT_EQ(json["services"][0]["backends"].size(), 0U);
  EXPECT_EQ(json["services"][0]["packets"], 2'469'134);
}

TEST(FigureFeed, ASlowViewerGetsTheNewestOnly) {
  boost::asio::io_context io;
  FakeStatus status = fake_status();
  FigureFeed feed(io, status, std::chrono::milliseconds(1));
  int wakes = 0;
  const auto cursor = feed.watch([&] { ++wakes; });
  EXPECT_EQ(Json::parse(*cursor->next())["number"], 1);
  EXPECT_EQ(cursor->next(), nullptr);
  while (wakes < 5)
    io.run_one();
  EXPECT_EQ(Json::parse(*cursor->next())["number"], 6);
  EXPECT_EQ(cursor->next(), nullptr);
}

TEST(FigureFeed, RestsWhileNobodyLooks) {
  boost::asio::io_context io;
  FakeStatus status = fake_status();
  FigureFeed feed(io, status, std::chrono::milliseconds(1));
  EXPECT_NE(feed.latest(), nullptr);
  io.run();  // ends: the clock has stopped
  EXPECT_NE(feed.latest(), nullptr);
}

// ---- WebSockets

TEST(ApiViewer, EventsComeAsTheyHappen) {
  ServerOnThread server;
  server.on_control_thread([&] { server.events.add("reload.accepted", "f", "one"); });
  for (const std::string& address : {server.unix_address(), server.tcp_address()}) {
    WebSocket from_the_first(address, "/api/v1/events?after=0");
    ASSERT_EQ(from_the_first.answer().status, 101U);
    EXPECT_EQ(from_the_first.answer().fields["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(from_the_first.next()["text"], "one");
  }
  WebSocket live(server.unix_address(), "/api/v1/events");
  ASSERT_EQ(live.answer().status, 101U);
  // Until the server has come to listen for it, which is after its 101, an event is not for this viewer.
  std::thread teller([&] {
    for (int i = 0; i < 50; ++i) {
      server.on_control_thread([&] { server.events.add("backend.up", "web/a", std::to_string(i)); });
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  uint64_t number = 0;
  for (int i = 0; i < 3; ++i) {
    const Json event = live.next();
    EXPECT_EQ(event["kind"], "backend.up");
    if (number > 0) {
      EXPECT_EQ(event["number"], number + 1);
    }
    number = event["number"].get<uint64_t>();
  }
  teller.join();
}

TEST(ApiViewer, FiguresComeOneAfterTheOther) {
  ApiLimits limits;
  limits.figures = std::chrono::milliseconds(5);
  ServerOnThread server(limits);
  WebSocket viewer(server.tcp_address(), "/api/v1/stream");
  ASSERT_EQ(viewer.answer().status, 101U);
  uint64_t number = 0;
  for (int i = 0; i < 4; ++i) {
    const Json figures = viewer.next();
    ASSERT_TRUE(figures.is_object());
    EXPECT_GT(figures["number"], number);
    number = figures["number"].get<uint64_t>();
  }
}

TEST(ApiViewer, DeafOnesAreClosedAndHoldUpNobody) {
  ApiLimits limits;
  limits.figures = std::chrono::milliseconds(1);
  limits.idle = std::chrono::milliseconds(1'000);
  ServerOnThread server(limits);
  // More than a socket takes, and little enough for a sanitized build to send in time.
  server.on_control_thread([&] { server.status.service_status[0].name = std::string(1U << 18U, 'x'); });
  WebSocket deaf(server.unix_address(), "/api/v1/stream");
  ASSERT_EQ(deaf.answer().status, 101U);
  WebSocket other(server.unix_address(), "/api/v1/stream");
  uint64_t number = 0;
  while (number < 20) {
    const Json figures = other.next();
    ASSERT_TRUE(figures.is_object());
    number = figures["number"].get<uint64_t>();
  }
  EXPECT_TRUE(deaf.client().ends());
}

TEST(ApiViewer, AreBounded) {
  ApiLimits limits;
  limits.viewers = 2;
  ServerOnThread server(limits);
  WebSocket first(server.unix_address(), "/api/v1/events");
  WebSocket second(server.tcp_address(), "/api/v1/stream");
  EXPECT_EQ(second.answer().status, 101U);
  WebSocket third(server.unix_address(), "/api/v1/events");
  EXPECT_EQ(third.answer().status, 503U);
  std::string long_frame = "\x81\xff";
  long_frame += std::string("\x00\x00\x00\x00\x00\x01\x00\x00", 8) + std::string(70'000, 'x');
  first.client().send(long_frame);
  EXPECT_TRUE(first.client().ends());
}

TEST(ApiViewer, PagesOfOtherSitesSeeNothing) {
  ServerOnThread server;
  EXPECT_EQ(
      WebSocket(server.tcp_address(), "/api/v1/events", "Origin: http://evil.example\r\n").answer().status,
      403U);
  EXPECT_EQ(WebSocket(server.tcp_address(), "/api/v1/events", "Origin: http://localhost\r\n").answer().status,
            101U);
  EXPECT_EQ(WebSocket(server.tcp_address(), "/api/v1/status").answer().status, 200U);
}

TEST(ApiViewer, GoWithTheServer) {
  ServerOnThread server;
  WebSocket viewer(server.unix_address(), "/api/v1/stream");
  ASSERT_EQ(viewer.answer().status, 101U);
  server.stop();
  EXPECT_TRUE(viewer.client().ends());
}

// ---- the document

Json document_of(ServerOnThread& server) {
  return Json::parse(ask(server.unix_address(), "GET", "/api/v1/openapi.json").body);
}

// What is sent where a body is needed.
std::string example_body(const std::string& operation, uint64_t generation) {
  if (operation.starts_with("PATCH /api/v1/pools/")) return R"({"weight": 7})";
  if (operation == "POST /api/v1/rollback") return R"({"generation": )" + std::to_string(generation) + "}";
  if (operation == "POST /api/v1/diff" || operation == "POST /api/v1/apply")
    return replaced(std::string(kDesiredText), "10.0.0.12", "10.0.0.22");
  return {};
}

std::string example_path(std::string pattern) {
  if (pattern == "/api/v1/trace") return pattern + "?client=192.0.2.7:40001&to=198.51.100.10:80";
  pattern = std::regex_replace(pattern, std::regex(R"(\{pool\})"), "web");
  pattern = std::regex_replace(pattern, std::regex(R"(\{backend\})"), "web-1");
  return std::regex_replace(pattern, std::regex(R"(\{\w+\})"), "maglev");
}

RawAnswer send(const std::string& address, const std::string& method, const std::string& target,
               const std::string& body) {
  RawClient client(address);
  client.send(request_text(method, target, "Content-Length: " + std::to_string(body.size()) + "\r\n") + body);
  return client.read_answer();
}

// Each route answers what the document says, to the last member; and so do refusals.
TEST(ApiContract, AnswersAreAsTheDocumentSays) {
  ApiSettings settings;
  settings.simple_writes = true;
  DesiredBed bed;
  ServerOnThread server({}, settings);
  server.on_control_thread([&] {
    server.status.change_control = bed.reconciler.get();
    server.events.add("backend.up", "web/a", "HTTP 200");
    server.status.service_status[0].address = *Prefix::parse("127.0.0.1");
  });
  const Json document = document_of(server);
  const Validator validator(document);
  uint16_t weight = 100;
  const Json problem_schema = {{"$ref", "#/components/schemas/Problem"}};
  for (const auto& [pattern, methods] : document["paths"].items()) {
    const std::string target = example_path(pattern);
    for (const auto& [method, operation] : methods.items()) {
      std::string name = method;
      for (char& c : name)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      // So that there is an edit to show and to forget.
      server.on_control_thread([&] { bed.reconciler->edit({"web", "web-1"}, ++weight, "root"); });
      RawAnswer answer =
          send(server.unix_address(), name, target, example_body(name + " " + target, bed.generation));
      ASSERT_EQ(answer.status, 200U) << name << " " << target << answer.body;
      const Json& content = operation["responses"]["200"]["content"];
      const std::string type = answer.fields["content-type"];
      ASSERT_EQ(content.size(), 1U) << target;
      EXPECT_TRUE(type.starts_with(content.begin().key())) << target << " is " << type;
      if (type == "application/json") {
        EXPECT_EQ(validator.check(content["application/json"]["schema"], Json::parse(answer.body), target),
                  "");
      }
      const RawAnswer refused = ask(server.unix_address(), "BREW", target);
      EXPECT_EQ(validator.check(problem_schema, Json::parse(refused.body), target), "");
    }
  }
}

TEST(ApiContract, TheDocumentIsWhole) {
  ServerOnThread server;
  const Json document = document_of(server);
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> ids;
  size_t operations = 0;
  for (const auto& [pattern, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      ++operations;
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << pattern;
      std::set<std::string> named;
      for (const Json& parameter : operation.value("parameters", Json::array())) {
        if (parameter["in"] == "path") named.insert(parameter["name"]);
      }
      std::set<std::string> wanted;
      const std::regex word(R"(\{(\w+)\})");
      for (std::sregex_iterator it(pattern.begin(), pattern.end(), word), end; it != end; ++it)
        wanted.insert((*it)[1]);
      EXPECT_EQ(named, wanted) << pattern;
    }
  }
  EXPECT_EQ(operations, server.server().routes().rows().size());
  // Every reference leads somewhere.
  const std::string text = document.dump();
  const std::regex ref(R"re("\$ref":"#([^"]+)")re");
  for (std::sregex_iterator it(text.begin(), text.end(), ref), end; it != end; ++it)
    EXPECT_TRUE(document.contains(Json::json_pointer((*it)[1]))) << (*it)[1];
}

TEST(ApiSchema, RefusesWhatIsNone) {
  EXPECT_THROW(expanded_schema("wrod", ""), std::invalid_argument);
  EXPECT_THROW(expanded_schema(SchemaJson::array(), ""), std::invalid_argument);
  EXPECT_EQ(expanded_schema("#A|null", "x/").dump(), R"({"anyOf":[{"$ref":"x/A"},{"type":"null"}]})");
  EXPECT_EQ(expanded_schema({{"a?", "bool"}}, "").dump(),
            R"({"type":"object","properties":{"a":{"type":"boolean"}}})");
}

}  // namespace
}  // namespace shunt
