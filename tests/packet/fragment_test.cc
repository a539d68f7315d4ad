// Datagrams in fragments: whatever the order, all of them reach the backend of the first one, in every way of
// forwarding, and make the same packet there as one that came whole would have been.
//
//   client ── 3 fragments in any order ── [shunt] ── backend puts them together
#include <numeric>

#include "tests/packet/fragment_builder.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

const std::string kClient4 = "203.0.113.7";
const std::string kClient6 = "2001:db8:9::7";

Bytes payload_of(size_t bytes) {
  Bytes payload(bytes);
  std::iota(payload.begin(), payload.end(), uint8_t{1});
  return payload;
}

// To a VIP of six_config().
Packet datagram(const std::string& vip, uint8_t protocol = 17, size_t payload = 3000) {
  return {.source = ip(vip).is_v4() ? kClient4 : kClient6,
          .destination = vip,
          .dont_fragment = false,
          .protocol = protocol,
          .dport = static_cast<uint16_t>(protocol == 17 ? 53 : 80),
          .flags = kAck,
          .payload = payload_of(payload)};
}

Bytes frame_of(const Packet& packet, const Bytes& ip_packet) {
  return ethernet_bytes(packet, ip_packet);
}

std::vector<Bytes> frames_of(const Packet& packet, const std::vector<Bytes>& ip_packets) {
  std::vector<Bytes> frames;
  for (const Bytes& each : ip_packets)
    frames.push_back(frame_of(packet, each));
  return frames;
}

// What stands in an outer header of ours; the packet itself where there is none.
Bytes unwrapped(const Bytes& packet) {
  const bool v4 = packet[0] >> 4U == 4;
  const size_t header = v4 ? 20 : 40;
  const uint8_t next = packet[v4 ? 9 : 6];
  if (next == 4 || next == 41) return slice(packet, header, packet.size());
  if (next == 17 && get16(packet, header + 2) == 6080 && (!v4 || (get16(packet, 6) & 0x3fffU) == 0))
    return slice(packet, header + 8, packet.size());
  return packet;
}

Bytes ip_of(const Bytes& frame) {
  return slice(frame, l3_offset(frame), frame.size());
}

// The outer UDP checksum of gue over IPv6 covers all of a fragment.
void expect_right_outer(const Bytes& packet) {
  if (packet[0] >> 4U == 4) {
    EXPECT_EQ(internet_checksum(slice(packet, 0, head_bytes(packet))), 0);
    return;
  }
  if (packet[6] != 17 || get16(packet, 42) != 6080) return;
  Bytes covered = slice(packet, 8, 40);
  put32(covered, static_cast<uint32_t>(packet.size() - 40));
  put32(covered, 17);
  put(covered, slice(packet, 40, packet.size()));
  EXPECT_EQ(internet_checksum(covered), 0) << "gue's UDP checksum";
  EXPECT_EQ(get16(packet, 44), packet.size() - 40);
}

struct Mode {
  const char* name;
  std::string vip;
  std::string translated_to;  // nat: the backend
};

std::vector<Mode> modes() {
  return {{"l2", "198.51.100.1", ""},
          {"ipip 4in4", "198.51.100.2", ""},
          {"nat", "198.51.100.3", "10.0.0.13"},
          {"ipip 4in6", "198.51.100.11", ""},
          {"gue 4in6", "198.51.100.12", ""},
          {"gue 4in4", "198.51.100.13", ""},
          {"l2 IPv6", "2001:db8:a::1", ""},
          {"ipip 6in6", "2001:db8:a::2", ""},
          {"nat IPv6", "2001:db8:a::3", "2001:db8:1::13"},
          {"gue 6in6", "2001:db8:a::4", ""},
          {"ipip 6in4", "2001:db8:a::5", ""},
          {"gue 6in4", "2001:db8:a::6", ""}};
}

Packet expected_at_backend(const Mode& mode, Packet packet) {
  --packet.ttl;
  if (mode.translated_to.empty()) return packet;
  packet.destination = mode.translated_to;
  packet.dport = 8080;
  return packet;
}

std::vector<std::vector<size_t>> orders_of_three() {
  std::vector<std::vector<size_t>> orders;
  std::vector<size_t> order = {0, 1, 2};
  do {
    orders.push_back(order);
  } while (std::next_permutation(order.begin(), order.end()));
  return orders;
}

std::string text_of(const std::vector<size_t>& order) {
  std::string text;
  for (const size_t i : order)
    text += std::to_string(i);
  return text;
}

