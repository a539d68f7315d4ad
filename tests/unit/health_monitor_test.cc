// The monitor against real servers on loopback: transitions, cadence, changes of targets at run time, the
// end.
#include "control/health_monitor.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "tests/unit/loopback_server.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
using testing::LoopbackServer;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kSeed = 42;
constexpr auto kDeadline = std::chrono::seconds(60);

// A server whose answer the test changes while it runs.
struct SwitchedServer {
  std::atomic<int> status = 200;
  LoopbackServer server{
      [this](LoopbackServer& self, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
        co_await self.read_request(socket);
        co_await LoopbackServer::send(socket, "HTTP/1.1 " + std::to_string(status) + " Text\r\n\r\n");
      }};
};

struct HealthMonitorTest : ::testing::Test {
  asio::io_context io{1};
  std::vector<HealthChange> changes;
  HealthMonitor monitor{io.get_executor(), [this](const HealthChange& change) { changes.push_back(change); },
                        kSeed};

  bool run_until(const std::function<bool()>& done) {
    const auto deadline = Clock::now() + kDeadline;
    while (!done() && Clock::now() < deadline) {
      io.run_one_for(std::chrono::milliseconds(20));
    }
    return done();
  }
  bool run_until_changes(size_t count) {
    return run_until([this, count] { return changes.size() >= count; });
  }
  uint64_t checks_of(const std::string& backend) const {
    const auto status = monitor.status("web", backend);
    return status ? status->successes + status->failures : 0;
  }
  bool run_checks(const std::string& backend, uint64_t count) {
    const uint64_t wanted = checks_of(backend) + count;
    return run_until([&] { return checks_of(backend) >= wanted; });
  }
};

