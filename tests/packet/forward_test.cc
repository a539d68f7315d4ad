// What comes out for what goes in, byte for byte, in every way of forwarding.
#include <set>

#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

// The packet as it must leave towards the backend at 10.0.0.N: one hop less, the port's and the backend's
// MACs.
Packet towards(unsigned number, Packet packet) {
  packet.to = backend_mac(number);
  packet.from = kPort1Mac;
  --packet.ttl;
  packet.trailer = {};
  return packet;
}

// And towards a client behind the router.
Packet towards_client(Packet packet) {
  packet.to = kRouterMac;
  packet.from = kPort0Mac;
  --packet.ttl;
  packet.trailer = {};
  return packet;
}

Packet outer(const Packet& inner, unsigned number) {
  return {.to = backend_mac(number),
          .from = kPort1Mac,
          .tags = inner.tags,
          .source = "10.0.0.10",
          .destination = "10.0.0." + std::to_string(number),
          .tos = inner.tos,
          .ttl = 64,
          .id = 0,  // it can't be cut: RFC 6864 leaves it free
          .dont_fragment = true};
}

Bytes tunnelled(Packet packet, unsigned number = 12) {
  const Packet around = outer(packet, number);
  packet.trailer = {};
  --packet.ttl;
  return build_ipip(around, packet);
}

Packet with(Packet packet, void (*edit)(Packet&)) {
  edit(packet);
  return packet;
}

const Packet kTcp{.destination = "198.51.100.1"};
const Packet kUdp{.destination = "198.51.100.1", .protocol = 17, .dport = 53, .payload = {1, 2, 3}};
const Packet kIpipTcp{.destination = "198.51.100.2"};
const Packet kIpipUdp{.destination = "198.51.100.2", .protocol = 17, .dport = 53, .payload = {1, 2, 3}};
const Packet kNatTcp{.destination = "198.51.100.3", .payload = {'G', 'E', 'T'}};
const Packet kNatUdp{.destination = "198.51.100.3", .protocol = 17, .dport = 53, .payload = {9, 8, 7}};
const Packet kReplyTcp{.to = kPort1Mac,
                       .from = backend_mac(13),
                       .source = "10.0.0.13",
                       .destination = "203.0.113.7",
                       .sport = 8080,
                       .dport = 40000,
                       .flags = kSyn | kAck};

struct Row {
  const char* name;
  uint8_t port;
  Bytes in;
  uint8_t out_port;
  Bytes out;
  bool right = true;  // all lengths and checksums of what comes out are right
};

std::vector<Row> l2_rows() {
  const Packet tagged = with(kTcp, [](Packet& p) { p.tags = {{0x8100, 0x0064}}; });
  const Packet twice = with(kTcp, [](Packet& p) { p.tags = {{0x88a8, 0x2005}, {0x8100, 0xe064}}; });
  const Packet padded = with(kTcp, [](Packet& p) { p.trailer = Bytes(20, 0xee); });
  const Packet options = with(kTcp, [](Packet& p) { p.options = {1, 1, 1, 1, 68, 4, 5, 0}; });
  const Packet last_hop = with(kTcp, [](Packet& p) { p.ttl = 2; });
  const Packet odd_flags = with(kTcp, [](Packet& p) { p.flags = kSyn | kFin | kPsh; });
  const Packet wrong_sum = with(kTcp, [](Packet& p) { p.transport_checksum = 0xdead; });
  const Packet no_sum = with(kUdp, [](Packet& p) { p.transport_checksum = 0; });
  const Packet padded_udp = with(kUdp, [](Packet& p) { p.trailer = Bytes(15, 0); });
  return {
      {"l2: only MACs and TTL change", 0, build(kTcp), 1, build(towards(11, kTcp))},
      {"l2: UDP", 0, build(kUdp), 1, build(towards(11, kUdp))},
      {"l2: a VLAN tag stays", 0, build(tagged), 1, build(towards(11, tagged))},
      {"l2: two tags stay", 0, build(twice), 1, build(towards(11, twice))},
      {"l2: a pad is cut", 0, build(padded), 1, build(towards(11, padded))},
      {"l2: a pad behind UDP is cut", 0, build(padded_udp), 1, build(towards(11, padded_udp))},
      {"l2: harmless options stay", 0, build(options), 1, build(towards(11, options))},
      {"l2: TTL 2 leaves with 1", 0, build(last_hop), 1, build(towards(11, last_hop))},
      {"l2: odd TCP flags are the backend's business", 0, build(odd_flags), 1, build(towards(11, odd_flags))},
      {"l2: a wrong TCP checksum passes on", 0, build(wrong_sum), 1, build(towards(11, wrong_sum)), false},
      {"l2: UDP without checksum", 0, build(no_sum), 1, build(towards(11, no_sum))},
  };
}

