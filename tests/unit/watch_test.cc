// Everything that watches, together: two nodes' counters and records become cells whose sums are what was
// counted, and a live state; and a real server at the other end.
#include "insight/watch/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "insight/watch/http_node_asker.h"
#include "tests/unit/api_harness.h"
#include "tests/unit/fake_shuntd.h"

namespace shunt::insight {
namespace {

using testing::ElementsAre;

const SeriesName kWeb1{"n1", "web", "", ""};
const SeriesName kA1{"n1", "web", "web", "a"};
const SeriesName kA2{"n2", "web", "web", "a"};

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    for (size_t i = 0; i < shuntds_.size(); ++i) {
      askers_.push_back(std::make_shared<FakeAsker>(io_));
      askers_[i]->shuntd = &shuntds_[i];
    }
    shuntds_[1].services[0].backends[0].address = "10.2.0.9";
  }
  void begin() {
    std::vector<NodeParts> parts(2);
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].name = "n" + std::to_string(i + 1);
      parts[i].asker = askers_[i];
      parts[i].records = std::make_unique<FakeRecords>(rings_[i]);
    }
    WatchSinks sinks;
    sinks.cell = [this](const ClosedCell& cell) { cells_.push_back(cell); };
    sinks.clients = [this](ClientMinute&& minute) { minutes_.push_back(std::move(minute)); };
    sinks.flow = [this](FlowRow&& row) { flows_.push_back(std::move(row)); };
    sinks.description = [this](DescriptionRow&& row) { descriptions_.push_back(std::move(row)); };
    sinks.second = [this](LiveState& live) { told_.push_back(live.now_s); };
    watch_ = std::make_unique<Watch>(
        io_.get_executor(), std::move(parts), nullptr, [this] { return now_us_; }, std::move(sinks));
  }
  void run_until(int64_t us) {
    for (; now_us_ < us; now_us_ += 50'000) {
      watch_->turn(now_us_);
      io_.restart();
      io_.poll();
    }
  }
  // Up to the turns of that second since the start, 600 ms of them included.
  void run_to_second(int64_t second) { run_until(kStartUs + second * kSecondUs + 600'000); }
  // Of all closed cells of a resolution.
  KpiCell sum_of(const SeriesName& name, Resolution resolution) const {
    KpiCell sum;
    for (const ClosedCell& cell : cells_) {
      if (cell.resolution == resolution && *cell.series == name) sum.merge(cell.cell);
    }
    return sum;
  }
  const LiveBackend& backend(size_t node, size_t place) const {
    return watch_->live().nodes[node].backends[place];
  }

  boost::asio::io_context io_;
  int64_t now_us_ = kStartUs;
  std::vector<FakeShuntd> shuntds_ = {small_shuntd(), small_shuntd()};
  std::vector<FakeRings> rings_ = std::vector<FakeRings>(2);
  std::vector<std::shared_ptr<FakeAsker>> askers_;
  std::vector<ClosedCell> cells_;
  std::vector<ClientMinute> minutes_;
  std::vector<FlowRow> flows_;
  std::vector<DescriptionRow> descriptions_;
  std::vector<int64_t> told_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(WatchTest, CellsOfTwoNodesAreWhatTheirCountersGainedAndTheirRecordsTold) {
  begin();
  FakeCounters& web1 = shuntds_[0].services[0].counters;
  FakeCounters& a1 = shuntds_[0].services[0].backends[0].counters;
  FakeCounters& a2 = shuntds_[1].services[0].backends[0].counters;
  web1.flows = a1.flows = 1'000'000;  // before anybody watched
  run_to_second(0);
  for (uint64_t second = 1; second <= 70; ++second) {
    web1.flows += 10 + second;
    web1.outcomes["closed"] += 9;
    web1.outcomes["no_backend"] += 1;
    a1.flows += 10;
    a1.bytes += 1'001;
    a2.flows += 3;
    a2.outcomes["reset_by_server"] += 1;
    const int64_t now_us = kStartUs + static_cast<int64_t>(second) * kSecondUs;
    for (int i = 0; i < 5; ++i)
      rings_[0].put(fake_record(now_us, 0, FlowOutcome::closed, 500));
    rings_[1].put(fake_record(now_us, 0, FlowOutcome::reset_by_server));
    run_to_second(static_cast<int64_t>(second));
  }
  const KpiCell before_end = sum_of(kA1, Resolution::second);
  EXPECT_LT(before_end.counts[KpiCount::opened], 700U);  // seconds that are open
  EXPECT_GE(before_end.counts[KpiCount::opened], 660U);
  watch_->stop();
  EXPECT_EQ(sum_of(kA1, Resolution::second).counts[KpiCount::opened], 700U);
  EXPECT_EQ(sum_of(kA1, Resolution::second).counts[KpiCount::bytes], 70'070U);
  EXPECT_EQ(sum_of(kA2, Resolution::second).counts[KpiCount::opened], 210U);
  EXPECT_EQ(sum_of(kA2, Resolution::second).counts.failures(), 70U);
  const KpiCell web = sum_of(kWeb1, Resolution::second);
  EXPECT_EQ(web.counts[KpiCount::opened], 700U + 70 * 71 / 2 + 70);
  EXPECT_EQ(web.counts.ended(), 700U);
  // Times are of the records of watched flows, once as the backend's and once as the service's.
  EXPECT_EQ(web.connect().count(), 350U);
  EXPECT_EQ(sum_of(kA1, Resolution::second).connect().count(), 350U);
  EXPECT_NEAR(web.connect().quantile(0.5), 500, 5);
  EXPECT_EQ(sum_of(kA2, Resolution::second).connect().count(), 0U);  // a failure's would shift it
  // Coarser ones are sums of the fine ones: whole minutes and tens of seconds came out by themselves.
  KpiCell minute;
  for (const ClosedCell& cell : cells_) {
    if (cell.resolution == Resolution::second && *cell.series == kA1 && cell.begin_s < kStartS + 60)
      minute.merge(cell.cell);
  }
  EXPECT_EQ(sum_of(kA1, Resolution::minute), minute);
  EXPECT_EQ(watch_->tally().records, 420U);
  EXPECT_EQ(watch_->tally().late_records, 0U);
  EXPECT_EQ(watch_->tally().series, 6U);
  EXPECT_EQ(flows_.size(), 420U);  // failures, and watched ones
  ASSERT_EQ(minutes_.size(), 2U);
  EXPECT_EQ(minutes_[0].countries.begin()->second.flows + minutes_[1].countries.begin()->second.flows,
            59U * 5 * 4 + 59);  // one in four is watched; second 60 is of the next minute
}

TEST_F(WatchTest, TheLiveStateIsThatOfTheLastReading) {
  begin();
  FakeCounters& web = shuntds_[0].services[0].counters;
  run_to_second(0);
  ASSERT_EQ(watch_->live().nodes.size(), 2U);
  EXPECT_EQ(watch_->live().nodes[0].services[0].last.seconds, 0);  // no two readings yet
  for (int64_t second = 1; second <= 30; ++second) {
    web.flows += 20;
    web.active = 4;
    rings_[0].put(fake_record(kStartUs + second * kSecondUs, 1));
    run_to_second(second);
  }
  const LiveNode& node = watch_->live().nodes[0];
  EXPECT_TRUE(node.up);
  EXPECT_EQ(node.error, "");
  EXPECT_EQ(node.generation, 7U);
  EXPECT_EQ(node.started_us, shuntds_[0].started_s * kSecondUs);
  EXPECT_EQ(node.read_us / kSecondUs, kStartS + 30);
  const LiveService& service = node.services[0];
  EXPECT_THAT(service.vips, ElementsAre("10.1.0.10:80/tcp"));
  EXPECT_EQ(service.active, 4U);
  EXPECT_EQ(service.mode, "nat");
  EXPECT_EQ(service.last.counts[KpiCount::opened], 20U);
  EXPECT_EQ(service.last.seconds, 1);
  EXPECT_EQ(service.recent.counts[KpiCount::opened], 200U);
  EXPECT_EQ(service.recent.seconds, 10U);
  EXPECT_EQ(service.recent.connect().count(), 10U);
  EXPECT_EQ(backend(0, 1).recent.connect().count(), 10U);
  EXPECT_EQ(backend(0, 0).recent.connect().count(), 0U);
  EXPECT_EQ(backend(1, 0).address, "10.2.0.9");
  EXPECT_EQ(watch_->live().now_s, kStartS + 30);
  EXPECT_EQ(watch_->live().records.size(), 30U);
  EXPECT_EQ(watch_->live().records.back().series->backend, "b");
  ASSERT_EQ(watch_->live().countries.size(), 1U);
  EXPECT_NEAR(watch_->live().countries[0].flows, 4, 0.2);
  EXPECT_EQ(node.system["state"], "up");
  EXPECT_EQ(node.system["records"]["read"], 30);
  EXPECT_EQ(watch_->tally().records_rate, 1);
  for (int64_t second = 1; second <= 30; ++second)
    EXPECT_EQ(told_[static_cast<size_t>(second) - 1], kStartS + second);
}

TEST_F(WatchTest, ASecondIsToldWhenTheNodesAnsweredOrHalfASecondLater) {
  begin();
  run_until(kStartUs + 100'000);
  run_until(kStartUs + kSecondUs + 100'000);
  EXPECT_EQ(told_.size(), 1U);
  askers_[1]->is_held = true;
  run_until(kStartUs + 2 * kSecondUs + 450'000);
  EXPECT_EQ(told_.size(), 1U);
  run_until(kStartUs + 2 * kSecondUs + 600'000);
  EXPECT_EQ(told_.size(), 2U);
  askers_[1]->release();
  run_to_second(10);
  EXPECT_EQ(told_.size(), 10U);
}

TEST_F(WatchTest, AShuntdThatGoesAndComesBack) {
  begin();
  FakeCounters& a = shuntds_[0].services[0].backends[0].counters;
  shuntds_[0].services[0].backends[0].counters.active = 5;
  a.flows = 50;
  run_to_second(3);
  askers_[0]->shuntd = nullptr;
  run_to_second(8);
  const LiveNode& node = watch_->live().nodes[0];
  EXPECT_FALSE(node.up);
  EXPECT_EQ(node.error, "fake: connection refused");
  EXPECT_EQ(node.since_s, kStartS + 4);
  EXPECT_EQ(backend(0, 0).state, BackendState::unknown);
  EXPECT_EQ(backend(0, 0).reason, "its node doesn't answer");
  EXPECT_EQ(backend(0, 0).active, 0U);
  EXPECT_EQ(backend(0, 0).last.seconds, 0);
  EXPECT_TRUE(watch_->live().nodes[1].up);
  EXPECT_EQ(node.system["state"], "down");
  // Another one: all of what it has counted so far is new.
  shuntds_[0].started_s = kStartS + 8;
  a.flows = 7;
  askers_[0]->shuntd = &shuntds_[0];
  run_to_second(12);
  EXPECT_TRUE(node.up);
  EXPECT_EQ(node.error, "");
  EXPECT_GE(node.since_s, kStartS + 9);
  EXPECT_EQ(backend(0, 0).state, BackendState::up);
  EXPECT_EQ(watch_->tally().restarts, 1U);
  a.flows = 9;
  run_to_second(15);
  watch_->stop();
  EXPECT_EQ(sum_of(kA1, Resolution::second).counts[KpiCount::opened], 9U);
}

TEST_F(WatchTest, ABackendThatOneAnswerLacksIsNotCountedTwice) {
  begin();
  FakeCounters& a = shuntds_[0].services[0].backends[0].counters;
  a.flows = a.outcomes["closed"] = 1'000;
  run_to_second(2);
  // Its line comes and goes between the answers of one reading.
  auto outcomes = shuntds_[0].answer("/api/v1/outcomes");
  outcomes["services"][0]["backends"].erase(0);
  shuntds_[0].replaced["/api/v1/outcomes"] = outcomes.dump();
  run_to_second(4);
  shuntds_[0].replaced.clear();
  a.flows = a.outcomes["closed"] = 1'010;
  run_to_second(6);
  watch_->stop();
  EXPECT_EQ(sum_of(kA1, Resolution::second).counts[KpiCount::opened], 10U);
  EXPECT_EQ(sum_of(kA1, Resolution::second).counts.ended(), 10U);
}

TEST_F(WatchTest, DescribesWhatIsNewOrElsewhere) {
  begin();
  run_to_second(3);
  ASSERT_EQ(descriptions_.size(), 6U);
  EXPECT_EQ(descriptions_[0].series, kWeb1);
  EXPECT_EQ(descriptions_[0].address, "10.1.0.10");
  EXPECT_EQ(descriptions_[0].port, 80);
  EXPECT_EQ(descriptions_[0].protocol, "tcp");
  EXPECT_EQ(descriptions_[1].series, kA1);
  EXPECT_EQ(descriptions_[1].port, 8080);
  shuntds_[0].services[0].backends[0].address = "10.2.0.77";
  shuntds_[0].generation = 8;
  run_to_second(6);
  ASSERT_EQ(descriptions_.size(), 7U);
  EXPECT_EQ(descriptions_[6].series, kA1);
  EXPECT_EQ(descriptions_[6].address, "10.2.0.77");
}

TEST_F(WatchTest, GoesOnWhereTheProgramBeforeItStopped) {
  begin();
  ClosedCell ten;
  ten.resolution = Resolution::ten_seconds;
  ten.series = std::make_shared<const SeriesName>(kA1);
  ten.cell.counts[KpiCount::opened] = 40;
  ten.cell.seconds = 10;
  std::vector<ClosedCell> stored;
  for (int64_t begin_s = kStartS - 60; begin_s < kStartS; begin_s += 10) {
    ten.begin_s = begin_s;
    stored.push_back(ten);
  }
  ten.begin_s = kStartS - 3;  // no beginning of ten seconds
  stored.push_back(ten);
  EXPECT_EQ(watch_->restore(stored), 6U);
  run_to_second(5);
  EXPECT_EQ(sum_of(kA1, Resolution::minute).counts[KpiCount::opened], 240U);
}

TEST_F(WatchTest, RowsOfFlowsHaveABoundASecondAndTheNewestRecordsStay) {
  begin();
  run_to_second(1);
  for (uint32_t i = 0; i < 6'000; ++i)
    rings_[0].put(fake_record(kStartUs + kSecondUs, 0, FlowOutcome::closed, i + 1));
  FlowRecord plain = fake_record(kStartUs + kSecondUs, 0, FlowOutcome::closed, 6'001);
  plain.flags = static_cast<uint8_t>(plain.flags & ~kFlowSampled);  // neither watched nor failed
  rings_[0].put(plain);
  run_until(kStartUs + kSecondUs + 700'000);
  EXPECT_EQ(flows_.size(), KpiPipeline::kMostFlowRows);
  EXPECT_EQ(watch_->tally().flow_rows_passed_over, 1'000U);
  EXPECT_EQ(watch_->live().records.size(), KpiPipeline::kMostRecords);
  EXPECT_EQ(watch_->live().records.back().record.connect_us, 6'001U);
  EXPECT_EQ(watch_->live().records.front().record.connect_us, 4'002U);
}

TEST_F(WatchTest, StopsOnce) {
  begin();
  watch_->start();
  run_to_second(2);
  watch_->stop();
  const size_t closed = cells_.size();
  EXPECT_GT(closed, 0U);
  watch_->stop();
  EXPECT_EQ(cells_.size(), closed);
}

// shuntd's own server and its own JSON, over a unix socket and over TCP.
TEST(WatchServer, UnderstandsARealOne) {
  ServerOnThread server;
  boost::asio::io_context io;
  std::vector<NodeParts> parts;
  for (const std::string& address : {server.unix_address(), server.tcp_address()}) {
    NodeParts node;
    node.name = address;
    node.asker = std::make_shared<HttpNodeAsker>(io.get_executor(),
                                                 NodePlace{*HttpUrl::parse_server(address), "", ""});
    parts.push_back(std::move(node));
  }
  const auto clock = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  WatchSinks sinks;
  int seconds = 0;
  sinks.second = [&](LiveState&) {
    if (++seconds == 2) io.stop();
  };
  Watch watch(io.get_executor(), std::move(parts), nullptr, clock, std::move(sinks));
  watch.start();
  io.run_for(std::chrono::seconds(30));
  for (const LiveNode& node : watch.live().nodes) {
    EXPECT_EQ(node.error, "") << node.name;
    ASSERT_EQ(node.services.size(), 2U) << node.name;
    EXPECT_THAT(node.services[0].vips, ElementsAre("198.51.100.10:80/tcp"));
    EXPECT_THAT(node.services[1].vips, ElementsAre("[2001:db8::/64]:*/udp"));
    ASSERT_EQ(node.backends.size(), 4U);
    EXPECT_EQ(node.backends[0].state, BackendState::up);
    EXPECT_EQ(node.backends[1].state, BackendState::down);
    EXPECT_EQ(node.backends[1].reason, "connection refused");
    EXPECT_EQ(node.system["ports"][0]["name"], "net0");
    EXPECT_EQ(node.system["workers"][0]["cpu"], 1);
  }
  EXPECT_GE(watch.tally().readings, 2U);
  EXPECT_EQ(watch.tally().failed_readings, 0U);
  server.stop();
  seconds = 0;
  io.restart();
  io.run_for(std::chrono::seconds(30));
  for (const LiveNode& node : watch.live().nodes)
    EXPECT_FALSE(node.up);
  watch.stop();
}

}  // namespace
}  // namespace shunt::insight
