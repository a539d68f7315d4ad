// What telemetry counts of flows that open, go on and end, packet by packet: outcomes, retries, durations,
// records. nat sees both directions; the other modes the client's alone.
#include <algorithm>
#include <random>

#include "tests/packet/client.h"
#include "tests/packet/icmp_builder.h"
#include "tests/packet/ways.h"

namespace shunt::packet {
namespace {

constexpr unsigned kBackend = 13;

// One backend behind each of two services: `ipip` and nat. Every flow is watched.
Config telemetry_config(uint32_t sample = 1) {
  Config config = mode_config();
  config.telemetry.sample = sample;
  return config;
}

// A service with one backend, seen from a client that has a port, and from that backend.
struct Conversation {
  Pipeline& pipeline;
  std::string backend_name;
  Packet client;
  Packet backend;

  static Conversation of(Pipeline& pipeline, bool nat, uint16_t sport,
                         const std::string& from = "203.0.113.7") {
    const std::string vip = nat ? "198.51.100.3" : "198.51.100.2";
    const unsigned number = nat ? kBackend : 12;
    Packet client{.source = from, .destination = vip, .sport = sport, .dport = 80};
    Packet backend{.to = kPort1Mac,
                   .from = backend_mac(number),
                   .source = "10.0.0." + std::to_string(number),
                   .destination = from,
                   .sport = 8080,
                   .dport = sport};
    return {pipeline, backend.source, client, backend};
  }

  // Of the snapshot of now.
  const Service& service() const { return pipeline.service(client.destination, 80); }
  std::string send(uint8_t flags, uint32_t sequence, size_t bytes = 0) {
    client.flags = flags;
    client.sequence = sequence;
    client.payload = Bytes(bytes, 'c');
    return pipeline.run(0, build(client)).text();
  }
  std::string reply(uint8_t flags, uint32_t sequence, size_t bytes = 0) {
    backend.flags = flags;
    backend.sequence = sequence;
    backend.payload = Bytes(bytes, 'b');
    return pipeline.run(1, build(backend)).text();
  }
  void connect() {
    EXPECT_EQ(send(kSyn, 1000), "sent");
    pipeline.wait(3);
    if (service().forward == Forward::nat) {
      EXPECT_EQ(reply(kSyn | kAck, 5000), "sent");
    }
    pipeline.wait(2);
    EXPECT_EQ(send(kAck, 1001), "sent");
  }
  const PairOutcomes& row() const { return pipeline.outcomes(service(), backend_name); }
  uint64_t outcome(FlowOutcome which) const { return row().outcomes[static_cast<size_t>(which)].read(); }
  // "closed 1 syn_timeout 2": those that aren't 0.
  std::string outcomes() const {
    std::string text;
    for (size_t i = 0; i < kOutcomes; ++i) {
      const uint64_t count = row().outcomes[i].read();
      if (count != 0)
        text += std::string(text.empty() ? "" : " ") + std::string(kOutcomeNames[i]) + " " +
                std::to_string(count);
    }
    return text;
  }
  HistogramSum connect_us() const { return sum_of(pipeline.latency(service(), backend_name).connect_us); }
  HistogramSum response_us() const { return sum_of(pipeline.latency(service(), backend_name).response_us); }
  HistogramSum duration_ms() const { return sum_of(pipeline.latency(service(), backend_name).duration_ms); }
  static HistogramSum sum_of(const Histogram& histogram) {
    HistogramSum sum;
    sum += histogram;
    return sum;
  }
};

class Telemetry : public testing::TestWithParam<bool> {
 protected:
  Conversation talk(uint16_t sport = 40000, const std::string& from = "203.0.113.7") {
    return Conversation::of(pipeline, nat, sport, from);
  }
  std::vector<FlowRecord> records() { return pipeline.records(); }