std::vector<Row> ipip_rows() {
  const Packet marked = with(kIpipTcp, [](Packet& p) { p.tos = 0xb9; });     // DSCP EF, ECT(1)
  const Packet congested = with(kIpipTcp, [](Packet& p) { p.tos = 0x03; });  // CE
  const Packet tagged = with(kIpipTcp, [](Packet& p) { p.tags = {{0x88a8, 7}, {0x8100, 0x0064}}; });
  const Packet padded = with(kIpipTcp, [](Packet& p) { p.trailer = Bytes(7, 0xaa); });
  const Packet odd = with(kIpipTcp, [](Packet& p) { p.payload = Bytes(33, 0x5a); });
  const Packet largest = with(kIpipTcp, [](Packet& p) { p.payload = Bytes(1480 - 40, 0x5a); });
  const Packet broken = with(kIpipTcp, [](Packet& p) { p.transport_checksum = 1; });
  Packet far = kIpipTcp;
  far.destination = "198.51.100.5";
  Packet far_outer = outer(far, 5);
  far_outer.to = kFarRouterMac;
  far_outer.destination = "10.9.0.5";
  Packet far_inner = far;
  --far_inner.ttl;
  return {
      {"ipip: TCP", 0, build(kIpipTcp), 1, tunnelled(kIpipTcp)},
      {"ipip: UDP", 0, build(kIpipUdp), 1, tunnelled(kIpipUdp)},
      {"ipip: DSCP and ECN are copied", 0, build(marked), 1, tunnelled(marked)},
      {"ipip: congestion experienced is copied", 0, build(congested), 1, tunnelled(congested)},
      {"ipip: VLAN tags stand before the outer header", 0, build(tagged), 1, tunnelled(tagged)},
      {"ipip: a pad is cut before the outer length is written", 0, build(padded), 1, tunnelled(padded)},
      {"ipip: an odd number of bytes", 0, build(odd), 1, tunnelled(odd)},
      {"ipip: exactly the MTU", 0, build(largest), 1, tunnelled(largest)},
      {"ipip: a wrong TCP checksum passes on", 0, build(broken), 1, tunnelled(broken), false},
      {"ipip: a backend behind a router", 0, build(far), 1, build_ipip(far_outer, far_inner)},
  };
}

Packet translated(Packet packet, unsigned number, uint16_t port) {
  packet = towards(number, packet);
  packet.destination = "10.0.0." + std::to_string(number);
  packet.dport = port;
  return packet;
}

// The payload that makes the UDP checksum of what leaves come out as 0, which is sent as 0xffff (RFC 768).
Packet that_sums_to_zero() {
  Packet packet = kNatUdp;
  packet.payload = {0, 0};
  const Bytes out = build(translated(packet, 13, 8080));
  packet.payload = {out[14 + 20 + 6], out[14 + 20 + 7]};
  return packet;
}

// And one whose checksum comes in as 0xffff.
Packet that_came_as_ffff() {
  Packet packet = kNatUdp;
  packet.payload = {0, 0};
  const Bytes in = build(packet);
  packet.payload = {in[14 + 20 + 6], in[14 + 20 + 7]};
  return packet;
}

std::vector<Row> nat_rows() {
  Packet same_port = kNatTcp;
  same_port.destination = "198.51.100.4";
  const Packet tagged = with(kNatTcp, [](Packet& p) { p.tags = {{0x8100, 0x0064}}; });
  const Packet padded = with(kNatTcp, [](Packet& p) { p.trailer = Bytes(3, 0xaa); });
  const Packet no_sum = with(kNatUdp, [](Packet& p) { p.transport_checksum = 0; });
  const Packet options = with(kNatTcp, [](Packet& p) { p.options = {1, 1, 1, 0}; });
  return {
      {"nat: address, port and both checksums", 0, build(kNatTcp), 1, build(translated(kNatTcp, 13, 8080))},
      {"nat: a backend without a port keeps the service's", 0, build(same_port), 1,
       build(translated(same_port, 14, 80))},
      {"nat: UDP", 0, build(kNatUdp), 1, build(translated(kNatUdp, 13, 8080))},
      {"nat: UDP checksum 0 stays 0", 0, build(no_sum), 1, build(translated(no_sum, 13, 8080))},
      {"nat: a computed UDP checksum 0 is sent as ffff", 0, build(that_sums_to_zero()), 1,
       build(translated(that_sums_to_zero(), 13, 8080))},
      {"nat: UDP checksum ffff comes in", 0, build(that_came_as_ffff()), 1,
       build(translated(that_came_as_ffff(), 13, 8080))},
      {"nat: a VLAN tag stays", 0, build(tagged), 1, build(translated(tagged, 13, 8080))},
      {"nat: a pad is cut", 0, build(padded), 1, build(translated(padded, 13, 8080))},
      {"nat: behind IP options", 0, build(options), 1, build(translated(options, 13, 8080))},
  };
}

