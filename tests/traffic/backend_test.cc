// What shunt-test-backend and shunt-traffic are made of, without sockets: messages, knobs, latencies, the
// line before the workers, metrics, the tally.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/tools/duration.h"
#include "tests/traffic/backend_routes.h"
#include "tests/traffic/outcome.h"
#include "tests/traffic/traffic_report.h"
#include "tests/traffic/work_line.h"

namespace shunt {
namespace {

TEST(Question, IsReadInPieces) {
  const std::string text =
      "POST /control?x=1 HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:  5 \r\n\r\nhelloGET / HTTP/1.0\r\n\r\n";
  const size_t first = text.find("GET");
  for (size_t size = 0; size < first; ++size)
    EXPECT_EQ(read_question_text(text.substr(0, size)).state, QuestionRead::State::more) << size;
  const auto read = read_question_text(text);
  ASSERT_EQ(read.state, QuestionRead::State::whole);
  EXPECT_EQ(read.question.method, "POST");
  EXPECT_EQ(read.question.path, "/control");
  EXPECT_EQ(read.question.query, "x=1");
  EXPECT_EQ(read.question.body, "hello");
  EXPECT_TRUE(read.question.keep_alive);
  EXPECT_EQ(read.question.bytes, first);
  EXPECT_FALSE(read_question_text(std::string_view(text).substr(first)).question.keep_alive);
}

TEST(Question, WrongOnes) {
  const auto status = [](const std::string& text) { return read_question_text(text).status; };
  EXPECT_EQ(status("nonsense\r\n\r\n"), 400U);
  EXPECT_EQ(status("GET / HTTP/2\r\n\r\n"), 400U);
  EXPECT_EQ(status("GET http HTTP/1.1\r\n\r\n"), 400U);
  EXPECT_EQ(status("GET / a HTTP/1.1\r\n\r\n"), 400U);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), 400U);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n"), 413U);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"), 400U);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 501U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nx: " + std::string(9000, 'x')), 431U);
}

AnswerReader::State read_in_pieces(AnswerReader& reader, const std::string& text, size_t piece) {
  AnswerReader::State state = AnswerReader::State::more;
  for (size_t at = 0; at < text.size() && state == AnswerReader::State::more; at += piece)
    state = reader.add(std::string_view(text).substr(at, piece));
  return state;
}

TEST(Answer, IsReadInPieces) {
  const std::string text = answer_text({200, "text/plain", "b1\n"}, "one", true, true);
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    AnswerReader reader;
    ASSERT_EQ(read_in_pieces(reader, text, piece), AnswerReader::State::whole) << piece;
    EXPECT_EQ(reader.status(), 200U);
    EXPECT_TRUE(reader.keep_alive());
    EXPECT_EQ(reader.backend(), "one");
  }
}

TEST(Answer, NameFromTheBody) {
  AnswerReader reader;
  EXPECT_EQ(reader.add("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nb2\nmore\n"), AnswerReader::State::whole);
  EXPECT_EQ(reader.backend(), "b2");
  AnswerReader page;
  EXPECT_EQ(page.add("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello there\n"),
            AnswerReader::State::whole);
  EXPECT_EQ(page.backend(), "");  // no name
}

TEST(Answer, EndsWithTheConnectionWhereItHasNoLength) {
  AnswerReader reader;
  EXPECT_EQ(reader.add("HTTP/1.1 200 OK\r\n\r\nb3\n"), AnswerReader::State::more);
  EXPECT_FALSE(reader.keep_alive());
  EXPECT_EQ(reader.closed(), AnswerReader::State::whole);
  EXPECT_EQ(reader.backend(), "b3");
}