// What a backend's RSS sees: addresses, and gue's ports.
Bytes outer_flow(const Bytes& packet) {
  const bool v4 = packet[0] >> 4U == 4;
  Bytes flow = slice(packet, v4 ? 12 : 8, v4 ? 20 : 40);
  const size_t header = head_bytes(packet);
  if (packet[v4 ? 9 : 6] == 17 && get16(packet, header + 2) == 6080)
    put(flow, slice(packet, header, header + 4));
  return flow;
}

// Everything that left, as IP packets, out of their outer headers.
class Arrivals {
 public:
  void add(const Outcome& outcome) {
    EXPECT_TRUE(outcome.dropped.empty()) << outcome.text();
    for (const SentFrame& sent : outcome.sent) {
      const Bytes packet = ip_of(sent.frame);
      expect_right_outer(packet);
      macs.push_back(slice(sent.frame, 0, 6));
      packets.push_back(unwrapped(packet));
      ids.push_back(packet[0] >> 4U == 4 ? get16(packet, 4) : 0U);
      outer_flows.push_back(outer_flow(packet));
    }
  }

  std::vector<Bytes> packets;
  std::vector<Bytes> macs;
  std::vector<unsigned> ids;
  std::vector<Bytes> outer_flows;
};

TEST(Fragments, AllOrdersInEveryModeReachTheBackendOfTheFirst) {
  for (const Mode& mode : modes()) {
    for (const uint8_t protocol : {uint8_t{17}, uint8_t{6}}) {
      for (const auto& order : orders_of_three()) {
        for (const bool together : {false, true}) {
          SCOPED_TRACE(std::string(mode.name) + " protocol " + std::to_string(protocol) + " order " +
                       text_of(order) + (together ? " in one burst" : " one by one"));
          const Packet packet = datagram(mode.vip, protocol);
          const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
          ASSERT_EQ(pieces.size(), 3U);
          Pipeline pipeline(six_config());
          Arrivals arrivals;
          std::vector<Bytes> frames;
          for (const size_t i : order)
            frames.push_back(pieces[i]);
          if (together) arrivals.add(pipeline.run_burst(0, frames));
          for (const Bytes& frame : together ? std::vector<Bytes>{} : frames)
            arrivals.add(pipeline.run(0, frame));
          ASSERT_EQ(arrivals.packets.size(), 3U);
          EXPECT_EQ(hex(reassemble(arrivals.packets)), hex(ip_bytes(expected_at_backend(mode, packet))));
          EXPECT_EQ(arrivals.macs[0], arrivals.macs[1]);
          EXPECT_EQ(arrivals.macs[0], arrivals.macs[2]);
          EXPECT_EQ(arrivals.outer_flows[0], arrivals.outer_flows[1]);
          EXPECT_EQ(arrivals.outer_flows[0], arrivals.outer_flows[2]);
          EXPECT_EQ(pipeline.total().in_flight(), 0);
        }
      }
    }
  }
}

// --- nat replies ---

struct ReplyRow {
  std::string vip;
  std::string backend;
  std::string client;
};
std::vector<ReplyRow> reply_rows() {
  return {{"198.51.100.3", "10.0.0.13", kClient4}, {"2001:db8:a::3", "2001:db8:1::13", kClient6}};
}

Packet reply_of(const ReplyRow& row) {
  return {.to = kPort1Mac,
          .from = backend_mac(13),
          .source = row.backend,
          .destination = row.client,
          .dont_fragment = false,
          .protocol = 17,
          .sport = 8080,
          .dport = 40000,
          .payload = payload_of(3000)};
}

TEST(Fragments, RepliesAreRestoredInAllOrders) {
  for (const ReplyRow& row : reply_rows()) {
    for (const auto& order : orders_of_three()) {
      SCOPED_TRACE(row.vip + " order " + text_of(order));
      const Packet packet = reply_of(row);
      const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
      Pipeline pipeline(six_config());
      Arrivals arrivals;
      for (const size_t i : order) {
        const Outcome outcome = pipeline.run(1, pieces[i]);
        arrivals.add(outcome);
        for (const SentFrame& sent : outcome.sent)
          EXPECT_EQ(sent.port, 0);
      }
      Packet restored = packet;
      restored.source = row.vip;
      restored.sport = 53;
      --restored.ttl;
      EXPECT_EQ(hex(reassemble(arrivals.packets)), hex(ip_bytes(restored)));
    }
  }
}