Packet restored(Packet packet, uint16_t port = 80) {
  packet = towards_client(packet);
  packet.source = "198.51.100.3";
  packet.sport = port;
  return packet;
}

std::vector<Row> reply_rows() {
  const Packet tagged = with(kReplyTcp, [](Packet& p) { p.tags = {{0x8100, 0x0064}}; });
  const Packet padded = with(kReplyTcp, [](Packet& p) { p.trailer = Bytes(6, 0xaa); });
  const Packet udp = with(kReplyTcp, [](Packet& p) {
    p.protocol = 17;
    p.payload = {1, 2, 3, 4, 5};
  });
  const Packet udp_no_sum = with(kReplyTcp, [](Packet& p) {
    p.protocol = 17;
    p.transport_checksum = 0;
  });
  const Packet same_port = with(kReplyTcp, [](Packet& p) {
    p.source = "10.0.0.14";
    p.sport = 80;
  });
  Packet same_port_out = restored(same_port);
  same_port_out.source = "198.51.100.4";
  return {
      {"reply: of a flow that nobody knows", 1, build(kReplyTcp), 0, build(restored(kReplyTcp))},
      {"reply: a VLAN tag stays", 1, build(tagged), 0, build(restored(tagged))},
      {"reply: a pad is cut", 1, build(padded), 0, build(restored(padded))},
      {"reply: UDP", 1, build(udp), 0, build(restored(udp, 53))},
      {"reply: UDP without checksum", 1, build(udp_no_sum), 0, build(restored(udp_no_sum, 53))},
      {"reply: a backend without a port", 1, build(same_port), 0, build(same_port_out)},
  };
}

void run_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Pipeline pipeline;
    const Outcome outcome = pipeline.run(row.port, row.in);
    ASSERT_EQ(outcome.text(), "sent");
    EXPECT_EQ(outcome.sent[0].port, row.out_port);
    EXPECT_EQ(hex(outcome.sent[0].frame), hex(row.out));
    EXPECT_EQ(faults_in(outcome.sent[0].frame), row.right ? "" : "transport checksum; ");
  }
}

TEST(Forward, L2) {
  run_rows(l2_rows());
}
TEST(Forward, Ipip) {
  run_rows(ipip_rows());
}
TEST(Forward, Nat) {
  run_rows(nat_rows());
}
TEST(Forward, NatReplies) {
  run_rows(reply_rows());
}

// An error in a checksum is as large behind shunt as before it, so that the backend sees it.
TEST(Forward, NatKeepsTheErrorOfAWrongChecksum) {
  const Bytes right = build(translated(kNatTcp, 13, 8080));
  Bytes in = build(kNatTcp);
  set16(in, 14 + 20 + 16, (get16(in, 14 + 20 + 16) + 0x0101U) & 0xffffU);
  Pipeline pipeline;
  const Outcome outcome = pipeline.run(0, in);
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(faults_in(outcome.sent[0].frame), "transport checksum; ");
  const uint32_t off = (get16(outcome.sent[0].frame, 50) + 0xffffU - get16(right, 50)) % 0xffffU;
  EXPECT_EQ(off, 0x0101U);
}

TEST(Forward, APinnedBackendMacWins) {
  Config config = mode_config();
  config.pools[0].backends[0].mac = mac("02:00:00:00:77:77");
  config.ports[1].gateway_mac = mac("02:00:00:00:66:66");
  Pipeline pipeline(config);
  Packet out = towards(11, kTcp);
  out.to = "02:00:00:00:77:77";
  const Outcome outcome = pipeline.run(0, build(kTcp));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(out)));
}

