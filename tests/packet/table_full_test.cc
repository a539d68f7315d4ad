// A connection table with no room: nothing is dropped, who is busy stays, only the long idle make room.
#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

// Two connections' worth of table: one bucket of five entries.
struct Full : testing::Test {
  Pipeline pipeline{web_config(), {.connections = 2}};
  const Service& service = pipeline.service(kVip, 80);

  std::map<uint16_t, std::string> fill() {
    std::map<uint16_t, std::string> flows;
    for (uint16_t sport = 1; sport <= 5; ++sport)
      flows[sport] = Client(pipeline, kVip, sport).open();
    EXPECT_EQ(pipeline.state().flows.buckets(), 1U);
    EXPECT_EQ(pipeline.tracked_entries(), 5U);
    return flows;
  }
};

TEST_F(Full, NoRoomMeansUntrackedAndForwarded) {
  const auto flows = fill();
  Client late(pipeline, kVip, 100);
  const std::string backend = late.syn(1000);
  EXPECT_EQ(late.ack(1001), backend);
  EXPECT_EQ(late.data(1001), backend);
  EXPECT_EQ(pipeline.counters(service).untracked.read(), 2U) << "it tried with each packet";
  EXPECT_EQ(pipeline.tracked_entries(), 5U);
  EXPECT_EQ(pipeline.waiting_entries(), 1U) << "it stays in probation";
  EXPECT_EQ(pipeline.active(service), 5);
  for (const auto& [sport, kept] : flows)
    EXPECT_EQ(Client(pipeline, kVip, sport).data(), kept);
  EXPECT_EQ(pipeline.state().ledger.dropped_total(), 0U);
}

TEST_F(Full, ItsLineCountsAsForgetting) {
  fill();
  Client late(pipeline, kVip, 100);
  late.syn(1000);
  const FlowKey key =
      exact_flow_key(pipeline.state().table_key, service.id, ip("203.0.113.7").v4(), be16(100));
  EXPECT_FALSE(pipeline.state().probation.forgetting(key, ProbationHalf::tcp, pipeline.now().millisecond));
  late.ack(1001);
  EXPECT_TRUE(pipeline.state().probation.forgetting(key, ProbationHalf::tcp, pipeline.now().millisecond));
}

TEST_F(Full, NineSecondsIdleIsNotIdleEnough) {
  fill();
  pipeline.wait(9'000);
  Client late(pipeline, kVip, 100);
  late.open();
  EXPECT_EQ(pipeline.counters(service).untracked.read(), 1U);
}

TEST_F(Full, TheIdlestMakesRoomAfterTenSeconds) {
  const auto flows = fill();
  pipeline.wait(11'000);
  for (const uint16_t sport : {uint16_t{1}, uint16_t{2}, uint16_t{4}, uint16_t{5}})
    Client(pipeline, kVip, sport).data();
  Client late(pipeline, kVip, 100);
  const std::string backend = late.open();
  EXPECT_EQ(pipeline.counters(service).untracked.read(), 0U);
  EXPECT_EQ(pipeline.tracked_entries(), 5U);
  EXPECT_EQ(pipeline.active(service), 5) << "one began, one ended";
  EXPECT_EQ(late.data(), backend);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
  for (const auto& [sport, kept] : flows) {
    EXPECT_EQ(Client(pipeline, kVip, sport).data(), kept) << "chosen alike where forgotten";
    EXPECT_EQ(pipeline.waiting_entries(), sport >= 3 ? 1U : 0U) << sport;
  }
}

TEST_F(Full, ManyMoreFlowsThanRoom) {
  for (uint16_t sport = 1; sport <= 2000; ++sport) {
    Client client(pipeline, kVip, sport);
    const std::string backend = client.open();
    ASSERT_EQ(client.data(), backend);
    if (sport % 7 == 0) pipeline.wait(3'000);
  }
  EXPECT_EQ(pipeline.state().ledger.dropped_total(), 0U);
  EXPECT_EQ(pipeline.active(service), 5);
  pipeline.run_for(1000);
  EXPECT_EQ(pipeline.active(service), 0);
}

}  // namespace
}  // namespace shunt::packet
