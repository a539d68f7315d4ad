// What an agent's line means; and the agent check against real servers.
#include "control/agent_answer.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/health_bed.h"
#include "tests/unit/loopback_server.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
using testing::LoopbackServer;
using testing::run_check;
using testing::target_of;

TEST(AgentAnswer, EachWord) {
  struct Row {
    const char* line;
    bool ok;
    double share;
  };
  const Row rows[] = {{"up", true, 1},
                      {"ready", true, 1},
                      {"UP", true, 1},
                      {"75%", true, 0.75},
                      {"0%", true, 0},
                      {"100%", true, 1},
                      {"250%", true, 1},
                      {"99999999999999%", true, 1},
                      {"up 50%", true, 0.5},
                      {"50%,up", true, 0.5},
                      {"\tup\t ,, 25%  ", true, 0.25},
                      {"drain", true, 0},
                      {"up drain 80%", true, 0},
                      {"ready,drain", true, 0},
                      {"down", false, 1},
                      {"down 50%", false, 1},
                      {"up down", false, 1},
                      {"stopped", false, 1},
                      {"fail", false, 1},
                      {"failed", false, 1},
                      {"maint", false, 1},
                      {"drain maint", false, 1},
                      {"up maxconn:30", true, 1},
                      {"up # load is fine", true, 1},
                      {"up # down", true, 1},
                      {"up#down", true, 1},
                      {"maxconn:30", false, 1},
                      {"", false, 1},
                      {"  ", false, 1},
                      {"# up", false, 1},
                      {"%", false, 1},
                      {"-5%", false, 1},
                      {"5.5%", false, 1},
                      {"upp", false, 1},
                      {"50", false, 1},
                      {"% up", true, 1}};
  for (const Row& row : rows) {
    const HealthResult result = agent_answer(row.line);
    EXPECT_EQ(result.ok(), row.ok) << row.line;
    EXPECT_DOUBLE_EQ(result.ok() ? result.share : 1, row.share) << row.line;
    EXPECT_FALSE(result.reason.empty()) << row.line;
  }
}

TEST(AgentAnswer, TheReasonQuotesItFitForALog) {
  EXPECT_EQ(agent_answer("down # disk full").reason, "agent: down # disk full");
  EXPECT_EQ(agent_answer("down \x1b[31m\xff").reason, "agent: down ?[31m?");
  EXPECT_EQ(agent_answer("down " + std::string(500, 'x')).reason,
            "agent: down " + std::string(55, 'x') + "…");
  EXPECT_EQ(agent_answer("hello").reason, "no word of an agent's: hello");
  EXPECT_EQ(agent_answer("").reason, "the agent says nothing");
}

TEST(AgentAnswer, AnyBytesAreRead) {
  std::mt19937_64 random(7);
  const std::string alphabet("updowndrain%0123456789 ,\t#\0\xff", 29);
  for (int i = 0; i < 20'000; ++i) {
    std::string line(random() % 40, ' ');
    for (char& c : line)
      c = alphabet[random() % alphabet.size()];
    const HealthResult result = agent_answer(line);
    EXPECT_GE(result.share, 0);
    EXPECT_LE(result.share, 1);
  }
}

HealthResult check_agent(const std::string& answer) {
  LoopbackServer server([answer](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await LoopbackServer::send(socket, answer);
  });
  return run_check(target_of(HealthType::agent, server.port()));
}

TEST(HealthCheckAgent, TheFirstLineCounts) {
  EXPECT_TRUE(check_agent("up\n").ok());
  EXPECT_TRUE(check_agent("up\r\ndown\n").ok());
  EXPECT_DOUBLE_EQ(check_agent("up 30%\n").share, 0.3);
  EXPECT_EQ(check_agent("drain\n").share, 0);
  EXPECT_TRUE(check_agent("drain\n").ok());
  EXPECT_EQ(check_agent("maint\n").reason, "agent: maint");
  EXPECT_TRUE(check_agent("up").ok()) << "the end of the connection ends the line";
  EXPECT_EQ(check_agent("").reason, "the agent says nothing");
  EXPECT_EQ(check_agent(std::string(5'000, 'x')).reason, "the agent's line is longer than 1 KiB");
}

TEST(HealthCheckAgent, SendsWhatItIsTold) {
  LoopbackServer server([](LoopbackServer& self, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await self.read_request(socket);
    co_await LoopbackServer::send(socket, "75%\n");
  });
  HealthTarget target = target_of(HealthType::agent, server.port());
  target.config.send = "web-1\r\n\r\n";
  EXPECT_DOUBLE_EQ(run_check(target).share, 0.75);
  EXPECT_EQ(server.last_request(), "web-1\r\n\r\n");
}

TEST(HealthCheckAgent, ASilentOneTimesOut) {
  LoopbackServer server(LoopbackServer::silent());
  HealthTarget target = target_of(HealthType::agent, server.port());
  target.config.timeout = testing::kShort;
  EXPECT_EQ(run_check(target).reason, "timed out after 100 ms while waiting for the answer");
}

TEST(HealthCheckTcpText, LooksForBytesInTheAnswer) {
  LoopbackServer server([](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await LoopbackServer::send(socket, "+PO");
    co_await LoopbackServer::sleep(socket, milliseconds(20));
    co_await LoopbackServer::send(socket, "NG\r\n");
    co_await LoopbackServer::linger(socket);
  });
  HealthTarget target = target_of(HealthType::tcp, server.port());
  target.config.send = "PING\r\n";
  EXPECT_EQ(run_check(target).reason, "connected");
  target.config.receive = "hex:2b504f4e47";
  EXPECT_EQ(run_check(target).reason, "received what was wanted");
  target.config.receive = "other";
  target.config.timeout = testing::kShort;
  EXPECT_EQ(run_check(target).reason, "timed out after 100 ms while reading the answer");
}

TEST(HealthCheckTcpText, WhatNeverComes) {
  const auto reason = [](const std::string& answer) {
    LoopbackServer server(LoopbackServer::answering(answer));
    HealthTarget target = target_of(HealthType::tcp, server.port());
    target.config.send = "\r\n\r\n";
    target.config.receive = "wanted";
    return run_check(target).reason;
  };
  EXPECT_EQ(reason(""), "closed without an answer");
  EXPECT_EQ(reason("something"), "closed before `receive` came");
  EXPECT_EQ(reason(std::string(20'000, 'x')), "the answer's first 16 KiB don't hold `receive`");
  EXPECT_EQ(reason(std::string(10'000, 'x') + "wanted"), "received what was wanted");
}

}  // namespace
}  // namespace shunt