// The timeout is one that a busy machine doesn't reach.
HealthTarget target_at(const std::string& backend, uint16_t port, HealthType type = HealthType::http) {
  HealthTarget target;
  target.pool = "web";
  target.backend = backend;
  target.address = *IpAddress::parse("127.0.0.1");
  target.port = port;
  target.config.type = type;
  target.config.interval = milliseconds(20);
  target.config.timeout = milliseconds(20'000);
  return target;
}

std::string text(const HealthChange& change) {
  return change.pool + "/" + change.backend + " " + to_text(change.from) + " to " + to_text(change.to) +
         ": " + change.reason;
}

size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST_F(HealthMonitorTest, UpDownAndUpAgainByRiseAndFall) {
  SwitchedServer web;
  monitor.set_targets({target_at("web-1", web.server.port())});
  EXPECT_EQ(monitor.status("web", "web-1")->state, HealthState::unknown);
  ASSERT_TRUE(run_until_changes(1));
  EXPECT_EQ(text(changes[0]), "web/web-1 unknown to up: HTTP 200, 1 in a row");
  const uint64_t since = monitor.status("web", "web-1")->since_ns;

  web.status = 503;
  ASSERT_TRUE(run_until_changes(2));
  EXPECT_EQ(text(changes[1]), "web/web-1 up to down: HTTP 503, 3 in a row");
  const HealthStatus down = *monitor.status("web", "web-1");
  EXPECT_EQ(down.state, HealthState::down);
  EXPECT_EQ(down.failures, 3U);
  EXPECT_EQ(down.consecutive, 3U);
  EXPECT_EQ(down.last_reason, "HTTP 503");
  EXPECT_GT(down.since_ns, since);

  web.status = 204;
  ASSERT_TRUE(run_until_changes(3));
  EXPECT_EQ(text(changes[2]), "web/web-1 down to up: HTTP 204, 2 in a row");
}

TEST_F(HealthMonitorTest, ABackendThatNeverAnsweredIsDownAfterFall) {
  uint16_t closed = 0;
  {
    LoopbackServer gone(LoopbackServer::silent());
    closed = gone.port();
  }
  monitor.set_targets({target_at("web-1", closed, HealthType::tcp)});
  ASSERT_TRUE(run_until_changes(1));
  EXPECT_EQ(text(changes[0]), "web/web-1 unknown to down: connect: Connection refused, 3 in a row");
  EXPECT_EQ(monitor.counters().refused, 3U);
}

TEST_F(HealthMonitorTest, FlapsShorterThanFallChangeNothing) {
  std::atomic<unsigned> requests = 0;
  LoopbackServer server([&](LoopbackServer& self, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await self.read_request(socket);
    co_await LoopbackServer::send(
        socket, requests++ % 3 == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 500 No\r\n\r\n");
  });
  monitor.set_targets({target_at("web-1", server.port())});
  ASSERT_TRUE(run_checks("web-1", 20));
  EXPECT_EQ(changes.size(), 1U);
  EXPECT_EQ(monitor.status("web", "web-1")->state, HealthState::up);
  EXPECT_GE(monitor.status("web", "web-1")->failures, 13U);
}

TEST_F(HealthMonitorTest, AServerThatNeverAnswersFailsHttpAndPassesTcp) {
  LoopbackServer server(LoopbackServer::silent());
  HealthTarget http = target_at("http", server.port());
  http.config.timeout = milliseconds(50);
  monitor.set_targets({http, target_at("tcp", server.port(), HealthType::tcp)});
  ASSERT_TRUE(run_until_changes(2));
  EXPECT_EQ(text(changes[0]), "web/tcp unknown to up: connected, 1 in a row");
  EXPECT_EQ(text(changes[1]),
            "web/http unknown to down: timed out after 50 ms while waiting for the answer, 3 in a row");
  const HealthCounters& counters = monitor.counters();
  EXPECT_EQ(counters.timed_out, 3U);
  EXPECT_GE(counters.ok, 1U);
  EXPECT_EQ(counters.duration_count, counters.ok + counters.timed_out);
  EXPECT_GE(counters.duration_sum, milliseconds(150));
  const auto duration_of = [&](const char* backend) {
    return monitor.status("web", backend)->total_duration;
  };
  EXPECT_GE(duration_of("http"), milliseconds(150));
  EXPECT_GT(duration_of("tcp"), milliseconds(0));
  EXPECT_EQ(duration_of("http") + duration_of("tcp"), counters.duration_sum);
}

TEST_F(HealthMonitorTest, NewTargetsLeaveTheOthersUndisturbed) {
  SwitchedServer web;
  const HealthTarget kept = target_at("kept", web.server.port());
  monitor.set_targets({kept, target_at("leaves", web.server.port())});
  ASSERT_TRUE(run_checks("kept", 5));
  ASSERT_TRUE(run_checks("leaves", 5));
  const HealthStatus before = *monitor.status("web", "kept");

  HealthTarget moved_in_file = kept;
  moved_in_file.config.position = {99, 1};
  monitor.set_targets({moved_in_file, target_at("comes", web.server.port())});
  const HealthStatus after = *monitor.status("web", "kept");
  EXPECT_EQ(after.successes, before.successes);
  EXPECT_EQ(after.consecutive, before.consecutive);
  EXPECT_EQ(after.since_ns, before.since_ns);
  EXPECT_FALSE(monitor.status("web", "leaves"));
  EXPECT_EQ(monitor.status("web", "comes")->state, HealthState::unknown);
  ASSERT_TRUE(run_checks("comes", 2));
  ASSERT_TRUE(run_checks("kept", 2));
  EXPECT_GE(monitor.status("web", "kept")->consecutive, before.consecutive + 2);
  const auto entries = monitor.statuses();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].backend, "comes");
  EXPECT_EQ(entries[1].backend, "kept");
  EXPECT_EQ(changes.size(), 3U);
}