TEST(Fragments, RepliesToTheHostItselfAreRestored) {
  const ReplyRow row{"198.51.100.3", "10.0.0.13", "192.0.2.2"};  // the host is its own client
  for (const auto& order : orders_of_three()) {
    SCOPED_TRACE("order " + text_of(order));
    Packet question = datagram(row.vip, 17, 100);
    question.source = row.client;
    Pipeline pipeline(six_config());
    ASSERT_EQ(pipeline.run(0, build(question)).destination(), row.backend);
    const Packet packet = reply_of(row);
    const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
    std::vector<Bytes> punted;
    for (const size_t i : order) {
      for (const Punted& each : pipeline.run(1, pieces[i]).punted) {
        EXPECT_TRUE(each.restored);
        punted.push_back(ip_of(each.frame));
      }
    }
    Packet restored = packet;
    restored.source = row.vip;
    restored.sport = 53;
    EXPECT_EQ(hex(reassemble(punted)), hex(ip_bytes(restored))) << "no hop less: it has arrived";
  }
}

// A nat backend has other business with this host, and other clients: all its fragments go to the kernel
// as they are.
TEST(Fragments, WhatIsNoReplyIsTheKernels) {
  for (const auto& order : orders_of_three()) {
    SCOPED_TRACE("order " + text_of(order));
    Packet packet = reply_of({"", "10.0.0.13", kClient4});
    packet.sport = 2049;
    const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
    Pipeline pipeline(six_config());
    std::vector<Bytes> punted;
    for (const size_t i : order) {
      for (const Punted& each : pipeline.run(1, pieces[i]).punted)
        punted.push_back(each.frame);
    }
    EXPECT_TRUE(std::is_permutation(punted.begin(), punted.end(), pieces.begin(), pieces.end()));
  }
}

TEST(Fragments, OfOtherHostsAreTheKernelsAtOnce) {
  Packet packet = datagram("192.0.2.2");
  for (const Bytes& frame : frames_of(packet, fragments(ip_bytes(packet), 1200))) {
    Pipeline pipeline(six_config());
    EXPECT_EQ(pipeline.run(0, frame).text(), "punted");
  }
}

TEST(Fragments, OfAVipThatTheHostSharesFollowTheFirstToTheKernel) {
  Config config = six_config();
  for (ServiceConfig& service : config.services)
    service.unserved = Unserved::punt;
  Packet packet = datagram("198.51.100.1");
  packet.dport = 5353;  // nobody's
  const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
  Pipeline pipeline(config);
  EXPECT_EQ(pipeline.run(0, pieces[1]).text(), "nothing");
  EXPECT_EQ(pipeline.run(0, pieces[0]).text(), "punted punted");
  EXPECT_EQ(pipeline.run(0, pieces[2]).text(), "punted");
}

// --- the rest ---

TEST(Fragments, TagsStayAndPadsDoNot) {
  for (const Mode& mode : modes()) {
    SCOPED_TRACE(mode.name);
    Packet packet = datagram(mode.vip, 17, 1210);
    packet.tags = {{0x88a8, 5}, {0x8100, 6}};
    packet.trailer = Bytes(30, 0xee);
    const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
    ASSERT_EQ(pieces.size(), 2U);
    Pipeline pipeline(six_config());
    Arrivals arrivals;
    for (const size_t i : {1U, 0U}) {
      const Outcome outcome = pipeline.run(0, pieces[i]);
      for (const SentFrame& sent : outcome.sent)
        EXPECT_EQ(hex(slice(sent.frame, 12, 20)), hex(slice(pieces[0], 12, 20)));
      arrivals.add(outcome);
    }
    EXPECT_EQ(hex(reassemble(arrivals.packets)), hex(ip_bytes(expected_at_backend(mode, packet))));
  }
}

