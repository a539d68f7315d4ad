// The monitor with sources that a test speaks for and a clock of its own: guard, staleness, restarts,
// reloads.
#include "control/discovery_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "control/discovery_guard.h"
#include "control/discovery_memory.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::system_clock;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

BackendConfig backend(int last, uint16_t weight = 1) {
  BackendConfig made;
  made.name = "b" + std::to_string(last);
  made.address = *IpAddress::parse("10.0.0." + std::to_string(last));
  made.weight = weight;
  return made;
}
std::vector<BackendConfig> backends(const std::vector<int>& lasts) {
  std::vector<BackendConfig> made;
  for (const int last : lasts)
    made.push_back(backend(last));
  return made;
}
DiscoveryAnswer answer(const std::vector<int>& lasts) {
  DiscoveryAnswer made;
  made.backends = backends(lasts);
  return made;
}

PoolConfig pool(const std::string& name, const std::string& path = "/etc/web.json", double max_change = 0.5) {
  PoolConfig made;
  made.name = name;
  made.discovery.emplace();
  made.discovery->path = path;
  made.discovery->max_change = max_change;
  return made;
}

struct DiscoveryMonitorTest : ::testing::Test {
  struct Fake : DiscoverySource {
    explicit Fake(DiscoveryMonitorTest& in) : test(in) {}
    ~Fake() override { ++test.ended; }
    void start(OnAnswer on_answer) override { say = std::move(on_answer); }
    DiscoveryMonitorTest& test;
    OnAnswer say;
  };

  DiscoveryMonitorTest() {
    std::string pattern = fs::temp_directory_path() / "shunt-monitor-XXXXXX";
    folder = mkdtemp(pattern.data());
    restart();
  }
  ~DiscoveryMonitorTest() override {
    monitor.reset();
    fs::remove_all(folder);
  }