  const bool nat = GetParam();
  Pipeline pipeline{telemetry_config()};
};

TEST_P(Telemetry, AHandshakeTakesItsTime) {
  Conversation flow = talk();
  flow.connect();
  EXPECT_EQ(flow.connect_us().count(), 1U);
  EXPECT_NEAR(flow.connect_us().quantile(0.5), nat ? 3000 : 5000, 40) << "to the SYN-ACK, or to the ACK";
  EXPECT_EQ(flow.outcomes(), "");
  EXPECT_EQ(flow.row().watched.read(), 1U);
}

TEST_P(Telemetry, FromTheFirstSynOn) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  pipeline.wait(1000);
  flow.connect();
  EXPECT_NEAR(flow.connect_us().quantile(0.5), nat ? 1'003'000 : 1'005'000, 9000);
  EXPECT_EQ(flow.row().syn_retransmits.read(), 1U);
}

TEST_P(Telemetry, AFinCloses) {
  Conversation flow = talk();
  flow.connect();
  pipeline.wait(250);
  flow.send(kFin | kAck, 1001);
  EXPECT_EQ(flow.outcomes(), "closed 1");
  if (nat) {
    EXPECT_TRUE(records().empty()) << "the backend may go on";
    flow.reply(kFin | kAck, 5001);
  }
  flow.send(kAck, 1002);
  EXPECT_EQ(flow.outcomes(), "closed 1");
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  const FlowRecord& record = all[0];
  EXPECT_EQ(record.client_address()->text(), "203.0.113.7");
  EXPECT_EQ(record.client_port, 40000);
  EXPECT_EQ(record.service, flow.service().id);
  EXPECT_EQ(record.outcome, static_cast<uint8_t>(FlowOutcome::closed));
  EXPECT_EQ(record.duration_ms, 255U);
  EXPECT_EQ(record.connect_us, nat ? 3000U : 5000U) << "by the method that its flags name";
  EXPECT_EQ(record.packets, 3U);
  EXPECT_EQ(record.reply_packets, nat ? 1U : 0U) << "of those behind the client's ACK";
  EXPECT_EQ(record.attempt, 1);
  EXPECT_EQ(record.flags, kFlowSampled | (nat ? 0 : kFlowConnectAck));
  EXPECT_NEAR(flow.duration_ms().quantile(0.5), 255, 2);
}

TEST_P(Telemetry, AClientsReset) {
  Conversation flow = talk();
  flow.connect();
  flow.send(kRst, 1001);
  EXPECT_EQ(flow.outcomes(), "reset_by_client 1");
  flow.send(kRst, 1001);
  EXPECT_EQ(flow.outcomes(), "reset_by_client 1");
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::reset_by_client));
  // It was forged: the client goes on, and closes.
  flow.send(kAck, 1001, 10);
  EXPECT_EQ(flow.row().revived.read(), 1U);
  flow.send(kFin | kAck, 1011);
  flow.send(kRst, 1012);
  EXPECT_EQ(flow.outcomes(), "reset_by_client 1") << "a flow has one end";
  EXPECT_TRUE(records().empty());
}

// A segment that was lost on its way here comes again behind the FIN that wasn't.
TEST_P(Telemetry, DataBehindAFinEndsNothingTwice) {
  Conversation flow = talk();
  flow.connect();
  flow.send(kFin | kAck, 1101);
  flow.send(kAck, 1001, 100);
  EXPECT_EQ(flow.row().revived.read(), 1U);
  pipeline.run_for(950);
  EXPECT_EQ(flow.outcomes(), "closed 1") << "nor is its silence an end";
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::closed));
}

TEST_P(Telemetry, AResetBehindAFinIsPartOfClosing) {
  Conversation flow = talk();
  flow.connect();
  flow.send(kFin | kAck, 1001);
  flow.send(kRst, 1002);
  EXPECT_EQ(flow.outcomes(), "closed 1");
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::closed));
}

TEST_P(Telemetry, AClientThatGivesUpItsSyn) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  flow.send(kRst, 1001);
  EXPECT_EQ(flow.outcomes(), "reset_by_client 1");
  pipeline.run_for(40);
  EXPECT_EQ(flow.outcomes(), "reset_by_client 1") << "and isn't told again when its time is over";
}