// RFC 6864: a router may cut the outer packets, and must not mix them up.
TEST(Fragments, OuterPacketsHaveIdentificationsOfTheirOwn) {
  const Packet packet = datagram("198.51.100.2", 17, 20'000);
  Pipeline pipeline(six_config());
  Arrivals arrivals;
  for (const Bytes& frame : frames_of(packet, fragments(ip_bytes(packet), 400)))
    arrivals.add(pipeline.run(0, frame));
  std::sort(arrivals.ids.begin(), arrivals.ids.end());
  EXPECT_EQ(std::adjacent_find(arrivals.ids.begin(), arrivals.ids.end()), arrivals.ids.end());
}

// Of a prefix each flow has one source, so that the backend's RSS keeps its packets together.
TEST(Fragments, AndTheFlowsOwnOuterSource) {
  Config config = six_config();
  config.ports[1].encap_source = *Prefix::parse("10.64.0.0/20");
  config.ports[1].encap_source6 = *Prefix::parse("2001:db8:64::/64");
  for (const std::string vip : {"198.51.100.2", "2001:db8:a::2", "198.51.100.13", "2001:db8:a::4"}) {
    SCOPED_TRACE(vip);
    Packet packet = datagram(vip);
    Pipeline pipeline(config);
    Packet whole = packet;
    whole.payload.resize(100);
    Arrivals arrivals;
    arrivals.add(pipeline.run(0, build(whole)));
    std::vector<Bytes> frames = frames_of(packet, fragments(ip_bytes(packet), 1200));
    std::swap(frames[0], frames[2]);
    for (const Bytes& frame : frames)
      arrivals.add(pipeline.run(0, frame));
    ASSERT_EQ(arrivals.outer_flows.size(), 4U);
    for (const Bytes& flow : arrivals.outer_flows)
      EXPECT_EQ(hex(flow), hex(arrivals.outer_flows[0])) << "as its whole packets have";
  }
}

TEST(Fragments, AnAtomicFragmentIsNone) {
  for (const std::string vip : {"2001:db8:a::1", "2001:db8:a::2", "2001:db8:a::3", "2001:db8:a::4"}) {
    Packet packet = datagram(vip, 17, 100);
    packet.extensions = {{44, {0, 0, 0, 9, 9, 9, 9}}};
    Pipeline pipeline(six_config());
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent");
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent") << "nor is the second one a duplicate";
    EXPECT_TRUE(pipeline.state().fragments.empty());
  }
}

TEST(Fragments, AnotherDatagramOfTheSameIdentificationIsAnotherProtocols) {
  Pipeline pipeline(six_config());
  for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
    const Packet packet = datagram("198.51.100.1", protocol);
    for (const Bytes& frame : frames_of(packet, fragments(ip_bytes(packet), 1200)))
      EXPECT_EQ(pipeline.run(0, frame).text(), "sent");
  }
}

TEST(Fragments, WhatTheyHoldGoesWithTheirService) {
  Pipeline pipeline(six_config());
  const Packet packet = datagram("198.51.100.1");
  const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
  EXPECT_EQ(pipeline.run(0, pieces[0]).text(), "sent");
  Config config = six_config();
  std::erase_if(config.services,
                [](const ServiceConfig& service) { return service.name == "198.51.100.1:53"; });
  pipeline.reload(config);
  EXPECT_EQ(pipeline.run(0, pieces[1]).text(), "no_service");
}

TEST(Fragments, FlowsOfFragmentsAreOrdinaryFlows) {
  Pipeline pipeline(six_config());
  Packet packet = datagram("198.51.100.1");
  for (uint16_t id = 1; id <= 3; ++id) {
    packet.id = id;
    for (const Bytes& frame : frames_of(packet, fragments(ip_bytes(packet), 1200)))
      EXPECT_EQ(pipeline.run(0, frame).text(), "sent");
  }
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
  const Service& service = pipeline.service("198.51.100.1", 53, Protocol::udp);
  EXPECT_EQ(pipeline.state().pairs[service.pools[0].pairs].packets.read(), 9U) << "every fragment is counted";
}

// --- two workers ---

// Each fragment comes in at either worker; both loop until all has left.
class TwoWorkers {
 public:
  explicit TwoWorkers(const Config& config) : lender_(config) {
    for (unsigned i = 0; i < 2; ++i)
      cores_.push_back(std::make_unique<Core>(i, rings_));
  }

  Arrivals run(uint8_t port, const std::vector<Bytes>& frames, unsigned entries) {
    Arrivals arrivals;
    for (size_t i = 0; i < frames.size(); ++i) {
      core((entries >> i) & 1U).io.push(port, frames[i]);
      step(arrivals);
    }
    for (unsigned i = 0; i < 4; ++i)
      step(arrivals);
    Ledger sum = core(0).state.ledger;
    sum += core(1).state.ledger;
    EXPECT_TRUE(sum.balanced());
    EXPECT_EQ(sum.in_flight(), 0);
    EXPECT_EQ(sum.sent, frames.size());
    return arrivals;
  }
  uint64_t flows(unsigned worker) {
    return core(worker).state.flows.entries() + core(worker).state.probation.entries();
  }