  void restart() {
    monitor.reset();
    sources.clear();
    DiscoveryMonitor::Hooks hooks;
    hooks.on_change = [this](const std::string& what) {
      ++changes;
      news = what;
    };
    hooks.on_event = [this](const std::string& kind, const std::string& of, const std::string& text) {
      events.push_back(kind + " " + of);
      texts.push_back(text);
    };
    hooks.make = [this](const asio::any_io_executor&, const DiscoveryConfig&) {
      auto made = std::make_unique<Fake>(*this);
      sources.push_back(made.get());
      return made;
    };
    hooks.now = [this] { return now; };
    monitor = std::make_unique<DiscoveryMonitor>(io.get_executor(), folder, std::move(hooks));
  }
  void follow(const std::vector<PoolConfig>& pools) {
    Config config;
    config.pools = pools;
    monitor->set_sources(config);
  }
  void say(Result<DiscoveryAnswer> said) { sources.back()->say(std::move(said)); }
  std::vector<std::string> names(const std::string& of = "web") const {
    std::vector<std::string> all;
    const Discovered discovered = monitor->discovered();
    for (const BackendConfig& each : discovered.at(of))
      all.push_back(each.name);
    return all;
  }
  DiscoveryStatus status() const { return monitor->statuses().at(0); }
  std::vector<std::string> take_events() { return std::exchange(events, {}); }
  bool run_until_changes(int count) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    while (changes < count && std::chrono::steady_clock::now() < deadline)
      io.run_one_for(std::chrono::milliseconds(20));
    return changes == count;
  }

  asio::io_context io{1};
  fs::path folder;
  system_clock::time_point now{seconds(1'700'000'000)};
  int changes = 0;
  std::string news;  // of the last change
  int ended = 0;
  std::vector<std::string> events;
  std::vector<std::string> texts;
  std::vector<Fake*> sources;
  std::unique_ptr<DiscoveryMonitor> monitor;
};

TEST_F(DiscoveryMonitorTest, AnswersReplaceEachOther) {
  follow({pool("web")});
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(status().state, DiscoveryState::waiting);
  say(answer({2, 1}));
  EXPECT_THAT(names(), ElementsAre("b1", "b2"));
  ASSERT_TRUE(run_until_changes(1));
  say(answer({1, 2}));  // another order is no news
  say(answer({2, 3}));
  EXPECT_THAT(names(), ElementsAre("b2", "b3"));
  ASSERT_TRUE(run_until_changes(2));
  EXPECT_THAT(take_events(), ElementsAre("discovery.changed web", "discovery.changed web"));
  EXPECT_THAT(texts, ElementsAre("2 new: 2 backends", "1 new, 1 gone: 2 backends"));
  now += seconds(90);
  EXPECT_EQ(status().state, DiscoveryState::fresh);
  EXPECT_EQ(status().age, seconds(90));
  EXPECT_EQ(status().answers, 3U);
  EXPECT_EQ(status().changes, 2U);
  EXPECT_EQ(status().source, "file /etc/web.json");
  EXPECT_EQ(news, "web: 1 new, 1 gone: 2 backends");
}

TEST_F(DiscoveryMonitorTest, ManyChangesAreSaidTogether) {
  follow({pool("web")});
  for (int i = 1; i <= 50; ++i)
    say(answer({1, 2, 3, i + 3}));
  ASSERT_TRUE(run_until_changes(1));
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b3", "b53"));
  EXPECT_THAT(
      news, AllOf(StartsWith("web: 4 new: 4 backends; web: 1 new, 1 gone: 4 backends; "), EndsWith(" more")));
}

TEST_F(DiscoveryMonitorTest, WhatFailsKeepsItsLastAnswer) {
  follow({pool("web")});
  say(answer({1, 2}));
  take_events();
  say(Error{"dns", "timed out"});
  say(Error{"dns", "refused"});
  EXPECT_THAT(names(), ElementsAre("b1", "b2"));
  EXPECT_EQ(status().state, DiscoveryState::stale);
  EXPECT_EQ(status().reason, "dns: refused");
  EXPECT_EQ(status().failures, 2U);
  EXPECT_THAT(take_events(), ElementsAre("discovery.stale web"));
  EXPECT_EQ(texts.back(), "dns: timed out; 2 backends stay");
  say(answer({1, 2}));
  EXPECT_THAT(take_events(), ElementsAre("discovery.back web"));
  EXPECT_EQ(status().state, DiscoveryState::fresh);
  EXPECT_EQ(status().reason, "");
}

TEST_F(DiscoveryMonitorTest, TheGuardHoldsWhatTakesAwayTooMuch) {
  follow({pool("web")});
  say(answer({1, 2, 3, 4}));
  take_events();
  say(answer({1, 5}));  // 3 of 4 gone: they stay; what is new comes
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b3", "b4", "b5"));
  EXPECT_EQ(status().state, DiscoveryState::held);
  EXPECT_EQ(status().reason,
            "the answer takes away 3 of 4 backends (75 %), and max_change is 50 %: they stay");
  EXPECT_THAT(take_events(), ElementsAre("discovery.held web", "discovery.changed web"));
  say(answer({1, 5}));  // the same answer again isn't said again, and b5 doesn't help it through
  EXPECT_THAT(take_events(), IsEmpty());
  EXPECT_EQ(status().holds, 2U);
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b3", "b4", "b5"));
  say(answer({1, 2, 5}));  // half of them
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b5"));
  EXPECT_EQ(status().state, DiscoveryState::fresh);
  say(answer({}));
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b5"));
}

TEST_F(DiscoveryMonitorTest, AHeldAnswerIsAcceptedByHand) {
  follow({pool("web")});
  EXPECT_FALSE(monitor->accept("web"));
  say(answer({1, 2}));
  EXPECT_FALSE(monitor->accept("web"));
  say(answer({}));
  EXPECT_TRUE(monitor->accept("web"));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(status().state, DiscoveryState::fresh);
  EXPECT_FALSE(monitor->accept("nobody"));
}

TEST_F(DiscoveryMonitorTest, AnotherMaxChangeJudgesTheHeldAnswerAgain) {
  follow({pool("web")});
  say(answer({1, 2, 3}));
  say(answer({1}));
  EXPECT_EQ(status().state, DiscoveryState::held);
  follow({pool("web", "/etc/web.json", 1)});
  EXPECT_THAT(names(), ElementsAre("b1"));
  EXPECT_EQ(sources.size(), 1U);
}

TEST_F(DiscoveryMonitorTest, AReloadLeavesEqualSourcesAlone) {
  follow({pool("web"), pool("api", "/etc/api.json")});
  follow({pool("api", "/etc/api.json"), pool("web")});
  EXPECT_EQ(sources.size(), 2U);
  EXPECT_EQ(ended, 0);
  follow({pool("web")});
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(monitor->discovered().size(), 1U);
}

TEST_F(DiscoveryMonitorTest, AnotherSourceStartsUnguardedFromWhatThereIs) {
  follow({pool("web")});
  say(answer({1, 2, 3}));
  Fake* old = sources.back();
  const auto late = old->say;
  follow({pool("web", "/etc/other.json")});
  EXPECT_EQ(ended, 1);
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b3"));
  late(answer({9}));  // of the source that is gone
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b3"));
  say(answer({4}));
  EXPECT_THAT(names(), ElementsAre("b4"));
  EXPECT_EQ(status().source, "file /etc/other.json");
}

TEST_F(DiscoveryMonitorTest, ARestartBeginsWithWhatWasLast) {
  follow({pool("web")});
  say(answer({1, 2, 3}));
  restart();
  events.clear();
  now += seconds(3'600);
  follow({pool("web")});
  EXPECT_THAT(names(), ElementsAre("b1", "b2", "b3"));
  EXPECT_EQ(status().state, DiscoveryState::stale);
  EXPECT_EQ(status().age, seconds(3'600));
  EXPECT_THAT(take_events(), ElementsAre("discovery.stale web"));
  ASSERT_TRUE(run_until_changes(1));
  say(Error{"etcd", "refused"});
  EXPECT_THAT(take_events(), ElementsAre("discovery.stale web"));
  say(answer({3}));  // the guard knows of what was before
  EXPECT_EQ(status().state, DiscoveryState::held);
  say(answer({1, 2}));
  EXPECT_THAT(names(), ElementsAre("b1", "b2"));
  EXPECT_EQ(status().state, DiscoveryState::fresh);
}

TEST_F(DiscoveryMonitorTest, AnotherSourcesMemoryMeansNothing) {
  follow({pool("web")});
  say(answer({1}));
  restart();
  follow({pool("web", "/etc/other.json")});
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(status().state, DiscoveryState::waiting);
}

TEST_F(DiscoveryMonitorTest, APoolThatIsGoneIsForgotten) {
  follow({pool("web")});
  say(answer({1}));
  restart();
  follow({pool("web")});
  follow({});
  EXPECT_FALSE(fs::exists(folder / "discovered/web.json"));
}

TEST_F(DiscoveryMonitorTest, ABrokenMemoryIsSaidAndNoMore) {
  fs::create_directories(folder / "discovered");
  for (const char* text : {"", "{", "[]", R"({"version": 2})", R"({"version": 1, "source": 3})",
                           R"({"version": 1, "source": "x", "at": 1, "backends": [{"address": 1}]})",
                           R"({"version": 1, "source": "x", "at": 1, "backends": 7})"}) {
    std::ofstream(folder / "discovered/web.json") << text;
    restart();
    events.clear();
    follow({pool("web")});
    EXPECT_THAT(take_events(), ElementsAre("discovery.forgotten web")) << text;
    EXPECT_THAT(names(), IsEmpty()) << text;
  }
}

TEST_F(DiscoveryMonitorTest, AStateDirThatCantBeWrittenIsSaid) {
  std::ofstream(folder / "discovered") << "a file in the way";
  follow({pool("web")});
  say(answer({1}));
  take_events();
  monitor->stop();
  EXPECT_THAT(take_events(), ElementsAre("discovery.unsaved web"));
}

TEST_F(DiscoveryMonitorTest, SkippedEntriesAreSaidOnce) {
  follow({pool("web")});
  DiscoveryAnswer odd = answer({1});
  odd.skip("backend 2: has no `address`");
  say(odd);
  say(odd);
  EXPECT_THAT(take_events(), ElementsAre("discovery.skipped web", "discovery.changed web"));
  EXPECT_EQ(status().skipped_count, 1U);
  EXPECT_THAT(status().skipped, ElementsAre(HasSubstr("no `address`")));
  say(answer({1}));
  EXPECT_EQ(status().skipped_count, 0U);
}

TEST(DiscoveryGuard, CountsWhatIsOfNoUseAnyMore) {
  const auto accepted = backends({1, 2, 3, 4});
  auto weights = accepted;
  weights[0].weight = 0;
  weights[1].admin = AdminState::draining;
  GuardedAnswer half = guard_answer(accepted, weights, 0.5);
  EXPECT_FALSE(half.held);
  EXPECT_EQ(half.removed, 2U);
  weights.erase(weights.begin() + 2);
  const GuardedAnswer more = guard_answer(accepted, weights, 0.5);
  EXPECT_TRUE(more.held);
  EXPECT_EQ(more.removed, 3U);
  EXPECT_EQ(more.use.size(), 4U);
  EXPECT_EQ(more.use[0].weight, 1);
  // One that drained already is no loss.
  EXPECT_FALSE(guard_answer(half.use, backends({3, 4}), 0.5).held);
  EXPECT_FALSE(guard_answer({}, {}, 0).held);
  EXPECT_FALSE(guard_answer(accepted, backends({1, 2, 3, 4, 5}), 0).held);
  EXPECT_TRUE(guard_answer(accepted, backends({1, 2, 3}), 0).held);
  EXPECT_FALSE(guard_answer(accepted, {}, 1).held);
  EXPECT_FALSE(
      guard_answer(backends({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), backends({1, 2, 3, 4, 5, 6, 7}), 0.3).held);
}

// A backend of an answer that is held may have the name of one that stays.
TEST(DiscoveryGuard, NamesStayUnique) {
  const auto accepted = backends({1, 2, 3});
  auto moved = backends({9});
  moved[0].name = "b1";
  EXPECT_EQ(guard_answer(accepted, moved, 0.5).use.size(), 3U);
}

TEST(DiscoveryMemory, KeepsAllOfABackend) {
  const fs::path folder = fs::temp_directory_path() / ("shunt-memory-" + std::to_string(getpid()));
  const DiscoveryMemory memory(folder);
  RememberedAnswer before{"dns web.test", system_clock::time_point(seconds(1'700'000'000)), backends({1, 2})};
  before.backends[0].port = 80;
  before.backends[0].weight = 7;
  before.backends[1].admin = AdminState::draining;
  ASSERT_TRUE(memory.save("web", before));
  const auto loaded = memory.load("web");
  ASSERT_TRUE(loaded) << loaded.error().text();
  const RememberedAnswer& after = *loaded.value();
  EXPECT_EQ(after.source, before.source);
  EXPECT_EQ(after.at, before.at);
  ASSERT_EQ(after.backends.size(), 2U);
  EXPECT_EQ(after.backends[0].name, "b1");
  EXPECT_EQ(after.backends[0].address, before.backends[0].address);
  EXPECT_EQ(after.backends[0].port, 80);
  EXPECT_EQ(after.backends[0].weight, 7);
  EXPECT_EQ(after.backends[1].admin, AdminState::draining);
  memory.forget("web");
  EXPECT_FALSE(memory.load("web").value());
  fs::remove_all(folder);
}

}  // namespace
}  // namespace shunt
