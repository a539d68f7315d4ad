// TCP flows packet by packet: what is remembered in probation, what moves to the connection table, and when.
#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

struct Tcp : testing::Test {
  Pipeline pipeline{web_config()};
  const Service& service = pipeline.service(kVip, 80);
  Client client{pipeline, kVip, 40000};

  const ServiceCounters& counters() const { return pipeline.counters(service); }
  void expect_tables(uint64_t waiting, uint64_t tracked) const {
    EXPECT_EQ(pipeline.waiting_entries(), waiting);
    EXPECT_EQ(pipeline.tracked_entries(), tracked);
  }
};

TEST_F(Tcp, ASynIsRememberedInProbationOnly) {
  const std::string backend = client.syn();
  EXPECT_TRUE(Prefix::parse("10.0.0.0/24")->contains(ip(backend)));
  expect_tables(1, 0);
  EXPECT_EQ(counters().opened.read(), 1U);
  EXPECT_EQ(counters().tracked.read(), 0U);
  EXPECT_EQ(pipeline.active(service), 0) << "half-open isn't active";
}

TEST_F(Tcp, TheRightAckMovesTheFlowToTheTable) {
  const std::string backend = client.syn(1000);
  EXPECT_EQ(client.ack(1001), backend);
  expect_tables(0, 1);
  EXPECT_EQ(counters().tracked.read(), 1U);
  EXPECT_EQ(pipeline.active(service), 1);
  EXPECT_EQ(client.data(1001), backend);
  expect_tables(0, 1);
  EXPECT_EQ(pipeline.state().counters.lookup_hit.read(), 1U);
}

struct Ahead {
  uint32_t sequence;
  bool tracks;
};

