// ICMP errors about flows: which backend they reach, by every way, and their bytes; translated in nat, in
// both directions; and what is dropped as bogus.
//
//   backend ──answer──► client          the VIP answers by DSR (or through nat)
//              │ a router on the way: "too big", "unreachable" …
//   backend ◄──shunt◄── VIP             quotes the answer: source the VIP
#include <random>

#include "tests/packet/coverage.h"
#include "tests/packet/fragment_builder.h"
#include "tests/packet/icmp_builder.h"

namespace shunt::packet {
namespace {

// The answer of the VIP's backend to the client's `asked`, as it left the VIP.
Packet answer_to(const Packet& asked) {
  Packet answer = asked;
  std::swap(answer.source, answer.destination);
  std::swap(answer.sport, answer.dport);
  answer.flags = kAck;
  answer.ttl = 57;
  answer.payload = Bytes(20, 0x33);
  return answer;
}

Icmp too_big(const Way& way, const Bytes& quoted) {
  return {.type = static_cast<uint8_t>(way.v4() ? 3 : 2),
          .code = static_cast<uint8_t>(way.v4() ? 4 : 0),
          .rest = way.v4() ? 1400U : 1300U,
          .body = quoted};
}
std::vector<Icmp> every_error(const Way& way, const Bytes& quoted) {
  std::vector<Icmp> errors = {too_big(way, quoted)};
  for (const uint8_t type : way.v4() ? std::vector<uint8_t>{3, 11, 12} : std::vector<uint8_t>{1, 3, 4})
    errors.push_back({.type = type, .code = 1, .rest = 0, .body = quoted});
  return errors;
}

// The router's error to the VIP.
Packet carrier(const Way& way) {
  return {.source = way.router(), .destination = way.vip(), .tos = 0xc0, .ttl = 61};
}

// What the backend must get of an error: the packet itself, in nat with the backend in the VIP's place.
Packet wanted(const Way& way, unsigned backend, const Packet& around, Icmp message, const Packet& quoted,
              size_t quoted_bytes) {
  Packet packet = around;
  --packet.ttl;
  if (way.forward == Forward::nat) {
    packet.destination = way.backend(backend);
    Packet inside = quoted;
    inside.source = way.backend(backend);
    inside.sport = 8080;
    message.body = quote(inside, quoted_bytes);
  }
  return icmp(packet, message);
}

class IcmpErrors : public testing::Test {
 protected:
  IcmpErrors() { fresh(); }
  void fresh() {
    pipeline = std::make_unique<Pipeline>(ways_config());
    pipeline->set_kernel(ways_kernel());
  }
  unsigned send(const Way& way, const Packet& packet) {
    const Outcome outcome = pipeline->run(0, build(packet));
    EXPECT_EQ(outcome.text(), "sent");
    return outcome.sent.size() == 1 ? delivered(way, outcome.sent[0].frame).backend : 0;
  }
  // Sends the error and checks all of what comes out; the backend that gets it.
  unsigned error(const Way& way, const Packet& around, const Icmp& message, const Packet& quoted,
                 size_t quoted_bytes = 10'000) {
    const Outcome outcome = pipeline->run(0, build(icmp(around, message)));
    EXPECT_EQ(outcome.text(), "sent");
    if (outcome.sent.size() != 1) return 0;
    EXPECT_EQ(outcome.sent[0].port, 1);
    const Delivered got = delivered(way, outcome.sent[0].frame);
    EXPECT_EQ(got.faults, "") << hex(outcome.sent[0].frame);
    EXPECT_EQ(hex(got.packet),
              hex(ip_bytes(wanted(way, got.backend, around, message, quoted, quoted_bytes))));
    const Bytes frame = build(around);
    EXPECT_EQ(l3_offset(outcome.sent[0].frame), l3_offset(frame)) << "tags stay";
    return got.backend;
  }
  // A flow of the client that isn't its slot's owner's: that one was down when it began.
  struct Flow {
    Packet packet;
    unsigned owner;  // of its slot
    unsigned backend;
  };
  Flow open_beside_its_slot(const Way& way, uint8_t protocol, uint16_t sport, bool tracked) {
    Flow flow{way.from_client(protocol), 0, 0};
    flow.packet.sport = sport;
    {
      Pipeline other(ways_config());
      other.set_kernel(ways_kernel());
      flow.owner = delivered(way, other.run(0, build(flow.packet)).sent.at(0).frame).backend;
    }
    pipeline->set_health(way.name, std::to_string(flow.owner), false);
    flow.backend = send(way, flow.packet);
    EXPECT_NE(flow.backend, flow.owner);
    if (tracked) {
      Packet next = flow.packet;
      next.flags = kAck;
      ++next.sequence;
      EXPECT_EQ(send(way, next), flow.backend);
    }
    pipeline->set_health(way.name, std::to_string(flow.owner), true);
    return flow;
  }