TEST_P(Telemetry, NobodyAnswers) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  for (const uint64_t ms : {1000U, 2000U, 4000U}) {
    pipeline.run_for(ms / 1000);
    flow.send(kSyn, 1000);
  }
  EXPECT_EQ(flow.row().syn_retransmits.read(), 3U);
  EXPECT_EQ(flow.outcomes(), "");
  pipeline.run_for(5);
  EXPECT_EQ(flow.outcomes(), "syn_timeout 1") << "a second or two behind the service's 10 s";
  HistogramSum gaps = Conversation::sum_of(pipeline.retries(flow.service()).syn_gaps_ms);
  EXPECT_EQ(gaps.count(), 3U);
  EXPECT_NEAR(gaps.quantile(0.01), 1000, 10);
  EXPECT_NEAR(gaps.quantile(0.5), 2000, 20);
  EXPECT_NEAR(gaps.quantile(1), 4000, 40);
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::syn_timeout));
  EXPECT_EQ(all[0].syn_retransmits, 3);
  EXPECT_EQ(all[0].packets, 4U);
  EXPECT_EQ(all[0].client_address()->text(), "203.0.113.7");
  EXPECT_EQ(all[0].client_port, 40000);
}

// Same 5-tuple, another sequence number: not the same SYN.
TEST_P(Telemetry, AnotherSynIsNoRetransmission) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  flow.send(kSyn, 2000);
  EXPECT_EQ(flow.row().syn_retransmits.read(), 0U);
  EXPECT_EQ(flow.outcomes(), "syn_timeout 1") << "the first, of which nothing came";
  const auto pair = pipeline.snapshot().service(flow.service().id)->pair(BackendRef::of(0, 0));
  EXPECT_EQ(pipeline.state().pairs[pair].flows.read(), 2U);
  flow.send(kSyn, 2000);
  pipeline.run_for(15);
  EXPECT_EQ(flow.outcomes(), "syn_timeout 2");
  const auto all = records();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].syn_retransmits, 0);
  EXPECT_EQ(all[0].attempt, 1);
  EXPECT_EQ(all[1].syn_retransmits, 1) << "its own";
  EXPECT_EQ(all[1].attempt, 2);
}

TEST_P(Telemetry, SilenceEndsAFlow) {
  Conversation flow = talk();
  flow.connect();
  pipeline.run_for(950);
  EXPECT_EQ(flow.outcomes(), "idle_timeout 1");
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::idle_timeout));
  EXPECT_EQ(all[0].packets, 2U);
}

TEST_P(Telemetry, ClosedFlowsAreToldOnce) {
  for (uint16_t sport = 1; sport <= 20; ++sport) {
    Conversation flow = talk(sport);
    flow.connect();
    flow.send(kFin | kAck, 1001);
  }
  pipeline.run_for(120);
  EXPECT_EQ(talk().outcomes(), "closed 20");
  EXPECT_EQ(records().size(), 20U);
}

TEST_P(Telemetry, NobodyIsThere) {
  Config config = telemetry_config();
  for (PoolConfig& pool : config.pools)
    pool.backends[0].weight = 0;
  pipeline.reload(config);
  Conversation flow = talk();
  EXPECT_EQ(flow.send(kSyn, 1000), "no_backend");
  EXPECT_EQ(pipeline.retries(flow.service()).no_backend.read(), 1U);
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::no_backend));
  EXPECT_EQ(all[0].client_port, 40000);
}

TEST_P(Telemetry, AttemptsMakeAChain) {
  // Two fail, the third gets through.
  for (const uint16_t sport : {uint16_t{1}, uint16_t{2}}) {
    Conversation flow = talk(sport);
    flow.send(kSyn, 1000);
    pipeline.run_for(12);
    pipeline.wait(3000);
  }
  Conversation third = talk(3);
  third.connect();
  EXPECT_EQ(third.outcomes(), "syn_timeout 2");
  EXPECT_EQ(third.row().reconnects.read(), 2U);
  EXPECT_EQ(third.pipeline.retries(third.service()).chains[2].read(), 1U) << "of three attempts";
  const HistogramSum gaps = Conversation::sum_of(pipeline.retries(third.service()).reconnect_gaps_ms);
  EXPECT_EQ(gaps.count(), 2U);
  EXPECT_GE(gaps.quantile(0), 3000);
  EXPECT_LE(gaps.quantile(1), 5100);
  const auto all = records();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].attempt, 1);
  EXPECT_EQ(all[1].attempt, 2);
  // The chain is over.
  Conversation fourth = talk(4);
  fourth.connect();
  EXPECT_EQ(third.row().reconnects.read(), 2U);
}

