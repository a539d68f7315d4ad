// UDP flows, and replies through nat.
#include "tests/packet/client.h"
#include "tests/packet/packet_reader.h"

namespace shunt::packet {
namespace {

struct Udp : testing::Test {
  Pipeline pipeline{web_config()};
  const Service& service = pipeline.service(kVip, 53, Protocol::udp);
  Client client{pipeline, kVip, 40000, 53};
};

TEST_F(Udp, TheSecondPacketMovesTheFlowToTheTable) {
  const std::string backend = client.udp();
  EXPECT_EQ(pipeline.waiting_entries(), 1U);
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
  EXPECT_EQ(client.udp(), backend);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  EXPECT_EQ(pipeline.active(service), 1);
  EXPECT_EQ(client.udp(), backend);
}

TEST_F(Udp, IdleForItsTimeoutItIsANewFlow) {
  client.udp();
  client.udp();
  pipeline.wait(60'000);
  client.udp();
  EXPECT_EQ(pipeline.counters(service).opened.read(), 1U);
  pipeline.wait(62'000);
  client.udp();
  EXPECT_EQ(pipeline.counters(service).opened.read(), 2U);
  pipeline.run_for(200);
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
  EXPECT_EQ(pipeline.active(service), 0);
}

TEST_F(Udp, AWaitingFlowLivesAsLong) {
  client.udp();
  pipeline.wait(60'001);
  client.udp();
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
  EXPECT_EQ(pipeline.counters(service).opened.read(), 2U);
}

// A flood of one-packet flows takes no entry of the table, and what is overwritten is counted.
TEST(UdpFlood, TakesNoTableEntries) {
  Pipeline pipeline(web_config(), {.probation = 64});
  const Service& service = pipeline.service(kVip, 53, Protocol::udp);
  for (uint16_t sport = 1; sport <= 1000; ++sport)
    Client(pipeline, kVip, sport, 53).udp();
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
  EXPECT_EQ(pipeline.waiting_entries(), 32U) << "UDP's half";
  EXPECT_EQ(pipeline.counters(service).opened.read(), 1000U);
  EXPECT_EQ(pipeline.counters(service).forgotten.read(), 1000U - 32);
  Client tcp(pipeline, kVip, 40000);
  tcp.open();
  EXPECT_EQ(pipeline.tracked_entries(), 1U) << "TCP has its own half";
}

// What was forgotten is chosen alike.
TEST(UdpFlood, AForgottenFlowKeepsItsBackend) {
  Pipeline pipeline(web_config(), {.probation = 8});
  std::map<uint16_t, std::string> first;
  for (uint16_t sport = 1; sport <= 200; ++sport)
    first[sport] = Client(pipeline, kVip, sport, 53).udp();
  for (const auto& [sport, backend] : first)
    EXPECT_EQ(Client(pipeline, kVip, sport, 53).udp(), backend);
}

// --- nat ---

struct Nat : testing::Test {
  Pipeline pipeline;
  const Service& service = pipeline.service("198.51.100.3", 80);
  Client client{pipeline, "198.51.100.3", 40000};
  Packet reply{.to = kPort1Mac,
               .source = "10.0.0.13",
               .destination = "203.0.113.7",
               .sport = 8080,
               .dport = 40000,
               .flags = kAck};

  std::string answer(uint8_t flags, const Bytes& payload = {}) {
    reply.flags = flags;
    reply.payload = payload;
    return pipeline.run(1, build(reply)).destination();
  }
};

TEST_F(Nat, ARepliesOpensNothing) {
  EXPECT_EQ(answer(kSyn | kAck), "203.0.113.7");
  EXPECT_EQ(pipeline.waiting_entries() + pipeline.tracked_entries(), 0U);
}

TEST_F(Nat, BothSidesCloseAFlow) {
  client.open();
  EXPECT_EQ(pipeline.active(service), 1);
  answer(kFin | kAck);
  EXPECT_EQ(pipeline.active(service), 0);
  answer(kAck, kData);
  EXPECT_EQ(pipeline.active(service), 1) << "payload of the side that had sent FIN";
  client.fin();
  answer(kFin | kAck);
  EXPECT_EQ(pipeline.active(service), 0);
  client.data();
  EXPECT_EQ(pipeline.active(service), 0) << "takes back the client's FIN only";
}

TEST_F(Nat, ReplyPacketsKeepAFlowAlive) {
  client.open();
  for (unsigned i = 0; i < 4; ++i) {
    pipeline.wait(600'000);
    answer(kAck, kData);
  }
  EXPECT_EQ(client.data(), "10.0.0.13");
  EXPECT_EQ(pipeline.waiting_entries(), 0U) << "a hit";
}

TEST_F(Nat, ARepliesRstIsNotTakenBackByTheBackend) {
  client.open();
  answer(kRst);
  EXPECT_EQ(pipeline.active(service), 0);
  answer(kAck, kData);
  EXPECT_EQ(pipeline.active(service), 0);
  client.data();
  EXPECT_EQ(pipeline.active(service), 1);
}

// Its client has one backend's SYN-ACK, and would answer another's with a reset.
TEST(NatOpening, AnAnsweredSynIsNotOpenedAnew) {
  for (const bool answered : {false, true}) {
    Config config = mode_config();
    config.pools[2] = pool("nat", 20, 10, 8080);
    config.pools[2].health.emplace();
    Pipeline pipeline(config);
    Client client(pipeline, "198.51.100.3", 40000);
    const std::string backend = client.syn();
    const Packet reply{.to = kPort1Mac,
                       .source = backend,
                       .destination = "203.0.113.7",
                       .sport = 8080,
                       .dport = 40000,
                       .flags = kSyn | kAck};
    if (answered) {
      EXPECT_EQ(pipeline.run(1, build(reply)).text(), "sent");
    }
    pipeline.set_health("nat", backend, false);
    EXPECT_EQ(client.syn() == backend, answered);
  }
}

// A nat backend that moves to another service is that one's, and still its former flows'.
TEST(NatOpening, ABackendThatMovesAnswersForBothServices) {
  Config config = mode_config();
  Pipeline pipeline(config);
  Client old_client(pipeline, "198.51.100.3", 40000);
  EXPECT_EQ(old_client.open(), "10.0.0.13");
  config.pools[2] = pool("nat", 30, 1, 8080);
  config.pools[3] = pool("same-port", 13, 1, 8080);
  pipeline.reload(config);
  Client new_client(pipeline, "198.51.100.4", 40001);
  EXPECT_EQ(new_client.open(), "10.0.0.13");
  EXPECT_EQ(old_client.data(), "10.0.0.13") << "it drains";
  const auto restored_source = [&](uint16_t client_port) {
    const Packet reply{.to = kPort1Mac,
                       .source = "10.0.0.13",
                       .destination = "203.0.113.7",
                       .sport = 8080,
                       .dport = client_port,
                       .flags = kAck};
    const Outcome outcome = pipeline.run(1, build(reply));
    return outcome.sent.empty() ? outcome.text() : address4(outcome.sent[0].frame, 14 + 12).text();
  };
  EXPECT_EQ(restored_source(40000), "198.51.100.3");
  EXPECT_EQ(restored_source(40001), "198.51.100.4");
  EXPECT_EQ(restored_source(40002), "198.51.100.4") << "of a flow that nobody knows";
}

TEST_F(Nat, CountsBothDirections) {
  client.open();
  client.data();
  answer(kAck, kData);
  const PairCounters& pair = pipeline.state().pairs[service.pair(BackendRef::of(service.choice_pool, 0))];
  EXPECT_EQ(pair.packets.read(), 3U);
  EXPECT_EQ(pair.bytes.read(), 54U * 3 + kData.size());
  EXPECT_EQ(pair.reply_packets.read(), 1U);
  EXPECT_EQ(pair.reply_bytes.read(), 54U + kData.size());
  EXPECT_EQ(pair.flows.read(), 1U);
}

}  // namespace
}  // namespace shunt::packet