  std::unique_ptr<Pipeline> pipeline;
};

TEST_F(IcmpErrors, ReachTheBackendOfTheQuotedFlow) {
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const bool tracked : {true, false}) {
        SCOPED_TRACE(way.name + (protocol == 6 ? " TCP" : " UDP") + (tracked ? " tracked" : " in probation"));
        fresh();
        const Flow flow = open_beside_its_slot(way, protocol, 40000, tracked);
        const Packet answer = answer_to(flow.packet);
        const uint64_t entries = pipeline->tracked_entries();
        const uint64_t waiting = pipeline->waiting_entries();
        for (const Icmp& message : every_error(way, quote(answer))) {
          EXPECT_EQ(error(way, carrier(way), message, answer), flow.backend);
          showed(way, "ICMP errors");
        }
        EXPECT_EQ(pipeline->tracked_entries(), entries) << "an error changes no table";
        EXPECT_EQ(pipeline->waiting_entries(), waiting);
      }
    }
  }
}

TEST_F(IcmpErrors, OfFlowsThatNobodyKnowsReachTheirSlotsOwner) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    for (uint16_t sport = 1000; sport < 1005; ++sport) {
      Packet asked = way.from_client();
      asked.sport = sport;
      const Packet answer = answer_to(asked);
      const unsigned backend = error(way, carrier(way), too_big(way, quote(answer)), answer);
      EXPECT_EQ(pipeline->waiting_entries(), 0U);
      fresh();
      EXPECT_EQ(send(way, asked), backend) << "as the flow's own packets";
      fresh();
    }
  }
}

TEST_F(IcmpErrors, EightBytesOfTheTransportHeaderAreEnough) {
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      SCOPED_TRACE(way.name + (protocol == 6 ? " TCP" : " UDP"));
      fresh();
      const Flow flow = open_beside_its_slot(way, protocol, 41000, true);
      const Packet answer = answer_to(flow.packet);
      const size_t header = way.v4() ? 20 : 40;
      for (const size_t l4 : {8U, 9U, 16U, 18U, 19U, 20U, 27U}) {
        SCOPED_TRACE(l4);
        EXPECT_EQ(error(way, carrier(way), too_big(way, quote(answer, header + l4)), answer, header + l4),
                  flow.backend);
        showed(way, "8 bytes quoted");
      }
    }
  }
}

TEST_F(IcmpErrors, WithOptionsTagsAndPads) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    fresh();
    const Flow flow = open_beside_its_slot(way, 6, 42000, true);
    Packet answer = answer_to(flow.packet);
    if (way.v4()) answer.options = {1, 68, 4, 5, 0, 0, 0, 0, 7, 3, 4, 1};
    Packet around = carrier(way);
    if (way.v4()) around.options = Bytes(40, 1);
    EXPECT_EQ(error(way, around, too_big(way, quote(answer)), answer), flow.backend) << "options";
    around = carrier(way);
    around.tags = {{0x88a8, 7}, {0x8100, 0x0064}};
    EXPECT_EQ(error(way, around, too_big(way, quote(answer)), answer), flow.backend) << "tags";
    around.tags = {};
    around.trailer = Bytes(9, 0xee);
    const size_t bytes = way.v4() ? 40 : 60;
    EXPECT_EQ(error(way, around, too_big(way, quote(answer, bytes)), answer, bytes), flow.backend) << "a pad";
    showed(way, "options quoted");
  }
}