// A service goes, and another one gets its id.
TEST_P(Telemetry, AnIdUsedAgainBeginsAtZero) {
  talk(1).send(kSyn, 1000);
  pipeline.wait(1'000);
  talk(1).send(kSyn, 1000);
  pipeline.run_for(12);
  talk(2).connect();
  talk(3).send(kSyn, 1000);
  pipeline.run_for(11);
  const uint16_t id = talk().service().id;
  PairLatency& times = pipeline.telemetry().memory().latency[kLatencyPairs + id];
  for (Histogram* histogram : {&times.connect_us, &times.response_us, &times.duration_ms})
    histogram->add(5);  // of pairs that have no row of their own
  const ServiceRetries& retries = pipeline.retries(talk().service());
  EXPECT_EQ(retries.chains[1].read(), 1U);
  EXPECT_EQ(retries.syn_gaps_ms.count(), 1U);
  EXPECT_EQ(retries.reconnect_gaps_ms.count(), 1U);

  Config config = telemetry_config();
  const auto ours =
      std::ranges::find(config.services, nat ? Forward::nat : Forward::ipip, &ServiceConfig::forward);
  const ServiceConfig removed = *ours;
  config.services.erase(ours);
  pipeline.reload(config);
  pipeline.run_for(8);
  config.services.push_back(removed);
  config.services.back().port = 81;
  pipeline.reload(config);
  Conversation flow = talk(4);
  const Service& service = pipeline.service(flow.client.destination, 81);
  ASSERT_EQ(service.id, id);
  EXPECT_EQ(retries.chains[1].read(), 0U);
  EXPECT_EQ(retries.syn_gaps_ms.count() + retries.reconnect_gaps_ms.count(), 0U);
  EXPECT_EQ(times.connect_us.count() + times.response_us.count() + times.duration_ms.count(), 0U);
  // The client of the last failure, less than 10 s ago, isn't one that comes back here.
  flow.client.dport = 81;
  EXPECT_EQ(flow.send(kSyn, 1000), "sent");
  EXPECT_EQ(pipeline.outcomes(service, flow.backend_name).reconnects.read(), 0U);
  EXPECT_EQ(retries.reconnect_gaps_ms.count(), 0U);
}

TEST_P(Telemetry, AfterTenSecondsItIsNoReconnect) {
  talk(1).send(kSyn, 1000);
  pipeline.run_for(12);
  EXPECT_EQ(talk().outcomes(), "syn_timeout 1");
  pipeline.wait(10'500);
  talk(2).connect();
  EXPECT_EQ(talk().row().reconnects.read(), 0U);
  std::vector<std::pair<uint16_t, unsigned>> gave_up;
  RecentFailures& failures = pipeline.telemetry().failures();
  failures.sweep(failures.lines(), pipeline.now().millisecond,
                 [&](uint16_t service, uint8_t attempts) { gave_up.emplace_back(service, attempts); });
  EXPECT_EQ(gave_up, (std::vector<std::pair<uint16_t, unsigned>>{{talk().service().id, 1U}}));
}

TEST_P(Telemetry, OthersDontReconnect) {
  talk(1, "203.0.113.7").send(kSyn, 1000);
  pipeline.run_for(12);
  talk(2, "203.0.113.8").connect();
  EXPECT_EQ(talk().row().reconnects.read(), 0U) << "another client";
  Conversation::of(pipeline, !nat, 2).connect();
  EXPECT_EQ(Conversation::of(pipeline, !nat, 2).row().reconnects.read(), 0U) << "another service";
  talk(3, "203.0.113.7").connect();
  EXPECT_EQ(talk().row().reconnects.read(), 1U);
}

TEST_P(Telemetry, DataThatCameBefore) {
  Conversation flow = talk();
  flow.connect();
  const auto again = [&] { return flow.row().data_retransmits.read(); };
  flow.send(kAck, 1001, 100);
  flow.send(kAck, 1101, 100);
  EXPECT_EQ(again(), 0U);
  flow.send(kAck, 1001, 100);
  EXPECT_EQ(again(), 1U);
  flow.send(kAck, 1151, 100);
  EXPECT_EQ(again(), 2U) << "half of it is new";
  flow.send(kAck, 1250, 1);
  EXPECT_EQ(again(), 2U) << "a keepalive";
  flow.send(kAck, 1251);
  flow.send(kAck, 1251, 10);
  EXPECT_EQ(again(), 2U);
  if (!nat) return;
  flow.reply(kAck, 5001, 200);
  flow.reply(kAck, 5001, 200);
  EXPECT_EQ(again(), 3U);
}

TEST_P(Telemetry, UdpIsClosedByItsSilence) {
  Conversation flow = Conversation::of(pipeline, nat, 40000);
  flow.client.protocol = 17;
  flow.client.dport = 53;
  const auto closed = [&] {
    const Service& service = pipeline.service(flow.client.destination, 53, Protocol::udp);
    return pipeline.outcomes(service, flow.backend_name)
        .outcomes[static_cast<size_t>(FlowOutcome::closed)]
        .read();
  };
  flow.send(0, 0, 30);
  pipeline.run_for(70);
  EXPECT_EQ(closed(), 1U) << "of one packet";
  flow.send(0, 0, 30);
  pipeline.wait(5);
  flow.send(0, 0, 30);
  pipeline.run_for(100);
  EXPECT_EQ(closed(), 2U);
  const auto all = records();
  ASSERT_EQ(all.size(), 1U) << "of watched flows";
  EXPECT_EQ(all[0].packets, 2U);
  EXPECT_EQ(all[0].flags & kFlowUdp, kFlowUdp);
}

TEST_P(Telemetry, OneInSoManyIsWatched) {
  pipeline.reload(telemetry_config(16));
  constexpr unsigned kFlows = 3000;
  for (uint16_t sport = 1; sport <= kFlows; ++sport) {
    Conversation flow = talk(sport);
    flow.connect();
    flow.send(kRst, 1001);
  }
  const uint64_t watched = talk().row().watched.read();
  EXPECT_NEAR(static_cast<double>(watched), kFlows / 16.0, 60);
  EXPECT_EQ(records().size(), watched);
  EXPECT_EQ(talk().outcome(FlowOutcome::reset_by_client), kFlows);
  EXPECT_EQ(talk().connect_us().count(), kFlows) << "of all of them";
  pipeline.reload(telemetry_config(0));
  talk(50'000).connect();
  EXPECT_EQ(talk().row().watched.read(), watched);
}

// Watched or not: the same packets go the same ways.
TEST_P(Telemetry, WatchingChangesNoPacket) {
  Pipeline blind(telemetry_config(0));
  for (uint16_t sport = 1; sport <= 50; ++sport) {
    for (const auto& [flags, sequence, bytes] :
         std::vector<std::tuple<uint8_t, uint32_t, size_t>>{{kSyn, 1000, 0},
                                                            {kAck, 1001, 0},
                                                            {kAck, 1001, 100},
                                                            {kAck, 1001, 100},
                                                            {kFin | kAck, 1101, 0},
                                                            {kAck, 1102, 0},
                                                            {kSyn, 9000, 0},
                                                            {kAck, 9001, 0},
                                                            {kRst, 9001, 0}}) {
      Conversation here = talk(sport);
      Packet packet = here.client;
      packet.flags = flags;
      packet.sequence = sequence;
      packet.payload = Bytes(bytes, 'x');
      const Outcome one = pipeline.run(0, build(packet));
      const Outcome other = blind.run(0, build(packet));
      ASSERT_EQ(one.text(), other.text());
      ASSERT_EQ(hex(one.sent.at(0).frame), hex(other.sent.at(0).frame));
    }
  }
  EXPECT_EQ(pipeline.tracked_entries(), blind.tracked_entries());
}

INSTANTIATE_TEST_SUITE_P(Modes, Telemetry, testing::Values(false, true),
                         [](const auto& row) { return std::string(row.param ? "nat" : "dsr"); });

// --- nat alone ---

struct NatTelemetry : testing::Test {
  Conversation talk(uint16_t sport = 40000) { return Conversation::of(pipeline, true, sport); }
  Pipeline pipeline{telemetry_config()};
};

TEST_F(NatTelemetry, AClosedPort) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  flow.reply(kRst | kAck, 0);
  EXPECT_EQ(flow.outcomes(), "reset_by_server 1");
  pipeline.run_for(15);
  EXPECT_EQ(flow.outcomes(), "reset_by_server 1");
  Conversation again = talk(40001);
  again.send(kSyn, 7000);
  EXPECT_EQ(flow.row().reconnects.read(), 0U) << "15 s later";
  again.reply(kRst | kAck, 0);
  pipeline.wait(100);
  talk(40002).connect();
  EXPECT_EQ(flow.row().reconnects.read(), 1U);
  EXPECT_EQ(pipeline.retries(flow.service()).chains[1].read(), 1U);
}

// The same port again, for another connection.
TEST_F(NatTelemetry, AReconnectFromTheSamePort) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  flow.reply(kRst | kAck, 0);
  pipeline.wait(500);
  flow.send(kSyn, 2000);
  EXPECT_EQ(flow.row().reconnects.read(), 1U);
  EXPECT_EQ(flow.row().syn_retransmits.read(), 0U);
  flow.reply(kRst | kAck, 0);
  EXPECT_EQ(flow.outcomes(), "reset_by_server 2");
}

TEST_F(NatTelemetry, AServersReset) {
  Conversation flow = talk();
  flow.connect();
  flow.reply(kRst, 5001);
  EXPECT_EQ(flow.outcomes(), "reset_by_server 1");
  const auto all = pipeline.records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::reset_by_server));
  EXPECT_EQ(all[0].client_address()->text(), "203.0.113.7");
}