TEST_F(HealthMonitorTest, ChangedSettingsKeepTheStateAndStartCountingAnew) {
  SwitchedServer web;
  HealthTarget target = target_at("web-1", web.server.port());
  monitor.set_targets({target});
  ASSERT_TRUE(run_checks("web-1", 3));
  const HealthStatus before = *monitor.status("web", "web-1");
  target.config.expect = {204};
  monitor.set_targets({target});
  const HealthStatus after = *monitor.status("web", "web-1");
  EXPECT_EQ(after.state, HealthState::up);
  EXPECT_EQ(after.since_ns, before.since_ns);
  EXPECT_EQ(after.successes + after.failures + after.consecutive, 0U);
  ASSERT_TRUE(run_until_changes(2));
  EXPECT_EQ(text(changes[1]), "web/web-1 up to down: HTTP 200, 3 in a row");
}

TEST_F(HealthMonitorTest, AnotherAddressIsUnknownAgain) {
  SwitchedServer web;
  HealthTarget target = target_at("web-1", web.server.port());
  monitor.set_targets({target});
  ASSERT_TRUE(run_until_changes(1));
  target.address = *IpAddress::parse("127.0.0.2");
  monitor.set_targets({target});
  EXPECT_EQ(monitor.status("web", "web-1")->state, HealthState::unknown);
}

TEST_F(HealthMonitorTest, TheFirstOfTwoEqualNamesIsWatched) {
  SwitchedServer web;
  HealthTarget second = target_at("web-1", 1);
  monitor.set_targets({target_at("web-1", web.server.port()), second});
  ASSERT_TRUE(run_until_changes(1));
  EXPECT_EQ(changes[0].to, HealthState::up);
  EXPECT_EQ(monitor.statuses().size(), 1U);
}

TEST_F(HealthMonitorTest, ANewBackendIsCheckedSoonHoweverLongItsInterval) {
  SwitchedServer web;
  HealthTarget target = target_at("web-1", web.server.port());
  target.config.interval = milliseconds(3'600'000);
  monitor.set_targets({target});
  EXPECT_TRUE(run_until_changes(1));
}

TEST_F(HealthMonitorTest, ChecksOfOneTargetNeverOverlap) {
  LoopbackServer server([](LoopbackServer& self, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await self.read_request(socket);
    co_await LoopbackServer::sleep(socket, milliseconds(70));
    co_await LoopbackServer::send(socket, "HTTP/1.1 200 OK\r\n\r\n");
  });
  monitor.set_targets({target_at("web-1", server.port())});
  ASSERT_TRUE(run_checks("web-1", 10));
  EXPECT_EQ(server.peak(), 1U);
  EXPECT_GE(monitor.counters().missed, 10U);  // 70 ms in slots of 20
}

// Every slot that passes is a check or counted as missed, however busy this machine is.
TEST_F(HealthMonitorTest, TwoHundredTargetsEveryHundredMillisecondsLoseNoCheck) {
  constexpr unsigned kTargets = 200;
  LoopbackServer server(LoopbackServer::silent());
  std::vector<HealthTarget> targets;
  for (unsigned i = 0; i < kTargets; ++i) {
    targets.push_back(target_at("web-" + std::to_string(i), server.port(), HealthType::tcp));
    targets.back().config.interval = milliseconds(100);
  }
  const auto start = Clock::now();
  monitor.set_targets(targets);
  ASSERT_TRUE(run_until([&] { return Clock::now() - start > std::chrono::seconds(3); }));
  const auto slots = static_cast<uint64_t>((Clock::now() - start) / milliseconds(100));
  const HealthCounters& counters = monitor.counters();
  EXPECT_EQ(counters.failed + counters.refused + counters.timed_out + counters.internal, 0U);
  EXPECT_GE(counters.ok + counters.missed,
            kTargets * (slots - 10));  // up to a second between a check and its counting
  EXPECT_LE(counters.ok + counters.missed, kTargets * (slots + 2));
  EXPECT_EQ(changes.size(), kTargets);
  for (const HealthEntry& entry : monitor.statuses()) {
    EXPECT_EQ(entry.status.state, HealthState::up);
    EXPECT_GE(entry.status.successes, 2U) << entry.backend;
  }
}