TEST(Forward, AGatewayMacIsEveryNextHop) {
  Config config = mode_config();
  config.ports[0].gateway_mac = mac("02:00:00:00:66:66");
  config.ports[1].gateway_mac = mac("02:00:00:00:66:66");
  Pipeline pipeline(config);
  KernelView silent;
  pipeline.set_kernel(silent);
  Packet out = towards(11, kTcp);
  out.to = "02:00:00:00:66:66";
  const Outcome outcome = pipeline.run(0, build(kTcp));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(out)));
}

// encap_source as a prefix: one source a flow, all of them from the prefix, many of them over many flows.
TEST(Forward, OuterSourcesSpreadOverThePrefix) {
  Config config = mode_config();
  config.ports[1].encap_source = *Prefix::parse("10.64.0.0/24");
  Pipeline pipeline(config);
  std::map<std::string, unsigned> flows_by_source;
  for (uint16_t flow = 0; flow < 400; ++flow) {
    Packet packet = kIpipTcp;
    packet.sport = static_cast<uint16_t>(1024 + flow);
    std::string first;
    for (const uint8_t flags : {kSyn, kAck, kAck}) {
      packet.flags = flags;
      const Outcome outcome = pipeline.run(0, build(packet));
      ASSERT_EQ(outcome.text(), "sent");
      EXPECT_EQ(faults_in(outcome.sent[0].frame), "");
      const std::string source = address4(outcome.sent[0].frame, 14 + 12).text();
      EXPECT_TRUE(Prefix::parse("10.64.0.0/24")->contains(ip(source))) << source;
      if (first.empty()) first = source;
      EXPECT_EQ(source, first) << "a flow has one outer source";
      packet.sequence = 1001;
    }
    ++flows_by_source[first];
  }
  EXPECT_GT(flows_by_source.size(), 100U);
}

// RFC 6864 4.1: where DF is clear inside it is clear outside, and no two outer headers between the same
// addresses have one identification, whatever the inner ones have.
TEST(Forward, OuterIdentificationsAreUnlike) {
  Pipeline pipeline;
  std::set<uint16_t> seen;
  for (uint16_t flow = 0; flow < 500; ++flow) {
    Packet packet = with(kIpipUdp, [](Packet& p) { p.dont_fragment = false; });
    packet.sport = static_cast<uint16_t>(1024 + flow);
    const Outcome outcome = pipeline.run(0, build(packet));
    ASSERT_EQ(outcome.text(), "sent");
    const Bytes& frame = outcome.sent[0].frame;
    EXPECT_EQ(faults_in(frame), "");
    seen.insert(get16(frame, 14 + 4));
    Packet around = outer(packet, 12);
    around.id = get16(frame, 14 + 4);
    around.dont_fragment = false;
    --packet.ttl;
    EXPECT_EQ(hex(frame), hex(build_ipip(around, packet)));
  }
  EXPECT_EQ(seen.size(), 500U);
}

// Nor of two workers.
TEST(Forward, WorkersGiveUnlikeIdentifications) {
  constexpr unsigned kWorkers = 3;
  std::set<uint16_t> seen;
  std::vector<OuterIds> workers(kWorkers, OuterIds(HashKey{}));
  for (unsigned turn = 0; turn < 65'536 / 4; ++turn) {
    for (unsigned i = 0; i < kWorkers; ++i)
      EXPECT_TRUE(seen.insert(workers[i].next(be32(0x0a00000c), i, kWorkers)).second);
  }
}

// What the kernel sends to a host_interface leaves by that port, as it is.
TEST(Forward, FramesOfTheKernelLeaveUnchanged) {
  Pipeline pipeline;
  const Bytes frame = build(Arp{.from = kPort0Mac, .target = "192.0.2.1", .trailer = Bytes(4, 1)});
  const Outcome outcome = pipeline.from_host(0, frame);
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(outcome.sent[0].port, 0);
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(frame));
}

// And what it sends to the port's second MAC is for a VIP: received like any other.
TEST(Forward, FramesOfTheKernelForAVipGoIn) {
  Pipeline pipeline;
  Packet packet = kTcp;
  packet.source = "192.0.2.2";
  packet.to = kHost0Mac;
  packet.from = kPort0Mac;
  const Outcome outcome = pipeline.from_host(0, build(packet));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(outcome.sent[0].port, 1);
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(towards(11, packet))));
}

}  // namespace
}  // namespace shunt::packet