// Hop-by-hop and destination options, an atomic fragment, a routing header and AH stand before what is
// quoted.
TEST_F(IcmpErrors, WithExtensionHeadersInTheQuote) {
  const Bytes kHop = {60, 0, 1, 4, 0, 0, 0, 0};  // then destination options
  const Bytes kOptions = {44, 1, 1, 12, 0, 0, 0, 0,
                          0,  0, 0, 0,  0, 0, 0, 0};  // 16 bytes, then a fragment header
  const Bytes kFragment = {43, 0, 0, 0, 0, 0, 0, 1};  // then a routing header
  const Bytes kRouting = {17, 0, 4, 0, 0, 0, 0, 0};   // then UDP
  Bytes chain = kHop;
  put(chain, kOptions);
  put(chain, kFragment);
  put(chain, kRouting);
  for (const Way& way : all_ways()) {
    if (way.v4()) continue;
    SCOPED_TRACE(way.name);
    fresh();
    const Flow flow = open_beside_its_slot(way, 17, 43000, true);
    const auto chained = [&chain](const Packet& packet) {
      Packet carried = packet;
      carried.protocol = 0;
      carried.payload = chain;
      put(carried.payload, transport_bytes(packet));
      return carried;
    };
    const Packet answer = answer_to(flow.packet);
    const Icmp message = too_big(way, quote(chained(answer)));
    const Outcome outcome = pipeline->run(0, build(icmp(carrier(way), message)));
    ASSERT_EQ(outcome.text(), "sent");
    const Delivered got = delivered(way, outcome.sent[0].frame);
    EXPECT_EQ(got.backend, flow.backend);
    Packet packet = carrier(way);
    --packet.ttl;
    Icmp body = message;
    if (way.forward == Forward::nat) {
      packet.destination = way.backend(got.backend);
      Packet inside = answer;
      inside.source = way.backend(got.backend);
      inside.sport = 8080;
      body.body = quote(chained(inside));
    }
    EXPECT_EQ(hex(got.packet), hex(ip_bytes(icmp(packet, body))));
    showed(way, "options quoted");
  }
}

// The error itself may come behind extension headers.
TEST_F(IcmpErrors, BehindExtensionHeaders) {
  const Way way = all_ways()[5];
  const Flow flow = open_beside_its_slot(way, 6, 44000, true);
  Packet around = carrier(way);
  around.protocol = 0;
  const Packet whole = icmp(around, too_big(way, quote(answer_to(flow.packet))), {58, 0, 1, 4, 0, 0, 0, 0});
  const Outcome outcome = pipeline->run(0, build(whole));
  ASSERT_EQ(outcome.text(), "sent");
  const Delivered got = delivered(way, outcome.sent[0].frame);
  EXPECT_EQ(got.backend, flow.backend);
  EXPECT_EQ(got.faults, "");
  Packet passed = whole;
  --passed.ttl;
  EXPECT_EQ(hex(got.packet), hex(ip_bytes(passed)));
}

// What is quoted may be the first fragment of a datagram.
TEST_F(IcmpErrors, QuotingAFirstFragment) {
  for (const Way& way : all_ways()) {
    if (!way.v4()) continue;
    SCOPED_TRACE(way.name);
    fresh();
    const Flow flow = open_beside_its_slot(way, 17, 43500, true);
    Packet answer = answer_to(flow.packet);
    answer.dont_fragment = false;
    answer.fragment = 0x2000;
    EXPECT_EQ(error(way, carrier(way), too_big(way, quote(answer)), answer), flow.backend);
  }
}

// A UDP datagram without a checksum has none in the translated quote either.
TEST_F(IcmpErrors, NatLeavesNoUdpChecksumAsItIs) {
  const Way way = all_ways()[10];
  const Flow flow = open_beside_its_slot(way, 17, 45000, true);
  Packet answer = answer_to(flow.packet);
  answer.transport_checksum = 0;
  EXPECT_EQ(error(way, carrier(way), too_big(way, quote(answer)), answer), flow.backend);
}

TEST_F(IcmpErrors, TooManyBytesOrHopsForTheWay) {
  const Way way = all_ways()[4];  // 4in6
  const Packet answer = answer_to(way.from_client());
  Packet around = carrier(way);
  around.ttl = 1;
  EXPECT_EQ(pipeline->run(0, build(icmp(around, too_big(way, quote(answer))))).text(), "ttl");
  around.ttl = 2;
  EXPECT_EQ(pipeline->run(0, build(icmp(around, too_big(way, quote(answer))))).text(), "sent");
  Icmp large = too_big(way, quote(answer));
  large.body.resize(1460 - 28 + 1, 0x5a);
  EXPECT_EQ(pipeline->run(0, build(icmp(around, large))).text(), "too_big");
}