// Who is gone answers each packet that was under way with another RST.
TEST_F(NatTelemetry, AServersResetOfAnUpload) {
  Conversation flow = talk();
  flow.connect();
  flow.send(kAck, 1001, 100);
  flow.reply(kRst, 5001);
  for (const uint32_t sequence : {1101U, 1201U}) {
    flow.send(kAck, sequence, 100);
    flow.reply(kRst, 5001);
  }
  flow.send(kFin | kAck, 1301);
  EXPECT_EQ(flow.outcomes(), "reset_by_server 1");
  EXPECT_EQ(pipeline.records().size(), 1U);
  pipeline.run_for(950);
  EXPECT_EQ(flow.outcomes(), "reset_by_server 1");
}

// An attempt that was told of as failed gets through after all.
TEST_F(NatTelemetry, UnreachableForAMoment) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  Packet at_backend = flow.client;
  at_backend.destination = "10.0.0.13";
  at_backend.dport = 8080;
  const Icmp unreachable{.type = 3, .code = 1, .rest = 0, .body = quote(at_backend)};
  pipeline.run(1, build(icmp(flow.backend, unreachable)));
  flow.connect();
  EXPECT_EQ(flow.row().revived.read(), 1U);
  flow.send(kFin | kAck, 1001);
  flow.reply(kFin | kAck, 5001);
  pipeline.run_for(60);
  EXPECT_EQ(flow.outcomes(), "icmp_unreachable 1");
  EXPECT_EQ(pipeline.records().size(), 1U);
}