 private:
  struct Core {
    Core(unsigned index, HandOverRings& rings)
        : state(index,
                {std::as_writable_bytes(std::span(flows)), std::as_writable_bytes(std::span(probation)),
                 pairs, services, std::as_writable_bytes(std::span(fragments)), kLimits},
                HashKey{{1, 2, 3, 4}}),
          worker(state, io, 2, punt, rings, nullptr) {}

    static constexpr FragmentLimits kLimits{64, 64 * 1024, 1'000'000'000U};
    std::vector<FlowBucket> flows = std::vector<FlowBucket>(8);
    std::vector<ProbationLine> probation = std::vector<ProbationLine>(8);
    std::vector<PairCounters> pairs = std::vector<PairCounters>(4096);
    std::vector<ServiceCounters> services = std::vector<ServiceCounters>(256);
    std::vector<std::max_align_t> fragments =
        std::vector<std::max_align_t>(FragmentTable::bytes_for(kLimits) / sizeof(std::max_align_t) + 1);
    FakeIo io;
    WorkerState state;
    PuntRings punt;
    Worker<FakeIo> worker;
  };
  Core& core(size_t i) { return *cores_[i]; }

  void step(Arrivals& arrivals) {
    for (auto& each : cores_) {
      each->worker.run_once(lender_.snapshot(), Now::from_ns(1'000'000'000'000));
      EXPECT_TRUE(each->state.ledger.balanced());
      Outcome outcome;
      outcome.sent = each->io.take_sent();
      arrivals.add(outcome);
    }
  }

  Pipeline lender_;
  HandOverRings rings_{2};
  std::vector<std::unique_ptr<Core>> cores_;
};

TEST(Fragments, OneWorkerGathersWhatComesInAtSeveral) {
  for (const Mode& mode : modes()) {
    for (const auto& order : orders_of_three()) {
      for (unsigned entries = 0; entries < 8; ++entries) {
        for (const uint16_t sport : {uint16_t{40000}, uint16_t{40001}, uint16_t{40002}}) {
          SCOPED_TRACE(std::string(mode.name) + " order " + text_of(order) + " workers " +
                       std::to_string(entries) + " port " + std::to_string(sport));
          Packet packet = datagram(mode.vip);
          packet.sport = sport;
          packet.id = sport;
          const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200, sport));
          std::vector<Bytes> frames;
          for (const size_t i : order)
            frames.push_back(pieces[i]);
          TwoWorkers workers(six_config());
          const Arrivals arrivals = workers.run(0, frames, entries);
          EXPECT_EQ(hex(reassemble(arrivals.packets)), hex(ip_bytes(expected_at_backend(mode, packet))));
          EXPECT_EQ(workers.flows(0) + workers.flows(1), 1U) << "one worker owns the flow";
        }
      }
    }
  }
}

// In nat the owner is the one that the flow's whole packets go to as well.
TEST(Fragments, TheOwnerOfANatFlowGetsItsFragments) {
  for (uint16_t sport = 40000; sport < 40016; ++sport) {
    Packet whole = datagram("198.51.100.3", 17, 100);
    whole.sport = sport;
    Packet packet = datagram("198.51.100.3");
    packet.sport = sport;
    packet.id = sport;
    TwoWorkers workers(six_config());
    workers.run(0, {build(whole)}, 0);
    const unsigned owner = workers.flows(0) == 1 ? 0 : 1;
    std::vector<Bytes> frames = frames_of(packet, fragments(ip_bytes(packet), 1200));
    std::swap(frames[0], frames[1]);
    TwoWorkers fresh(six_config());
    fresh.run(0, frames, sport % 8U);
    EXPECT_EQ(fresh.flows(owner), 1U);
    EXPECT_EQ(fresh.flows(1 - owner), 0U);
  }
}

TEST(Fragments, RepliesGatherToo) {
  for (const ReplyRow& row : reply_rows()) {
    for (const auto& order : orders_of_three()) {
      for (unsigned entries = 0; entries < 8; ++entries) {
        const Packet packet = reply_of(row);
        const std::vector<Bytes> pieces = frames_of(packet, fragments(ip_bytes(packet), 1200));
        std::vector<Bytes> frames;
        for (const size_t i : order)
          frames.push_back(pieces[i]);
        TwoWorkers workers(six_config());
        const Arrivals arrivals = workers.run(1, frames, entries);
        Packet restored = packet;
        restored.source = row.vip;
        restored.sport = 53;
        --restored.ttl;
        EXPECT_EQ(hex(reassemble(arrivals.packets)), hex(ip_bytes(restored)));
      }
    }
  }
}

}  // namespace
}  // namespace shunt::packet