// The whole error is translated, with the packet that it quotes, before it is cut.
TEST_F(IcmpErrors, WithoutDfTheyAreCut) {
  for (const unsigned index : {0U, 10U}) {  // l2, nat
    const Way way = all_ways()[index];
    SCOPED_TRACE(way.name);
    const Flow flow = open_beside_its_slot(way, 6, 45000, true);
    Packet answer = answer_to(flow.packet);
    answer.payload = Bytes(1600, 0x5a);
    Packet around = carrier(way);
    around.dont_fragment = false;
    const Icmp message = too_big(way, quote(answer));
    const Outcome outcome = pipeline->run(0, build(icmp(around, message)));
    ASSERT_EQ(outcome.text(), "sent sent");
    std::vector<Bytes> pieces;
    for (const SentFrame& sent : outcome.sent) {
      pieces.push_back(slice(sent.frame, l3_offset(sent.frame), sent.frame.size()));
      EXPECT_LE(pieces.back().size(), 1500U);
      EXPECT_EQ(sent.port, 1);
    }
    EXPECT_EQ(hex(reassemble(pieces)),
              hex(ip_bytes(wanted(way, flow.backend, around, message, answer, 10'000))));
  }
}

TEST_F(IcmpErrors, NatChangesNoAuthenticatedAddresses) {
  const Bytes authentication = {58, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  for (const Way& way : {all_ways()[1], all_ways()[11]}) {  // l2, nat
    SCOPED_TRACE(way.name);
    const Flow flow = open_beside_its_slot(way, 6, 46000, true);
    Packet around = carrier(way);
    around.protocol = 51;
    const Icmp message = too_big(way, quote(answer_to(flow.packet)));
    EXPECT_EQ(pipeline->run(0, build(icmp(around, message, authentication))).text(),
              way.forward == Forward::nat ? "extension_headers" : "sent");
  }
}

TEST_F(IcmpErrors, WithoutABackendThereIsNobody) {
  Config config = ways_config();
  for (PoolConfig& pool : config.pools)
    pool.backends.clear();
  pipeline->reload(config);
  const Way way = all_ways()[2];
  EXPECT_EQ(
      pipeline->run(0, build(icmp(carrier(way), too_big(way, quote(answer_to(way.from_client())))))).text(),
      "no_backend");
}

struct BogusRow {
  std::string name;
  Packet in;
};

std::vector<BogusRow> bogus_rows(const Way& way) {
  const Packet answer = answer_to(way.from_client());
  const size_t header = way.v4() ? 20 : 40;
  const auto row = [&](const std::string& name, Packet quoted, size_t bytes = 10'000) {
    return BogusRow{name, icmp(carrier(way), too_big(way, quote(quoted, bytes)))};
  };
  const auto edited = [&](void (*edit)(Packet&)) {
    Packet packet = answer;
    edit(packet);
    return packet;
  };
  std::vector<BogusRow> rows = {
      row("7 bytes of TCP", answer, header + 7),
      row("a header alone", answer, header),
      row("half a header", answer, header / 2),
      row("nothing", answer, 0),
      row("neither TCP nor UDP", edited([](Packet& p) { p.protocol = 132; })),
      row("another IP version", edited([](Packet& p) { p.version = 5; })),
      row("a port of no service", edited([](Packet& p) { p.sport = 81; })),
  };
  Packet other = answer;
  other.source = way.client();
  rows.push_back(row("the quoted source isn't the VIP", other));
  other.source = way.v4() ? "198.51.100.50" : "2001:db8::51";
  if (way.index > 1) rows.push_back(row("the quoted source is another VIP", other));
  Icmp wrong = too_big(way, quote(answer));
  wrong.checksum = 0x1234;
  rows.push_back({"a wrong ICMP checksum", icmp(carrier(way), wrong)});
  for (const uint32_t mtu :
       way.v4() ? std::vector<uint32_t>{0, 68, 551} : std::vector<uint32_t>{0, 552, 1279}) {
    Icmp small = too_big(way, quote(answer));
    small.rest = mtu;
    rows.push_back({"an MTU of " + std::to_string(mtu), icmp(carrier(way), small)});
  }
  if (way.v4()) {
    rows.push_back(row("a later fragment", edited([](Packet& p) { p.fragment = 185; })));
    rows.push_back(row("a header of 16 bytes", edited([](Packet& p) { p.header_words = 4; })));
    rows.push_back(row("a header longer than the quote", edited([](Packet& p) { p.header_words = 15; }), 59));
  } else {
    Packet fragment = answer;
    fragment.protocol = 44;
    fragment.payload = {6, 0, 0, 8, 0, 0, 0, 1};
    put(fragment.payload, transport_bytes(answer));
    rows.push_back(row("a later fragment", fragment));
    Packet endless = answer;
    endless.protocol = 0;
    endless.payload = {};
    for (unsigned i = 0; i < 9; ++i)
      put(endless.payload, {static_cast<uint8_t>(i < 8 ? 0 : 6), 0, 1, 4, 0, 0, 0, 0});
    put(endless.payload, transport_bytes(answer));
    rows.push_back(row("9 extension headers", endless));
    Packet cut = answer;
    cut.protocol = 0;
    cut.payload = {6, 200, 1, 4, 0, 0, 0, 0};
    rows.push_back(row("an extension header longer than the quote", cut));
  }
  return rows;
}

TEST_F(IcmpErrors, BogusOnesAreDropped) {
  for (const Way& way : all_ways()) {
    for (const BogusRow& row : bogus_rows(way)) {
      SCOPED_TRACE(way.name + ": " + row.name);
      EXPECT_EQ(pipeline->run(0, build(row.in)).text(), "bogus_icmp");
      showed(way, "bogus errors");
    }
    Packet forged = carrier(way);
    forged.source = way.vip();
    EXPECT_EQ(pipeline->run(0, build(icmp(forged, too_big(way, quote(answer_to(way.from_client())))))).text(),
              "bad_source");
  }
}

TEST_F(IcmpErrors, TheSmallestMtusThatArePossible) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const Packet answer = answer_to(way.from_client());
    Icmp message = too_big(way, quote(answer));
    message.rest = way.v4() ? 552 : 1280;
    EXPECT_NE(error(way, carrier(way), message, answer), 0U);
  }
}

// nat the other way: an error of the backend, or of a router before it, about the client's packet.
//
//   client ◄──shunt◄── backend      quotes client → backend, which left shunt as client → VIP
class IcmpErrorsToClients : public IcmpErrors {
 protected:
  static std::vector<Way> ways() {
    std::vector<Way> nat;
    for (const Way& way : all_ways()) {
      if (way.forward == Forward::nat) nat.push_back(way);
    }
    return nat;
  }
  // The client's packet as the backend got it.
  static Packet at_backend(const Way& way, unsigned n, Packet packet) {
    packet.destination = way.backend(n);
    packet.dport = 8080;
    --packet.ttl;
    return packet;
  }
  static Packet from_backend(const Way& way, unsigned n) {
    return {.to = kPort1Mac,
            .from = backend_mac(n),
            .source = way.backend(n),
            .destination = way.client(),
            .ttl = 64};
  }
  static Icmp unreachable(const Way& way, const Bytes& quoted) {
    return {.type = static_cast<uint8_t>(way.v4() ? 3 : 1),
            .code = static_cast<uint8_t>(way.v4() ? 3 : 4),
            .rest = 0,
            .body = quoted};
  }
};

TEST_F(IcmpErrorsToClients, CarryTheVipAgain) {
  for (const Way& way : all_ways()) {
    if (way.forward != Forward::nat) cannot(way, "errors to clients", "they go past shunt");
  }
  for (const Way& way : ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const bool known : {true, false}) {
        SCOPED_TRACE(way.name + (protocol == 6 ? " TCP" : " UDP") + (known ? " known" : " unknown"));
        fresh();
        Packet asked = way.from_client(protocol);
        asked.payload = Bytes(31, 0x44);
        const unsigned n = known ? send(way, asked) : first_backend(way) + 1;
        Packet before = asked;  // the quote: the client's packet, one hop less
        --before.ttl;
        for (const size_t bytes : {size_t{10'000}, size_t{way.v4() ? 28U : 48U}}) {
          for (const std::string& from : {way.backend(n), way.backend(79)}) {
            Packet around = from_backend(way, n);
            around.source = from;
            around.tags = {{0x8100, 0x0064}};
            const Outcome outcome = pipeline->run(
                1, build(icmp(around, unreachable(way, quote(at_backend(way, n, asked), bytes)))));
            ASSERT_EQ(outcome.text(), "sent");
            EXPECT_EQ(outcome.sent[0].port, 0);
            Packet restored = around;
            restored.to = kRouterMac;
            restored.from = kPort0Mac;
            restored.source = way.vip();
            --restored.ttl;
            EXPECT_EQ(hex(outcome.sent[0].frame),
                      hex(build(icmp(restored, unreachable(way, quote(before, bytes))))));
            showed(way, "errors to clients");
          }
        }
      }
    }
  }
}

// Not about a nat flow, or not as one would be: what comes from the backends' side is the kernel's, as
// before.
TEST_F(IcmpErrorsToClients, OthersAreTheKernels) {
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    const unsigned n = first_backend(way);
    const Packet asked = way.from_client();
    const Packet seen = at_backend(way, n, asked);
    Packet around = from_backend(way, n);
    const auto run = [&](uint8_t port, const Packet& carrying, const Icmp& message) {
      return pipeline->run(port, build(icmp(carrying, message))).text();
    };
    EXPECT_EQ(run(1, around, unreachable(way, quote(seen))), "sent");
    Packet elsewhere = around;
    elsewhere.to = kPort0Mac;
    EXPECT_EQ(run(0, elsewhere, unreachable(way, quote(seen))), "punted") << "not by the backend's port";
    Packet other_client = around;
    other_client.destination = way.v4() ? "203.0.113.8" : "2001:db8:c::8";
    EXPECT_EQ(run(1, other_client, unreachable(way, quote(seen))), "punted") << "not to whom it quotes";
    Packet other_port = seen;
    other_port.dport = 8081;
    EXPECT_EQ(run(1, around, unreachable(way, quote(other_port))), "punted") << "not a nat backend's port";
    EXPECT_EQ(run(1, around, {.type = static_cast<uint8_t>(way.v4() ? 8 : 128)}), "punted") << "a ping";
    Icmp wrong = unreachable(way, quote(seen));
    wrong.checksum = 1;
    EXPECT_EQ(run(1, around, wrong), "punted") << "a wrong checksum isn't made right";
    around.ttl = 1;
    EXPECT_EQ(run(1, around, unreachable(way, quote(seen))), "ttl");
  }
}

// An IPv4 backend's address as IPv6 writes it is another one, and its IPv4 service no place to copy from.
TEST_F(IcmpErrorsToClients, AMappedAddressIsNoBackends) {
  const Way v4 = ways()[0];
  ASSERT_TRUE(v4.v4());
  const std::string mapped = "::ffff:" + v4.backend(first_backend(v4));
  const std::string client = "2001:db8:c::7";
  const Packet seen{.source = client, .destination = mapped, .sport = 40000, .dport = 8080};
  const Packet around{.to = kPort1Mac,
                      .from = backend_mac(first_backend(v4)),
                      .source = "2001:db8:1::77",
                      .destination = client};
  EXPECT_EQ(pipeline->run(1, build(icmp(around, {.type = 1, .rest = 0, .body = quote(seen)}))).text(),
            "punted");
  Packet reply{.to = kPort1Mac, .from = around.from, .source = mapped, .destination = client};
  reply.sport = 8080;
  EXPECT_EQ(pipeline->run(1, build(reply)).text(), "punted");
}

// To the host itself: its health checks' errors are the kernel's, those of a flow through nat are restored.
TEST_F(IcmpErrorsToClients, ToTheHostItself) {
  const Way way = ways()[0];
  Packet asked = way.from_client();
  asked.to = kHost0Mac;
  asked.from = kPort0Mac;
  asked.source = "192.0.2.2";
  const unsigned n = first_backend(way);
  Packet around = from_backend(way, n);
  around.destination = asked.source;
  const Bytes check = build(icmp(around, unreachable(way, quote(at_backend(way, n, asked)))));
  const Outcome unknown = pipeline->run(1, check);
  ASSERT_EQ(unknown.text(), "punted");
  EXPECT_EQ(unknown.punted[0].frame, check);
  const Outcome opened = pipeline->from_host(0, build(asked));
  ASSERT_EQ(opened.text(), "sent");
  const unsigned chosen = delivered(way, opened.sent[0].frame).backend;
  around = from_backend(way, chosen);
  around.destination = asked.source;
  const Outcome known =
      pipeline->run(1, build(icmp(around, unreachable(way, quote(at_backend(way, chosen, asked))))));
  ASSERT_EQ(known.text(), "punted");
  EXPECT_TRUE(known.punted[0].restored);
  Packet restored = around;
  restored.source = way.vip();
  Packet before = asked;
  --before.ttl;
  EXPECT_EQ(hex(known.punted[0].frame), hex(build(icmp(restored, unreachable(way, quote(before))))));
}

// One of several workers on the same snapshot.
struct OneWorker {
  std::vector<FlowBucket> flows = std::vector<FlowBucket>(64);
  std::vector<ProbationLine> probation = std::vector<ProbationLine>(64);
  std::vector<PairCounters> pairs = std::vector<PairCounters>(4096);
  std::vector<ServiceCounters> services = std::vector<ServiceCounters>(256);
  FakeIo io;
  PuntRings punt;
  WorkerState state;
  Worker<FakeIo> worker;
  OneWorker(unsigned index, HandOverRings& rings)
      : state(index,
              {std::as_writable_bytes(std::span(flows)), std::as_writable_bytes(std::span(probation)), pairs,
               services},
              HashKey{{1}}),
        worker(state, io, 2, punt, rings, nullptr) {}
};

// Two workers: the error goes to the one that owns the flow, in both directions.
TEST(IcmpErrorsAndWorkers, NatFlowsHaveOneOwner) {
  const Way way = all_ways()[10];
  Pipeline lender(ways_config());
  lender.set_kernel(ways_kernel());
  HandOverRings rings(2);
  const auto first = std::make_unique<OneWorker>(0, rings);
  const auto second = std::make_unique<OneWorker>(1, rings);
  const Now now = Now::from_ns(1'000'000'000'000);
  unsigned handed = 0;
  for (uint16_t sport = 1000; sport < 1050; ++sport) {
    Packet asked = way.from_client();
    asked.sport = sport;
    const Packet answer = answer_to(asked);
    Packet seen = asked;
    const unsigned n = first_backend(way);
    seen.destination = way.backend(n);
    seen.dport = 8080;
    const Packet behind{
        .to = kPort1Mac, .from = backend_mac(n), .source = way.backend(n), .destination = way.client()};
    for (const auto& [port, frame] :
         {std::pair{uint8_t{0}, build(icmp(carrier(way), too_big(way, quote(answer))))},
          std::pair{uint8_t{1},
                    build(icmp(behind, {.type = 3, .code = 3, .rest = 0, .body = quote(seen)}))}}) {
      first->io.push(port, frame);
      first->worker.run_once(lender.snapshot(), now);
      const size_t own = first->io.take_sent().size();
      second->worker.run_once(lender.snapshot(), now);
      const size_t other = second->io.take_sent().size();
      EXPECT_EQ(own + other, 1U);
      handed += other != 0 ? 1U : 0U;
    }
    EXPECT_TRUE(first->state.ledger.balanced());
    EXPECT_TRUE(second->state.ledger.balanced());
    EXPECT_EQ(handed % 2, 0U) << "both directions have one owner";
  }
  EXPECT_GT(handed, 20U);
  EXPECT_LT(handed, 80U);
}

// Outside of nat a flow is the worker's that its packets come to: wherever the error comes in, it finds the
// flow, whose backend here isn't the one that its slot names by now. About a flow that nobody knows it goes
// to that.
TEST(IcmpErrorsAndWorkers, AnErrorFindsItsFlowAtAnyWorker) {
  constexpr unsigned kWorkers = 3;
  const Now now = Now::from_ns(1'000'000'000'000);
  for (const size_t row : {size_t{0}, size_t{2}, size_t{5}}) {
    const Way way = all_ways()[row];
    SCOPED_TRACE(way.name);
    Pipeline lender(ways_config());
    lender.set_kernel(ways_kernel());
    HandOverRings rings(kWorkers);
    std::vector<std::unique_ptr<OneWorker>> workers;
    for (unsigned i = 0; i < kWorkers; ++i)
      workers.push_back(std::make_unique<OneWorker>(i, rings));
    const auto sent_of_all = [&] {
      std::vector<SentFrame> sent;
      for (unsigned round = 0; round < kWorkers; ++round) {
        for (const auto& each : workers) {
          each->worker.run_once(lender.snapshot(), now);
          for (SentFrame& frame : each->io.take_sent())
            sent.push_back(std::move(frame));
        }
      }
      return sent;
    };
    unsigned elsewhere = 0;
    for (uint16_t sport = 1000; sport < 1030; ++sport) {
      const unsigned owner = sport % kWorkers;
      Packet asked = way.from_client();
      asked.sport = sport;
      const Bytes error = build(icmp(carrier(way), too_big(way, quote(answer_to(asked)))));
      const auto error_at = [&](unsigned worker) {
        workers[worker]->io.push(0, error);
        const std::vector<SentFrame> sent = sent_of_all();
        EXPECT_EQ(sent.size(), 1U) << "at worker " << worker;
        return sent.empty() ? Bytes{} : Bytes(sent[0].frame.begin(), sent[0].frame.begin() + 6);
      };
      const Bytes by_slot = error_at(0);
      EXPECT_EQ(error_at(2), by_slot);
      // The flow's backend when it opens is another one: of a pool in which that of the slot is down.
      std::string down;
      for (unsigned n = first_backend(way); n < first_backend(way) + kBackendsOfWay; ++n) {
        const auto& bytes = mac(backend_mac(n)).bytes;
        if (std::equal(bytes.begin(), bytes.end(), by_slot.begin())) down = std::to_string(n);
      }
      ASSERT_FALSE(down.empty());
      lender.set_health(way.name, down, false);
      asked.flags = kSyn;
      workers[owner]->io.push(0, build(asked));
      const std::vector<SentFrame> opened = sent_of_all();
      ASSERT_EQ(opened.size(), 1U);
      lender.set_health(way.name, down, true);
      const Bytes backend(opened[0].frame.begin(), opened[0].frame.begin() + 6);
      for (unsigned worker = 0; worker < kWorkers; ++worker)
        EXPECT_EQ(error_at(worker), backend) << "at worker " << worker;
      elsewhere += backend != by_slot ? 1U : 0U;
    }
    EXPECT_EQ(elsewhere, 30U);
    for (const auto& each : workers)
      EXPECT_TRUE(each->state.ledger.balanced());
  }
}

// Whatever the quote holds: one fate, no byte outside (the frames lie in blocks of their own size), and what
// leaves has right checksums.
TEST_F(IcmpErrors, RandomMessages) {
  std::mt19937 random(7);
  const auto below = [&random](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
  const std::vector<Way> ways = all_ways();
  unsigned sent = 0;
  for (unsigned round = 0; round < 12'000; ++round) {
    const Way& way = ways[below(static_cast<uint32_t>(ways.size()))];
    const bool to_client = way.forward == Forward::nat && below(2) == 0;
    const unsigned n = first_backend(way) + below(kBackendsOfWay);
    Packet asked = way.from_client(below(2) == 0 ? 6 : 17);
    asked.sport = static_cast<uint16_t>(below(50));
    Packet quoted = answer_to(asked);
    if (to_client) {
      quoted = asked;
      quoted.destination = way.backend(n);
      quoted.dport = 8080;
    }
    if (way.v4() && below(4) == 0) quoted.options = Bytes(4 * below(11), 1);
    Icmp message = too_big(way, quote(quoted, below(100)));
    message.type = static_cast<uint8_t>(below(14));
    if (message.type == 8) continue;  // a ping is answered
    message.rest = below(2) == 0 ? 1400 : static_cast<uint32_t>(random());
    for (unsigned edits = below(3); edits > 0 && !message.body.empty(); --edits)
      message.body[below(static_cast<uint32_t>(message.body.size()))] = static_cast<uint8_t>(below(256));
    Packet around = carrier(way);
    if (to_client) {
      around = {
          .to = kPort1Mac, .from = backend_mac(n), .source = way.backend(n), .destination = way.client()};
    }
    const Outcome outcome = pipeline->run(to_client ? 1 : 0, build(icmp(around, message)));
    ASSERT_EQ(outcome.sent.size() + outcome.punted.size() + outcome.dropped.size(), 1U) << outcome.text();
    if (outcome.sent.empty()) continue;
    ++sent;
    const Bytes packet =
        to_client ? tail(outcome.sent[0].frame, 14) : delivered(way, outcome.sent[0].frame).packet;
    const size_t header = way.v4() ? 20 : 40;
    Bytes covered;
    if (!way.v4()) {
      const std::string destination = to_client ? way.client() : way.vip();
      covered = Bytes(packet.begin() + 8, packet.begin() + 40);
      put32(covered, static_cast<uint32_t>(packet.size() - header));
      put32(covered, 58);
    }
    put(covered, tail(packet, header));
    ASSERT_EQ(internet_checksum(covered), 0) << hex(packet);
  }
  EXPECT_GT(sent, 400U);
}

}  // namespace
}  // namespace shunt::packet