// Failures are written down whether or not their flow is watched.
TEST_F(NatTelemetry, AServersResetOfAFlowThatNobodyWatches) {
  pipeline.reload(telemetry_config(0));
  Conversation flow = talk();
  flow.connect();
  flow.reply(kRst, 5001);
  const auto all = pipeline.records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].outcome, static_cast<uint8_t>(FlowOutcome::reset_by_server));
  EXPECT_EQ(all[0].client_address()->text(), "203.0.113.7");
  EXPECT_EQ(all[0].client_port, 40000);
  EXPECT_EQ(all[0].flags & kFlowSampled, 0);
}

TEST_F(NatTelemetry, FirstBytes) {
  Conversation flow = talk();
  flow.connect();
  flow.send(kAck, 1001, 50);
  pipeline.wait(20);
  flow.reply(kAck, 5001);
  EXPECT_EQ(flow.response_us().count(), 0U) << "an ACK is no answer";
  pipeline.wait(30);
  flow.reply(kAck, 5001, 500);
  flow.reply(kAck, 5501, 500);
  EXPECT_EQ(flow.response_us().count(), 1U);
  EXPECT_NEAR(flow.response_us().quantile(0.5), 50'000, 500);
  flow.send(kAck, 1051, 50);
  pipeline.wait(7);
  flow.reply(kAck, 6001, 500);
  EXPECT_EQ(flow.response_us().count(), 2U) << "each request of a connection";
  EXPECT_NEAR(flow.response_us().quantile(0.1), 7000, 70);
  flow.send(kFin | kAck, 1101);
  flow.reply(kFin | kAck, 6501);
  const auto all = pipeline.records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].first_byte_us, 50'000U) << "of the first";
}