TEST_F(Tcp, AnySequenceNumberButTheRightOnesGoesThereAndMovesNothing) {
  uint16_t sport = 50000;
  for (const Ahead row : {Ahead{1000, false},
                          {999, false},
                          {1001, true},
                          {1002, true},
                          {1000 + (1U << 20U), true},
                          {1001 + (1U << 20U), false},
                          {1000 + 0x8000'0000U, false},
                          {0, false}}) {
    SCOPED_TRACE(row.sequence);
    const uint64_t tracked = pipeline.tracked_entries();
    Client other(pipeline, kVip, sport++);
    const std::string backend = other.syn(1000);
    EXPECT_EQ(other.ack(row.sequence), backend);
    EXPECT_EQ(pipeline.tracked_entries() - tracked, row.tracks ? 1U : 0U);
    EXPECT_EQ(other.data(1001), backend) << "the real client's";
    EXPECT_EQ(pipeline.tracked_entries() - tracked, 1U);
  }
}

TEST_F(Tcp, SequenceNumbersWrap) {
  const std::string backend = client.syn(0xffff'ffff);
  EXPECT_EQ(client.ack(0), backend);
  expect_tables(0, 1);
}

TEST_F(Tcp, ARepeatedSynOnlyUpdates) {
  const std::string backend = client.syn(1000);
  EXPECT_EQ(client.syn(777'000'000), backend);
  expect_tables(1, 0);
  EXPECT_EQ(counters().opened.read(), 1U);
  EXPECT_EQ(client.ack(1001), backend) << "of the SYN before";
  expect_tables(1, 0);
  EXPECT_EQ(client.ack(777'000'001), backend);
  expect_tables(0, 1);
}

TEST_F(Tcp, ARepeatedSynDoesNotLiveLonger) {
  client.syn(1000);
  pipeline.wait(9'000);
  client.syn(1000);
  EXPECT_EQ(counters().opened.read(), 1U);
  pipeline.wait(1'500);
  client.syn(1000);
  EXPECT_EQ(counters().opened.read(), 2U) << "10.5 s after the first";
}

TEST_F(Tcp, ARstOfAWaitingFlowMovesNothing) {
  const std::string backend = client.syn(1000);
  EXPECT_EQ(client.rst(1001), backend);
  expect_tables(1, 0);
  EXPECT_EQ(client.ack(1001), backend) << "it was spoofed";
  expect_tables(0, 1);
}

TEST_F(Tcp, RstAndLoneFinOfAnUnknownFlowAreForwardedAndRememberedNowhere) {
  const std::string owner = client.rst();
  EXPECT_TRUE(Prefix::parse("10.0.0.0/24")->contains(ip(owner))) << owner;
  EXPECT_EQ(client.fin(), owner);
  expect_tables(0, 0);
  EXPECT_EQ(client.tcp(kFin | kAck, 5, kData), owner) << "a FIN with payload isn't alone";
  expect_tables(1, 0);
}

TEST_F(Tcp, MidFlowNeedsASecondPacket) {
  const std::string owner = client.data(5000);
  expect_tables(1, 0);
  EXPECT_EQ(client.rst(), owner);
  expect_tables(1, 0);
  EXPECT_EQ(client.ack(1), owner) << "any second packet that isn't RST";
  expect_tables(0, 1);
}

TEST_F(Tcp, AMidFlowAndASynOfOneTupleMeetTheSameBackend) {
  const std::string owner = client.data(5000);
  EXPECT_EQ(client.syn(9000), owner) << "all are up, so the slot's owner opens too";
  EXPECT_EQ(client.ack(5000), owner) << "not the SYN's";
  expect_tables(1, 0);
  EXPECT_EQ(client.ack(9001), owner);
  expect_tables(0, 1);
}

TEST_F(Tcp, OneBurstMayHoldTheWholeOpening) {
  std::vector<Bytes> frames;
  Packet packet = client.packet;
  for (const auto& [flags, sequence, payload] : std::vector<std::tuple<uint8_t, uint32_t, Bytes>>{
           {kSyn, 1000, {}}, {kAck, 1001, {}}, {kAck | kPsh, 1001, kData}, {kFin | kAck, 1005, {}}}) {
    packet.flags = flags;
    packet.sequence = sequence;
    packet.payload = payload;
    frames.push_back(build(packet));
  }
  const Outcome outcome = pipeline.run_burst(0, frames);
  ASSERT_EQ(outcome.sent.size(), 4U);
  for (const SentFrame& sent : outcome.sent)
    EXPECT_EQ(Bytes(sent.frame.begin() + 30, sent.frame.begin() + 34),
              Bytes(outcome.sent[0].frame.begin() + 30, outcome.sent[0].frame.begin() + 34));
  expect_tables(0, 1);
  EXPECT_EQ(counters().opened.read(), 1U);
  EXPECT_EQ(counters().tracked.read(), 1U);
  EXPECT_EQ(pipeline.active(service), 0) << "opened and finished";
}

TEST_F(Tcp, ActiveEndsAtFinOnce) {
  client.open();
  EXPECT_EQ(pipeline.active(service), 1);
  client.fin();
  EXPECT_EQ(pipeline.active(service), 0);
  client.fin();
  client.rst();
  EXPECT_EQ(pipeline.active(service), 0);
  pipeline.run_for(120);
  expect_tables(0, 0);
  EXPECT_EQ(pipeline.active(service), 0) << "nor does its expiry count again";
}

TEST_F(Tcp, AFinWasSpoofedWhenPayloadFollows) {
  client.open();
  client.fin();
  client.ack(1006);
  EXPECT_EQ(pipeline.active(service), 0) << "a bare ACK is no proof";
  client.data(1001);
  EXPECT_EQ(pipeline.active(service), 1);
}

TEST_F(Tcp, ARstWasSpoofedWhenAnythingFollows) {
  client.open();
  client.rst();
  EXPECT_EQ(pipeline.active(service), 0);
  client.ack(1001);
  EXPECT_EQ(pipeline.active(service), 1);
}

TEST_F(Tcp, AFirstPacketThatAlsoEndsIsNotActive) {
  client.syn(1000);
  client.fin(1001);
  expect_tables(0, 1);
  EXPECT_EQ(pipeline.active(service), 0);
}

TEST_F(Tcp, ASynOnAClosingEntryOpensAnewAndItsAckReplacesTheEntry) {
  const std::string old_backend = client.open();
  client.fin();
  Config config = web_config();
  for (BackendConfig& each : config.pools[0].backends)  // whom the flow has is now nobody for new flows
    if (each.address == ip(old_backend)) each.weight = 0;
  pipeline.reload(config);
  const std::string new_backend = client.syn(9'000'000);
  EXPECT_NE(new_backend, old_backend);
  expect_tables(1, 1);
  EXPECT_EQ(client.ack(9'000'001), new_backend);
  expect_tables(0, 1);
  EXPECT_EQ(client.data(9'000'001), new_backend);
  EXPECT_EQ(pipeline.active(pipeline.service(kVip, 80)), 1);
}

// A spoofed SYN alone can't take a closing flow away: the next packet goes by the newer opening, which all
// goes to the same backend while nothing has changed, and the entry stays.
TEST_F(Tcp, ASpoofedSynLeavesTheClosingEntry) {
  const std::string backend = client.open();
  client.fin();
  EXPECT_EQ(client.syn(9'000'000), backend);
  expect_tables(1, 1);
  EXPECT_EQ(client.ack(1006), backend) << "not ahead of the SYN";
  expect_tables(1, 1);
}

TEST_F(Tcp, ASynOnALiveEntryChangesNothing) {
  const std::string backend = client.open();
  EXPECT_EQ(client.syn(9'000'000), backend);
  expect_tables(0, 1);
  EXPECT_EQ(counters().opened.read(), 1U);
  EXPECT_EQ(client.data(1001), backend);
}

TEST_F(Tcp, FlowsOfOneClientAreTold) {
  std::map<std::string, unsigned> backends;
  for (uint16_t sport = 1; sport <= 300; ++sport)
    ++backends[Client(pipeline, kVip, static_cast<uint16_t>(10'000 + sport)).open()];
  EXPECT_EQ(backends.size(), 10U) << "everybody has some";
  expect_tables(0, 300);
  EXPECT_EQ(pipeline.active(service), 300);
}

// --- timeouts ---

struct Idle {
  const char* name;
  void (*prepare)(Client& client);
  uint64_t seconds;
};

void opened(Client& client) {
  client.open();
}
void finished(Client& client) {
  client.open();
  client.fin();
}
void reset(Client& client) {
  client.open();
  client.rst();
}

TEST(TcpTimeout, EachStateHasItsOwn) {
  for (const Idle& row : {Idle{"established", opened, 900}, {"fin", finished, 30}, {"reset", reset, 10}}) {
    SCOPED_TRACE(row.name);
    for (const bool swept : {false, true}) {
      Pipeline pipeline(web_config());
      Client client(pipeline, kVip, 40000);
      row.prepare(client);
      pipeline.wait(row.seconds * 1000);
      const uint64_t hits = pipeline.state().counters.lookup_hit.read() + pipeline.waiting_entries();
      client.ack(
          5'000'000);  // on a closing entry select decides, so what counts is that nothing new is remembered
      EXPECT_EQ(pipeline.waiting_entries(), 0U) << hits;
      EXPECT_EQ(pipeline.tracked_entries(), 1U);
      row.prepare(client);
      pipeline.wait(row.seconds * 1000 + 2000);
      if (swept) pipeline.run_for(25);
      const uint64_t before = pipeline.waiting_entries();
      client.ack(6'000'000);
      EXPECT_EQ(pipeline.waiting_entries(), before + 1) << "a miss: mid-flow";
      pipeline.run_for(1000);
      EXPECT_EQ(pipeline.tracked_entries(), 0U);
      EXPECT_EQ(pipeline.active(pipeline.service(kVip, 80)), 0);
    }
  }
}

TEST(TcpTimeout, APacketRestartsIt) {
  Pipeline pipeline(web_config());
  Client client(pipeline, kVip, 40000);
  client.open();
  for (unsigned i = 0; i < 5; ++i) {
    pipeline.wait(600'000);
    client.data();
  }
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
  EXPECT_EQ(pipeline.active(pipeline.service(kVip, 80)), 1);
}

TEST(TcpTimeout, AWaitingSynIsForgottenAfterItsTime) {
  Pipeline pipeline(web_config());
  Client client(pipeline, kVip, 40000);
  client.syn();
  pipeline.wait(10'001);
  client.ack();
  EXPECT_EQ(pipeline.tracked_entries(), 0U) << "the ACK came too late, and begins as mid-flow";
  EXPECT_EQ(pipeline.waiting_entries(), 1U);
  client.ack();
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
}

TEST(TcpTimeout, MidFlowWaitsTwoMinutes) {
  for (const auto& [ms, tracks] : {std::pair{119'000U, true}, {121'000U, false}}) {
    Pipeline pipeline(web_config());
    Client client(pipeline, kVip, 40000);
    client.data();
    pipeline.wait(ms);
    client.data();
    EXPECT_EQ(pipeline.tracked_entries(), tracks ? 1U : 0U);
  }
}

}  // namespace
}  // namespace shunt::packet