TEST(Answer, WrongOnes) {
  const auto state = [](const std::string& text) {
    AnswerReader reader;
    return reader.add(text);
  };
  EXPECT_EQ(state("SSH-2.0-x\r\n\r\n"), AnswerReader::State::wrong);
  EXPECT_EQ(state("HTTP/1.1 abc\r\n\r\n"), AnswerReader::State::wrong);
  EXPECT_EQ(state("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), AnswerReader::State::wrong);
  EXPECT_EQ(state("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx"), AnswerReader::State::wrong);
  EXPECT_EQ(state(std::string(9000, 'x')), AnswerReader::State::wrong);
  AnswerReader cut;
  EXPECT_EQ(cut.add("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nxx"), AnswerReader::State::more);
  EXPECT_EQ(cut.closed(), AnswerReader::State::wrong);
}

TEST(LatencyLaw, DrawsWhatItSays) {
  const auto draws = [](std::string_view text) {
    const auto law = LatencyLaw::parse(text);
    EXPECT_TRUE(law.ok()) << text;
    Random random(1);
    std::vector<double> values(100'000);
    for (double& value : values)
      value = to_ms(law.value().draw_ns(random));
    std::ranges::sort(values);
    return values;
  };
  const auto mean = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values)
      sum += value;
    return sum / static_cast<double>(values.size());
  };
  EXPECT_EQ(draws("0").back(), 0);
  const auto fixed = draws("10ms");
  EXPECT_EQ(fixed.front(), 10);
  EXPECT_EQ(fixed.back(), 10);
  const auto exponential = draws("exponential:10ms");
  EXPECT_NEAR(mean(exponential), 10, 0.15);
  EXPECT_NEAR(exponential[50'000], 6.93, 0.15);
  const auto lognormal = draws("lognormal:10ms,0.5");
  EXPECT_NEAR(lognormal[50'000], 10, 0.15);
  EXPECT_NEAR(mean(lognormal), 10 * std::exp(0.125), 0.15);
  EXPECT_NEAR(lognormal[84'134], 10 * std::exp(0.5), 0.3);  // one deviation up
  for (const char* text : {"", "10", "uniform:10ms", "lognormal:10ms", "lognormal:10ms,5", "exponential:"})
    EXPECT_FALSE(LatencyLaw::parse(text).ok()) << text;
}

TEST(Knobs, AllAreSetAndShown) {
  Knobs knobs;
  const std::vector<std::pair<std::string, std::string>> wanted = {{"latency", "exponential:10ms"},
                                                                   {"workers", "3"},
                                                                   {"errors", "0.1"},
                                                                   {"reset", "0.2"},
                                                                   {"hang", "0.3"},
                                                                   {"udp_loss", "0.4"},
                                                                   {"health", "down"},
                                                                   {"backlog", "7"},
                                                                   {"accept_gap", "20000us"},
                                                                   {"data_bytes", "99"},
                                                                   {"crash_after", "1000"},
                                                                   {"exit_code", "3"},
                                                                   {"crash", "now"}};
  std::string text;
  for (const auto& [name, value] : wanted)
    text.append(name).append("=").append(value).append(text.size() % 2 == 0 ? "&" : "\n");
  ASSERT_TRUE(knobs.set_all(text).ok());
  EXPECT_EQ(knobs.shown(), wanted);
}

TEST(Knobs, AllOrNone) {
  Knobs knobs;
  const auto done = knobs.set_all("errors=0.5 reset=1.5");
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text(), "reset: \"1.5\" isn't a share from 0 to 1");
  EXPECT_EQ(knobs.errors, 0);
  EXPECT_EQ(knobs.set("speed=1").error().text(), "speed: no such knob");
  EXPECT_EQ(knobs.set("health").error().where, "health");
  for (const auto& [name, value] : Knobs{}.shown())
    EXPECT_FALSE(knobs.set(name + "=nonsense").ok()) << name;
}

TEST(Routes, Answer) {
  Knobs knobs;
  BackendMetrics metrics;
  const BackendRoutes routes("b1", knobs, metrics);
  const auto get = [&](const std::string& target) {
    const std::string text = "GET " + target + " HTTP/1.1\r\n\r\n";
    return routes.answer(read_question_text(text).question);
  };
  EXPECT_EQ(get("/").body, "b1\n");
  EXPECT_EQ(get("/health").status, 200U);
  knobs.healthy = false;
  EXPECT_EQ(get("/health").status, 503U);
  EXPECT_EQ(get("/api/data").body.size(), 1024U);
  EXPECT_EQ(get("/api/data?bytes=77&seed=1").body.size(), 77U);
  EXPECT_EQ(get("/api/data?bytes=1").status, 400U);
  EXPECT_EQ(get("/api/data?bytes=99999999999").status, 400U);
  EXPECT_EQ(get("/control").status, 404U);
  EXPECT_EQ(get("/other").status, 404U);
  EXPECT_EQ(routes.answer(read_question_text("DELETE / HTTP/1.1\r\n\r\n").question).status, 405U);
}

TEST(Data, HasItsSizeAndSeed) {
  for (uint64_t bytes = 2; bytes < 60; ++bytes) {
    const std::string text = data_document(bytes, 5);
    EXPECT_EQ(text.size(), bytes);
    EXPECT_TRUE(nlohmann::json::parse(text).is_object());
  }
  EXPECT_EQ(data_document(1000, 5), data_document(1000, 5));
  EXPECT_NE(data_document(1000, 5), data_document(1000, 6));
}

TEST(WorkLine, WorkersAreTheCapacity) {
  Timers timers;
  WorkLine line(timers);
  line.set_workers(2, 0);
  std::vector<std::pair<int, uint64_t>> ended;
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(line.submit(10, 0, [&ended, i](uint64_t now_ns) { ended.emplace_back(i, now_ns); }));
  EXPECT_EQ(line.busy(), 2U);
  EXPECT_EQ(line.waiting(), 3U);
  for (uint64_t now_ns = 0; now_ns <= 30; ++now_ns)
    timers.run(now_ns);
  EXPECT_EQ(ended, (std::vector<std::pair<int, uint64_t>>{{0, 10}, {1, 10}, {2, 20}, {3, 20}, {4, 30}}));
  EXPECT_EQ(line.busy(), 0U);
}

TEST(WorkLine, MoreWorkersTakeWhatWaits) {
  Timers timers;
  WorkLine line(timers);
  line.set_workers(1, 0);
  int ended = 0;
  for (int i = 0; i < 4; ++i)
    line.submit(10, 0, [&ended](uint64_t) { ++ended; });
  line.set_workers(0, 5);
  EXPECT_EQ(line.waiting(), 0U);
  timers.run(15);
  EXPECT_EQ(ended, 4);
  line.submit(0, 20, [&ended](uint64_t) { ++ended; });  // at once
  EXPECT_EQ(ended, 5);
}

TEST(WorkLine, HasAnEnd) {
  Timers timers;
  WorkLine line(timers);
  line.set_workers(1, 0);
  for (size_t i = 0; i <= WorkLine::kMaxWaiting; ++i)
    ASSERT_TRUE(line.submit(1, 0, [](uint64_t) {}));
  EXPECT_FALSE(line.submit(1, 0, [](uint64_t) { ADD_FAILURE(); }));
  timers.run(WorkLine::kMaxWaiting * 2);
}

TEST(BackendMetrics, Page) {
  BackendMetrics metrics;
  metrics.count_request("/", "200");
  metrics.count_request("/", "200");
  metrics.count_request("/", "reset");
  metrics.add_duration(100'000);  // the first bucket's end belongs to it
  metrics.add_duration(100'001);
  metrics.add_duration(20 * kNsPerSecond);
  const std::string page = metrics.page("b1");
  for (const char* line : {"test_backend_requests_total{route=\"/\",status=\"200\"} 2\n",
                           "test_backend_requests_total{route=\"/\",status=\"reset\"} 1\n",
                           "test_backend_request_duration_seconds_bucket{le=\"0.0001\"} 1\n",
                           "test_backend_request_duration_seconds_bucket{le=\"0.00025\"} 2\n",
                           "test_backend_request_duration_seconds_bucket{le=\"10\"} 2\n",
                           "test_backend_request_duration_seconds_bucket{le=\"+Inf\"} 3\n",
                           "test_backend_request_duration_seconds_sum 20.000200001\n"})
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
}

TEST(Outcome, OfErrno) {
  EXPECT_EQ(outcome_of_errno(ECONNREFUSED, true), Outcome::refused);
  EXPECT_EQ(outcome_of_errno(ECONNRESET, true), Outcome::refused);
  EXPECT_EQ(outcome_of_errno(ECONNRESET, false), Outcome::reset);
  EXPECT_EQ(outcome_of_errno(EADDRNOTAVAIL, true), Outcome::no_local_port);
  EXPECT_EQ(outcome_of_errno(EMFILE, true), Outcome::no_local_memory);
  EXPECT_EQ(outcome_of_errno(EHOSTUNREACH, true), Outcome::unreachable);
  EXPECT_EQ(outcome_of_errno(ETIMEDOUT, true), Outcome::connect_timeout);
  EXPECT_EQ(outcome_of_errno(ETIMEDOUT, false), Outcome::answer_timeout);
  EXPECT_EQ(outcome_of_errno(EPERM, false), Outcome::socket_error);
}

// A target that answers nothing for 2 s and then everything: what it kept waiting is charged with it.
TEST(TrafficTally, TimesRunFromTheIntendedStart) {
  TrafficTally tally(1000);
  for (uint64_t i = 0; i < 100; ++i) {
    const uint64_t intended_ns = 1000 + i * 20 * kNsPerMs;
    tally.offer(intended_ns);
    const Ticket ticket{intended_ns, 1000 + 2 * kNsPerSecond};  // begun when the target woke up
    tally.begin(ticket);
    tally.end(ticket, Outcome::ok, "b1", 1000 + 2 * kNsPerSecond + kNsPerMs);
  }
  EXPECT_NEAR(tally.latency().quantile(0.5) / 1000, 1001, 10);  // of 21, 41 … 2001
  EXPECT_NEAR(tally.service().quantile(0.5) / 1000, 1, 0.01);
  EXPECT_EQ(tally.latency_max_ns(), 2001 * kNsPerMs);
  EXPECT_TRUE(is_generator_late(tally));
}

TEST(TrafficTally, SecondsAddUp) {
  TrafficTally tally(0);
  const auto request = [&](uint64_t at_ms, uint64_t end_ms, Outcome outcome) {
    const Ticket ticket{at_ms * kNsPerMs, at_ms * kNsPerMs};
    tally.offer(ticket.intended_ns);
    tally.begin(ticket);
    tally.end(ticket, outcome, "", end_ms * kNsPerMs);
  };
  request(100, 200, Outcome::ok);
  request(900, 950, Outcome::refused);
  EXPECT_EQ(tally.close_seconds(kNsPerSecond, 7), 1U);
  request(1500, 1501, Outcome::ok);
  EXPECT_EQ(tally.close_seconds(3 * kNsPerSecond, 0), 3U);
  request(3100, 3600, Outcome::ok);
  tally.close_last(3700 * kNsPerMs, 0);
  ASSERT_EQ(tally.seconds().size(), 4U);
  EXPECT_EQ(tally.seconds()[0].offered, 2U);
  EXPECT_EQ(tally.seconds()[0].failed(), 1U);
  EXPECT_EQ(tally.seconds()[0].open, 7U);
  EXPECT_NEAR(tally.seconds()[0].p99_ms, 100, 1);
  EXPECT_NEAR(tally.seconds()[1].p99_ms, 1, 0.01);
  EXPECT_EQ(tally.seconds()[2].p99_ms, 0);
  EXPECT_NEAR(tally.seconds()[3].p50_ms, 500, 5);
  EXPECT_EQ(tally.ok(), 3U);
  EXPECT_EQ(tally.failed(), 1U);
  EXPECT_FALSE(is_generator_late(tally));
}

TEST(TrafficTally, NamesAreBounded) {
  TrafficTally tally(0);
  for (unsigned i = 0; i < 1000; ++i)
    tally.end({}, Outcome::ok, "b" + std::to_string(i), 1);
  EXPECT_EQ(tally.backends().size(), TrafficTally::kMaxBackends + 1);
  EXPECT_EQ(tally.backends().at("(others)"), 1000 - TrafficTally::kMaxBackends);
}

}  // namespace
}  // namespace shunt