TEST_F(NatTelemetry, ARouterSaysUnreachable) {
  Conversation flow = talk();
  flow.send(kSyn, 1000);
  Packet at_backend = flow.client;
  at_backend.destination = "10.0.0.13";
  at_backend.dport = 8080;
  Packet router = flow.backend;
  const Icmp unreachable{.type = 3, .code = 1, .rest = 0, .body = quote(at_backend)};
  EXPECT_EQ(pipeline.run(1, build(icmp(router, unreachable))).text(), "sent");
  EXPECT_EQ(flow.outcomes(), "icmp_unreachable 1");
  // Of one that is open it is no end.
  Conversation open = talk(40001);
  open.connect();
  at_backend.sport = 40001;
  pipeline.run(1, build(icmp(router, {.type = 3, .code = 1, .rest = 0, .body = quote(at_backend)})));
  EXPECT_EQ(flow.outcomes(), "icmp_unreachable 1");
}

// --- what in-band measurement makes of a client's packets ---

struct Stream {
  double request_us;  // from the first packet of a request to that of the next
  unsigned packets;   // of a request
  double spacing_us;  // between them
};

TEST(InBand, FindsTheRoundTripOfPausesThatItDoesntKnow) {
  for (const Stream& stream : {Stream{800, 1, 0}, Stream{1800, 4, 20}, Stream{30'000, 10, 90},
                               Stream{100'000, 3, 400}, Stream{300, 2, 10}}) {
    SCOPED_TRACE(stream.request_us);
    std::mt19937 random(5);
    std::normal_distribution<> jitter(1.0, 0.05);
    InBandPauses pauses;
    std::vector<InBandFlow> flows(8);
    const auto estimated = std::make_unique<Histogram>();
    std::vector<std::pair<uint64_t, size_t>> arrivals;
    for (size_t flow = 0; flow < flows.size(); ++flow) {
      double at = 1e6 + 100.0 * static_cast<double>(flow);
      while (at < 4e6) {
        for (unsigned i = 0; i < stream.packets; ++i)
          arrivals.emplace_back(static_cast<uint64_t>(at + i * stream.spacing_us), flow);
        at += stream.request_us * jitter(random);
      }
    }
    std::sort(arrivals.begin(), arrivals.end());
    for (const auto& [at, flow] : arrivals) {
      if (const auto sample = pauses.packet(flows[flow], at)) estimated->add_clamped(*sample);
    }
    HistogramSum sum;
    sum += *estimated;
    EXPECT_GT(sum.count(), 150U);
    EXPECT_NEAR(sum.quantile(0.5), stream.request_us, 0.1 * stream.request_us);
  }
}

}  // namespace
}  // namespace shunt::packet