TEST_F(HealthMonitorTest, NoFileDescriptorIsCountedAndTakesNobodyDown) {
  SwitchedServer web;
  HealthTarget target = target_at("web-1", web.server.port(), HealthType::tcp);
  target.config.fall = 1;
  monitor.set_targets({target});
  ASSERT_TRUE(run_checks("web-1", 2));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  const bool starved = run_until([&] { return monitor.counters().internal >= 5; });
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(starved);
  EXPECT_EQ(monitor.status("web", "web-1")->last_reason, "socket: Too many open files");
  EXPECT_EQ(monitor.status("web", "web-1")->failures, 0U);
  EXPECT_EQ(changes.size(), 1U);
  EXPECT_TRUE(run_checks("web-1", 2));
}

TEST_F(HealthMonitorTest, StopEndsEverythingAtOnceAndLeavesNoFileOpen) {
  LoopbackServer silent(LoopbackServer::silent());
  const asio::steady_timer opens_the_reactor(io);
  const size_t before = open_files();
  std::vector<HealthTarget> targets;
  for (int i = 0; i < 50; ++i) {
    targets.push_back(target_at("web-" + std::to_string(i), silent.port()));
  }
  monitor.set_targets(targets);
  ASSERT_TRUE(run_until([&] { return silent.accepted() == 50; }));
  monitor.stop();
  io.poll();
  EXPECT_TRUE(io.stopped());  // nothing is left to wait for
  EXPECT_TRUE(changes.empty());
  EXPECT_TRUE(monitor.statuses().empty());
  // The server's sockets close when it has seen ours close.
  for (int i = 0; i < 1000 && open_files() > before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(open_files(), before);
  monitor.set_targets(targets);
  EXPECT_TRUE(monitor.statuses().empty());
}

TEST_F(HealthMonitorTest, RemovedTargetsAreNeverHeardOfAgain) {
  LoopbackServer slow([](LoopbackServer& self, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await self.read_request(socket);
    co_await LoopbackServer::sleep(socket, milliseconds(200));
    co_await LoopbackServer::send(socket, "HTTP/1.1 200 OK\r\n\r\n");
  });
  monitor.set_targets({target_at("web-1", slow.port())});
  ASSERT_TRUE(run_until([&] { return !slow.last_request().empty(); }));
  monitor.set_targets({});
  io.run_for(milliseconds(500));
  EXPECT_TRUE(io.stopped());
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(monitor.counters().ok, 0U);
}

TEST(HealthMonitorLife, TheListenerMayChangeTargetsOrEndTheMonitor) {
  SwitchedServer web;
  asio::io_context io(1);
  std::vector<std::string> heard;
  std::unique_ptr<HealthMonitor> monitor;
  monitor = std::make_unique<HealthMonitor>(
      io.get_executor(),
      [&](const HealthChange& change) {
        heard.push_back(change.backend);
        if (heard.size() == 1) {
          monitor->set_targets({target_at("second", web.server.port())});
        } else {
          monitor.reset();
        }
      },
      kSeed);
  monitor->set_targets({target_at("first", web.server.port())});
  io.run_for(kDeadline);
  EXPECT_TRUE(io.stopped());
  EXPECT_EQ(heard, (std::vector<std::string>{"first", "second"}));
}

TEST(HealthMonitorLife, AListenerThatThrowsEndsNothing) {
  SwitchedServer web;
  asio::io_context io(1);
  HealthMonitor monitor(
      io.get_executor(), [](const HealthChange&) { throw std::runtime_error("no"); }, kSeed);
  monitor.set_targets({target_at("web-1", web.server.port())});
  const auto deadline = Clock::now() + kDeadline;
  while (monitor.counters().ok < 3 && Clock::now() < deadline) {
    io.run_one_for(std::chrono::milliseconds(20));
  }
  EXPECT_GE(monitor.counters().ok, 3U);
  EXPECT_EQ(monitor.counters().internal, 1U);
}

TEST(HealthMonitorLife, DestroyedInTheMiddleOfChecksWithItsExecutor) {
  LoopbackServer silent(LoopbackServer::silent());
  const size_t before = open_files();
  {
    asio::io_context io(1);
    HealthMonitor monitor(io.get_executor(), nullptr, kSeed);
    monitor.set_targets({target_at("web-1", silent.port()), target_at("web-2", silent.port())});
    while (silent.accepted() < 2) {
      io.run_one_for(std::chrono::milliseconds(1));
    }
  }
  for (int i = 0; i < 1000 && open_files() > before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(open_files(), before);
}

TEST_F(HealthMonitorTest, ABackendThatFlapsIsHeldDown) {
  SwitchedServer web;
  HealthTarget target = target_at("web-1", web.server.port());
  target.config.fall = 1;
  target.config.rise = 1;
  target.damping = std::chrono::seconds(60);
  monitor.set_targets({target});
  for (int i = 0; i < 3; ++i) {
    web.status = 200;
    ASSERT_TRUE(run_until([&] { return monitor.status("web", "web-1")->state == HealthState::up; }));
    web.status = 503;
    ASSERT_TRUE(run_until([&] { return monitor.status("web", "web-1")->state == HealthState::down; }));
  }
  web.status = 200;
  ASSERT_TRUE(run_until([&] { return monitor.status("web", "web-1")->held; }));
  const HealthStatus held = *monitor.status("web", "web-1");
  EXPECT_EQ(held.state, HealthState::down);
  EXPECT_NE(held.last_reason.find("HTTP 200, held down for "), std::string::npos) << held.last_reason;
  EXPECT_NE(held.last_reason.find("3 times down of late"), std::string::npos) << held.last_reason;
  const size_t before = changes.size();
  ASSERT_TRUE(run_checks("web-1", 10));
  EXPECT_EQ(changes.size(), before);
  // Other settings don't free it.
  target.config.timeout = milliseconds(10'000);
  monitor.set_targets({target});
  ASSERT_TRUE(run_checks("web-1", 3));
  EXPECT_TRUE(monitor.status("web", "web-1")->held);
}

TEST_F(HealthMonitorTest, WhatAnAgentAsksForIsToldAtOnce) {
  std::mutex mutex;
  std::string line = "up\n";
  const auto say = [&](const std::string& text) {
    const std::lock_guard lock(mutex);
    line = text;
  };
  LoopbackServer agent([&](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    std::string text;
    {
      const std::lock_guard lock(mutex);
      text = line;
    }
    co_await LoopbackServer::send(socket, text);
  });
  monitor.set_targets({target_at("web-1", agent.port(), HealthType::agent)});
  ASSERT_TRUE(run_until_changes(1));
  say("40%\n");
  ASSERT_TRUE(run_until_changes(2));
  EXPECT_EQ(changes[1].from, HealthState::up);
  EXPECT_EQ(changes[1].to, HealthState::up);
  EXPECT_DOUBLE_EQ(changes[1].share, 0.4);
  say("drain\n");
  ASSERT_TRUE(run_until_changes(3));
  EXPECT_EQ(changes[2].share, 0);
  EXPECT_EQ(monitor.status("web", "web-1")->state, HealthState::up);
  say("down\n");
  ASSERT_TRUE(run_until_changes(4));
  EXPECT_EQ(changes[3].to, HealthState::down);
  EXPECT_EQ(changes[3].share, 0) << "a bad check says nothing of it";
  say("up\n");
  ASSERT_TRUE(run_until([&] { return monitor.status("web", "web-1")->state == HealthState::up; }));
  EXPECT_EQ(changes.back().share, 1);
}

TEST_F(HealthMonitorTest, WhileDownTheOtherIntervalHolds) {
  SwitchedServer web;
  web.status = 503;
  HealthTarget target = target_at("web-1", web.server.port());
  target.config.down_interval = std::chrono::seconds(3'600);
  monitor.set_targets({target});
  ASSERT_TRUE(run_until_changes(1));
  EXPECT_EQ(checks_of("web-1"), 3U);
  web.status = 200;
  io.run_for(std::chrono::milliseconds(200));
  EXPECT_LE(checks_of("web-1"), 4U) << "ten slots of the usual interval";
}

}  // namespace
}  // namespace shunt
