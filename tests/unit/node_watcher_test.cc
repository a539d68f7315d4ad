// The watcher of one shuntd: when it asks, what it makes of answers, of silence, and of strangers. And the
// answers as values.
#include "insight/watch/node_watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "insight/watch/answer_fields.h"
#include "insight/watch/node_system.h"
#include "tests/unit/fake_shuntd.h"

namespace shunt::insight {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class NodeWatcherTest : public testing::Test {
 protected:
  NodeWatcherTest() {
    asker_->shuntd = &shuntd_;
    watcher_ = std::make_unique<NodeWatcher>(
        io_.get_executor(), asker_, [this] { return now_us_; },
        NodeWatcher::Events{
            [this](const NodeAnswers& answers, const RawAnswers&) { readings_.push_back(answers); },
            [this](const std::string& why) { failures_.push_back(why); }});
  }
  void settle() {
    io_.restart();
    io_.poll();
  }
  // A turn each 50 ms, until then.
  void run_until(int64_t us) {
    for (; now_us_ <= us; now_us_ += 50'000) {
      watcher_->turn(now_us_);
      settle();
    }
  }
  void run_for(int64_t us) { run_until(now_us_ + us - 1); }

  boost::asio::io_context io_;
  int64_t now_us_ = kStartUs + 100'000;
  FakeShuntd shuntd_ = small_shuntd();
  std::shared_ptr<FakeAsker> asker_ = std::make_shared<FakeAsker>(io_);
  std::vector<NodeAnswers> readings_;
  std::vector<std::string> failures_;
  std::unique_ptr<NodeWatcher> watcher_;
};

TEST_F(NodeWatcherTest, ReadsEachSecondOnItsBeginning) {
  run_until(kStartUs + 4 * kSecondUs + 900'000);
  ASSERT_EQ(readings_.size(), 5U);
  EXPECT_EQ(readings_[0].at_us, kStartUs + 100'000);
  EXPECT_EQ(readings_[1].at_us, kStartUs + kSecondUs);
  EXPECT_EQ(readings_[4].at_us, kStartUs + 4 * kSecondUs);
  EXPECT_EQ(watcher_->tally().readings, 5U);
  EXPECT_THAT(failures_, testing::IsEmpty());
  EXPECT_EQ(asker_->count("/api/v1/status"), 5U);
}

TEST_F(NodeWatcherTest, AsksForWhatPeopleReadOnlyWhenItMayBeAnother) {
  run_for(3 * kSecondUs);
  EXPECT_EQ(asker_->count("/api/v1/history"), 1U);
  EXPECT_EQ(asker_->count("/api/v1/discovery"), 1U);
  EXPECT_EQ(asker_->count("/api/v1/events?limit=50&after=3"), asker_->count("/api/v1/status") - 1);
  shuntd_.generation = 8;
  run_for(kSecondUs);
  EXPECT_EQ(asker_->count("/api/v1/history"), 2U);
  run_for(2 * kSecondUs);
  EXPECT_EQ(asker_->count("/api/v1/history"), 2U);
  EXPECT_EQ(asker_->count("/api/v1/discovery"), 2U);
}

TEST_F(NodeWatcherTest, ReadingsNeverOverlapAndOneTooLongIsEnded) {
  asker_->is_held = true;
  run_for(NodeWatcher::kReadingLimitUs);
  EXPECT_EQ(asker_->questions.size(), 1U);
  EXPECT_TRUE(watcher_->is_reading());
  run_for(200'000);
  EXPECT_THAT(failures_, ElementsAre("no answer in 3 s"));
  EXPECT_EQ(watcher_->tally().late, 1U);
  EXPECT_EQ(watcher_->tally().failures, 1U);
  asker_->release();
  run_for(kSecondUs);
  EXPECT_GE(readings_.size(), 1U);
  EXPECT_EQ(asker_->most_at_once, 1);
}

TEST_F(NodeWatcherTest, ALateAnswerWithinTheLimitIsAnAnswer) {
  asker_->is_held = true;
  run_for(2 * kSecondUs);
  asker_->release();
  run_for(100'000);
  EXPECT_EQ(readings_.size(), 1U);
  EXPECT_EQ(readings_[0].at_us / kSecondUs, kStartS + 2);
  EXPECT_THAT(failures_, testing::IsEmpty());
}

TEST_F(NodeWatcherTest, WaitsLongerAndLongerForOneThatIsAwayUpToTwoSeconds) {
  asker_->shuntd = nullptr;
  std::vector<int64_t> tries;
  const int64_t begin_us = now_us_;
  for (size_t known = 0; now_us_ < begin_us + 10 * kSecondUs;) {
    run_for(50'000);
    if (asker_->questions.size() > known) tries.push_back((now_us_ - 50'000 - begin_us) / 1'000);
    known = asker_->questions.size();
  }
  EXPECT_THAT(tries, ElementsAre(0, 250, 750, 1'750, 3'750, 5'750, 7'750, 9'750));
  EXPECT_THAT(failures_, testing::Each(testing::Eq("fake: connection refused")));
  asker_->shuntd = &shuntd_;
  run_for(2 * kSecondUs);
  EXPECT_GE(readings_.size(), 1U);
  const size_t failed = failures_.size();
  run_for(3 * kSecondUs);  // every second again
  EXPECT_GE(readings_.size(), 4U);
  EXPECT_EQ(failures_.size(), failed);
}

TEST_F(NodeWatcherTest, ARestartBetweenTwoReadingsIsSeenByItsStart) {
  run_for(2 * kSecondUs);
  EXPECT_EQ(watcher_->tally().restarts, 0U);
  shuntd_.started_s = kStartS + 1;
  const size_t without_after =
      asker_->count("/api/v1/events?limit=50") - asker_->count("/api/v1/events?limit=50&");
  run_for(kSecondUs);
  EXPECT_EQ(watcher_->tally().restarts, 1U);
  EXPECT_EQ(readings_.back().started_us, (kStartS + 1) * kSecondUs);
  EXPECT_EQ(asker_->count("/api/v1/history"), 2U);
  EXPECT_EQ(asker_->count("/api/v1/events?limit=50") - asker_->count("/api/v1/events?limit=50&"),
            without_after + 1);
}

TEST_F(NodeWatcherTest, HurriesForNamesButNotWithoutEnd) {
  for (int i = 0; i < 20; ++i) {  // a second
    watcher_->hurry();
    run_for(50'000);
  }
  EXPECT_LE(readings_.size(), 6U);
  EXPECT_GE(readings_.size(), 5U);
}

TEST_F(NodeWatcherTest, WhatIsntAShuntdIsAnErrorInWords) {
  const std::vector<std::pair<std::string, std::string>> strangers = {
      {"<html>hello</html>", "/api/v1/status: answers something that isn't JSON"},
      {"[]", "this is no shuntd that is known here: /api/v1/status: the answer is no object"},
      {"{}", "this is no shuntd that is known here: /api/v1/status: the answer lacks \"node\""},
      {R"({"node": {"started": "noon", "generation": 1}})",
       "this is no shuntd that is known here: /api/v1/status: node has a \"started\" that is no time"},
      {R"({"node": {"started": null, "generation": -1}})",
       "this is no shuntd that is known here: /api/v1/status: node has a \"generation\" that is no count"}};
  uint64_t bad = 0;
  for (const auto& [body, error] : strangers) {
    shuntd_.replaced["/api/v1/status"] = body;
    run_for(3 * kSecondUs);
    EXPECT_EQ(failures_.back(), error);
    EXPECT_GT(watcher_->tally().bad_answers, bad);
    bad = watcher_->tally().bad_answers;
  }
  EXPECT_EQ(watcher_->tally().failures, bad);
  shuntd_.replaced.clear();
  shuntd_.replaced["/api/v1/services"] = R"({"services": [{"name": "web"}]})";
  run_for(3 * kSecondUs);
  EXPECT_THAT(failures_.back(), HasSubstr("/api/v1/services: services[0] lacks \"number\""));
  shuntd_.replaced.clear();
  run_for(3 * kSecondUs);
  EXPECT_GE(readings_.size(), 1U);
}

TEST_F(NodeWatcherTest, WhatPeopleReadMayLack) {
  shuntd_.replaced["/api/v1/history"] = "nothing";
  run_for(kSecondUs);
  EXPECT_EQ(readings_.size(), 2U);
  EXPECT_EQ(watcher_->tally().left_out, 2U);  // it is asked for until it comes
}

TEST_F(NodeWatcherTest, MayEndWhileAReadingIsUnderWay) {
  asker_->is_held = true;
  run_for(kSecondUs);
  watcher_.reset();
  settle();
  EXPECT_TRUE(readings_.empty());
  EXPECT_TRUE(failures_.empty());
}

RawAnswers answers_of(const FakeShuntd& shuntd, int64_t at_us = kStartUs) {
  RawAnswers raw;
  raw.at_us = at_us;
  raw.status = shuntd.answer("/api/v1/status");
  raw.services = shuntd.answer("/api/v1/services");
  raw.backends = shuntd.answer("/api/v1/backends");
  raw.outcomes = shuntd.answer("/api/v1/outcomes");
  raw.drops = shuntd.answer("/api/v1/drops");
  return raw;
}

TEST(NodeAnswers, CountersHaveTheirNames) {
  FakeShuntd shuntd = small_shuntd();
  FakeCounters& web = shuntd.services[0].counters;
  web = {10, 3, 100, 1'000, 50, 500, {{"closed", 4}, {"no_backend", 2}, {"shed", 1}, {"tomorrow's", 9}},
         5,  6, 7};
  shuntd.services[0].backends[1].counters.flows = 8;
  const auto answers = parse_answers(answers_of(shuntd));
  ASSERT_TRUE(answers.ok()) << answers.error().text();
  const ServiceAnswer& service = answers.value().services[0];
  ASSERT_TRUE(service.totals);
  const KpiCounts& counts = *service.totals;
  EXPECT_EQ(counts[KpiCount::opened], 13U);  // those that found nobody included
  EXPECT_EQ(counts.ended(FlowOutcome::closed), 4U);
  EXPECT_EQ(counts.ended(FlowOutcome::no_backend), 2U);
  EXPECT_EQ(counts.ended(), 7U);
  EXPECT_EQ(counts[KpiCount::syn_retransmits], 5U);
  EXPECT_EQ(counts[KpiCount::reconnects], 6U);
  EXPECT_EQ(counts[KpiCount::data_retransmits], 7U);
  EXPECT_EQ(counts[KpiCount::packets], 100U);
  EXPECT_EQ(counts[KpiCount::bytes], 1'000U);
  EXPECT_EQ(counts[KpiCount::reply_packets], 50U);
  EXPECT_EQ(counts[KpiCount::reply_bytes], 500U);
  EXPECT_EQ(service.active, 3U);
  EXPECT_EQ(service.sample, 4U);
  EXPECT_EQ(service.mode, "nat");
  ASSERT_EQ(answers.value().backends.size(), 2U);
  EXPECT_EQ((*answers.value().backends[1].totals)[KpiCount::opened], 8U);
  EXPECT_EQ(answers.value().backends[1].since_s, shuntd.started_s);
}

TEST(NodeAnswers, OneThatOnlyOneAnswerKnowsHasNoCounters) {
  const FakeShuntd shuntd = small_shuntd();
  RawAnswers raw = answers_of(shuntd);
  raw.outcomes["services"][0]["backends"].erase(0);
  const auto answers = parse_answers(raw);
  ASSERT_TRUE(answers.ok());
  EXPECT_FALSE(answers.value().backends[0].totals);
  EXPECT_TRUE(answers.value().backends[1].totals);
}

TEST(NodeAnswers, WhatPeopleWantOfABackendGoesBeforeWhatChecksSay) {
  struct Row {
    const char* admin;
    const char* state;
    const char* reason;
    uint64_t weight;
    uint64_t accept;
    BackendState wanted;
    const char* words;
  };
  const Row rows[] = {
      {"enabled", "up", "HTTP 200", 1, 256, BackendState::up, ""},
      {"enabled", "up", "HTTP 200; given less: 3 of 9 timed out", 1, 128, BackendState::up,
       "given less: 3 of 9 timed out"},
      {"enabled", "up", "HTTP 200", 1, 64, BackendState::starting,
       "gets more flows step by step (slow start)"},
      {"enabled", "down", "refused", 1, 0, BackendState::down, "refused"},
      {"enabled", "unknown", "", 1, 0, BackendState::starting, "no check has told yet"},
      {"draining", "up", "draining: no new flows", 1, 0, BackendState::drain, "draining: no new flows"},
      {"enabled", "up", "weight 0: no new flows", 0, 0, BackendState::drain, "weight 0: no new flows"},
      {"disabled", "up", "disabled", 1, 0, BackendState::disabled, "disabled"},
      {"enabled", "tomorrow's", "", 1, 0, BackendState::unknown, ""}};
  for (const Row& row : rows) {
    FakeShuntd shuntd = small_shuntd();
    FakeBackend& backend = shuntd.services[0].backends[0];
    backend.admin = row.admin;
    backend.state = row.state;
    backend.reason = row.reason;
    backend.weight = row.weight;
    backend.accept = row.accept;
    const auto answers = parse_answers(answers_of(shuntd));
    ASSERT_TRUE(answers.ok());
    EXPECT_EQ(answers.value().backends[0].state, row.wanted) << row.admin << row.state;
    EXPECT_EQ(answers.value().backends[0].reason, row.words) << row.admin << row.state;
  }
}

TEST(NodeAnswers, MoreThanThereMayBeIsPassedOver) {
  FakeShuntd shuntd = small_shuntd();
  shuntd.services[0].backends.assign(kMostSeries, shuntd.services[0].backends[0]);
  const auto answers = parse_answers(answers_of(shuntd));
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers.value().services.size() + answers.value().backends.size(), kMostSeries);
  EXPECT_EQ(answers.value().passed_over, 1U);
}

TEST(AnswerFields, Times) {
  EXPECT_EQ(parse_time_us("2025-01-31T12:00:00Z"), kStartUs);
  EXPECT_EQ(parse_time_us("2025-01-31T12:00:00.150Z"), kStartUs + 150'000);
  EXPECT_EQ(parse_time_us("2025-01-31T12:00:00.001500Z"), kStartUs + 1'500);
  for (const char* text : {"", "Z", "2025-01-31T12:00:00", "2025-01-31T12:00:00.1", "2025-01-31 12:00:00Z",
                           "2025-13-31T12:00:00Z", "2025-01-31T12:00:00.150Z "})
    EXPECT_EQ(parse_time_us(text), std::nullopt) << text;
}

TEST(NodeSystem, ShowsRatesBetweenReadings) {
  FakeShuntd shuntd = small_shuntd();
  shuntd.port_packets = 1'000;
  shuntd.drops["ttl"] = 5;
  NodeSystem system("n1");
  EXPECT_EQ(system.entry({})["state"], "down");
  const auto read = [&](int64_t at_us) {
    RawAnswers raw = answers_of(shuntd, at_us);
    raw.events = {{"events",
                   {{{"at", time_text(kStartS)}, {"kind", "a"}, {"subject", "s"}, {"text", "first"}},
                    {{"at", time_text(kStartS + 1)}, {"kind", "b"}, {"subject", "s"}, {"text", "second"}}}}};
    raw.history = shuntd.answer("/api/v1/history");
    raw.discovery = shuntd.answer("/api/v1/discovery");
    system.reading(parse_answers(raw).value(), raw);
    return system.entry({true, 7, 1});
  };
  json entry = read(kStartUs);
  EXPECT_EQ(entry["state"], "up");
  EXPECT_EQ(entry["version"], "0.1.0");
  EXPECT_EQ(entry["started_at"], static_cast<double>(shuntd.started_s));
  EXPECT_EQ(entry["ports"][0]["received"], 0.0);
  EXPECT_EQ(entry["drops"][0]["reason"], "ttl");
  EXPECT_EQ(entry["drops"][0]["count"], 5);
  EXPECT_EQ(entry["drops"][0]["rate"], 0.0);
  EXPECT_EQ(entry["drops"].size(), 1U);  // those that happened
  EXPECT_GT(entry["drops"][0]["text"].get<std::string>().size(), 5U);
  EXPECT_EQ(entry["tsc_hz"], 2'100'000'000);
  EXPECT_EQ(entry["workers"][0]["ticks_per_packet"], 50.0);
  EXPECT_EQ(entry["workers"][0]["stages"], json::array());  // an older shuntd's
  EXPECT_EQ(entry["table"], (json{{"entries", 10}, {"capacity", 100}}));
  EXPECT_EQ(entry["records"], (json{{"attached", true}, {"read", 7}, {"dropped", 1}, {"error", ""}}));
  EXPECT_EQ(entry["events"][0]["text"], "second");  // newest first
  EXPECT_EQ(entry["events"][1]["at"], static_cast<double>(kStartS));
  EXPECT_EQ(entry["history"][0]["what"], "2 services");
  EXPECT_EQ(entry["discovery"][0]["kind"], "dns");
  shuntd.port_packets = 3'000;
  shuntd.drops["ttl"] = 6;
  shuntd.drops["no_backend"] = 4;
  entry = read(kStartUs + 2 * kSecondUs);
  EXPECT_EQ(entry["ports"][0]["received"], 1'000.0);
  EXPECT_EQ(entry["ports"][0]["received_bytes"], 100'000.0);
  EXPECT_EQ(entry["workers"][0]["packets"], 1'000.0);
  EXPECT_EQ(entry["workers"][0]["busy_ratio"], 0.25);
  EXPECT_EQ(entry["drops"][0]["reason"], "no_backend");  // the most of late first
  EXPECT_EQ(entry["drops"][0]["rate"], 2.0);
  EXPECT_EQ(entry["drops"][1]["rate"], 0.5);
}

TEST(NodeSystem, AFailureTakesRatesAndAStartTakesEvents) {
  FakeShuntd shuntd = small_shuntd();
  shuntd.port_packets = 1'000;
  NodeSystem system("n1");
  const auto read = [&](int64_t at_us) {
    RawAnswers raw = answers_of(shuntd, at_us);
    raw.events = {{"events", {{{"at", time_text(kStartS)}, {"kind", "a"}, {"subject", "s"}, {"text", "t"}}}}};
    system.reading(parse_answers(raw).value(), raw);
  };
  read(kStartUs);
  shuntd.port_packets = 2'000;
  read(kStartUs + kSecondUs);
  EXPECT_EQ(system.entry({})["ports"][0]["sent"], 1'000.0);
  EXPECT_EQ(system.entry({})["events"].size(), 2U);
  system.failed("refused");
  json entry = system.entry({});
  EXPECT_EQ(entry["state"], "down");
  EXPECT_EQ(entry["error"], "refused");
  EXPECT_EQ(entry["ready"], false);
  EXPECT_EQ(entry["ports"][0]["sent"], 0);
  EXPECT_EQ(entry["workers"][0]["busy_ratio"], nullptr);
  EXPECT_EQ(entry["workers"][0]["ticks_per_packet"], nullptr);
  EXPECT_EQ(entry["version"], "0.1.0");
  shuntd.started_s += 50;
  shuntd.port_packets = 10;
  read(kStartUs + 2 * kSecondUs);
  EXPECT_EQ(system.entry({})["ports"][0]["sent"], 0.0);
  EXPECT_EQ(system.entry({})["events"].size(), 1U);
  for (int i = 3; i < 70; ++i)
    read(kStartUs + i * kSecondUs);
  EXPECT_EQ(system.entry({})["events"].size(), 50U);
}

// [{name, ticks_per_packet, share}] of each stage.
json stage(const std::string& name, const json& ticks_per_packet, const json& share) {
  return {{"name", name}, {"ticks_per_packet", ticks_per_packet}, {"share", share}};
}

TEST(NodeSystem, TellsWhereTheTicksOfAWorkerGo) {
  FakeShuntd shuntd = small_shuntd();
  shuntd.stages = {{"receive", {}}, {"lookup", {}}, {"select", {}}};
  NodeSystem system("n1");
  int64_t at_us = kStartUs;
  const auto read = [&] {
    const RawAnswers raw = answers_of(shuntd, at_us += kSecondUs);
    system.reading(parse_answers(raw).value(), raw);
    return system.entry({})["workers"][0]["stages"];
  };
  EXPECT_EQ(read(), json({stage("receive", nullptr, nullptr), stage("lookup", nullptr, nullptr),
                          stage("select", nullptr, nullptr)}));
  shuntd.stages = {{"receive", {200, 100}}, {"lookup", {600, 100}}, {"select", {}}};
  EXPECT_EQ(read(),
            json({stage("receive", 2.0, 0.25), stage("lookup", 6.0, 0.75), stage("select", nullptr, 0.0)}));
  // The newest: 100, 200 and 100 of 400 ticks for 40 packets, of which 10 met select.
  shuntd.stages = {{"receive", {300, 140}}, {"lookup", {800, 140}}, {"select", {100, 10}}};
  const json newest = {stage("receive", 2.5, 0.25), stage("lookup", 5.0, 0.5), stage("select", 10.0, 0.25)};
  EXPECT_EQ(read(), newest);
  EXPECT_EQ(read(), newest);  // no burst was measured meanwhile
  EXPECT_EQ(system.entry({})["workers"][0]["ticks_per_packet"], 10.0);
  system.failed("refused");
  EXPECT_EQ(system.entry({})["workers"][0]["stages"],
            json({stage("receive", nullptr, nullptr), stage("lookup", nullptr, nullptr),
                  stage("select", nullptr, nullptr)}));
  EXPECT_EQ(read(), newest);
  shuntd.started_s += 50;  // its counters are new
  shuntd.stages = {{"receive", {900, 90}}, {"lookup", {900, 90}}, {"select", {}}};
  EXPECT_EQ(read(),
            json({stage("receive", 10.0, 0.5), stage("lookup", 10.0, 0.5), stage("select", nullptr, 0.0)}));
}

TEST(NodeSystem, StagesMayBeNewerOrNonsense) {
  StageCosts costs;
  EXPECT_EQ(costs.reading(nullptr), json::array());
  EXPECT_EQ(costs.reading(json::array({1})), json::array());
  const json told = {{"crypto", {{"ticks", 30}, {"packets", 10}}},
                     {"transmit", {{"ticks", -4}, {"packets", "4"}}},
                     {"parse", {{"ticks", 10}, {"packets", 10}}},
                     {"rewrite", nullptr}};
  EXPECT_EQ(costs.reading(json::parse(told.dump())),
            json({stage("parse", 1.0, 0.25), stage("rewrite", nullptr, 0.0), stage("transmit", nullptr, 0.0),
                  stage("crypto", 3.0, 0.75)}));
  // Counters that began anew count from 0.
  EXPECT_EQ(costs.reading(json::parse(
                R"({"parse": {"ticks": 5, "packets": 1}, "crypto": {"ticks": 45, "packets": 20}})")),
            json({stage("parse", 5.0, 0.25), stage("crypto", 1.5, 0.75)}));
  EXPECT_EQ(costs.ticks_per_packet(), nullptr);  // nobody knows how many were received
}

TEST(NodeSystem, EachWorkerHasStagesOfItsOwn) {
  FakeShuntd shuntd = small_shuntd();
  RawAnswers raw = answers_of(shuntd, kStartUs);
  const auto worker = [](uint64_t index, uint64_t receive, uint64_t lookup) {
    return json{{"index", index},
                {"stages", {{"receive", {{"ticks", receive}}}, {"lookup", {{"ticks", lookup}}}}}};
  };
  NodeSystem system("n1");
  raw.status["workers"] = {worker(0, 10, 10), worker(1, 10, 30)};
  system.reading(parse_answers(raw).value(), raw);
  raw.status["workers"] = {worker(1, 20, 40), worker(0, 20, 40)};
  system.reading(parse_answers(raw).value(), raw);
  const json workers = system.entry({})["workers"];
  EXPECT_EQ(workers[0]["stages"][0]["share"], 0.5);
  EXPECT_EQ(workers[1]["stages"][0]["share"], 0.25);
}

}  // namespace
}  // namespace shunt::insight
