// What goes to the kernel, and how; what the punt thread makes of it, and what it answers itself.
#include "tests/packet/punt_harness.h"

#include "tests/packet/packet_reader.h"

namespace shunt::packet {
namespace {

struct Row {
  const char* name;
  uint8_t port;
  Bytes in;
  bool urgent;
};

std::vector<Row> punted_rows() {
  const std::string host = "192.0.2.2";
  Bytes cut_arp = build(Arp{});
  cut_arp.resize(20);
  return {
      {"TCP to the host", 0, build(Packet{.destination = host, .dport = 22}), false},
      {"TTL 1 to the host is the host's", 0, build(Packet{.destination = host, .ttl = 1}), false},
      {"a fragment to the host", 0,
       build(Packet{.destination = host, .dont_fragment = false, .fragment = 0x2000}), false},
      {"a wrong header checksum to the host", 0, build(Packet{.destination = host, .ip_checksum = 1}), false},
      {"DHCP", 0,
       build(Packet{.to = "ff:ff:ff:ff:ff:ff",
                    .source = "0.0.0.0",
                    .destination = "255.255.255.255",
                    .protocol = 17,
                    .sport = 68,
                    .dport = 67}),
       false},
      {"subnet broadcast", 0,
       build(Packet{.to = "ff:ff:ff:ff:ff:ff", .destination = "192.0.2.255", .protocol = 17}), false},
      {"multicast", 0,
       build(Packet{
           .to = "01:00:5e:00:00:05", .destination = "224.0.0.5", .protocol = 89, .payload = Bytes(20, 0)}),
       false},
      {"ping to the host", 0, build(Packet{.destination = host, .protocol = 1, .payload = Bytes(8, 0)}),
       false},
      {"padded, kept whole", 0, build(Packet{.destination = host, .trailer = Bytes(6, 1)}), false},
      {"tagged", 0, build(Packet{.tags = {{0x8100, 5}}, .destination = host}), false},
      {"LLDP", 0, build(Packet{.to = "01:80:c2:00:00:0e", .ether_type = 0x88cc}), false},
      {"three tags", 0, build(Packet{.tags = {{0x8100, 1}, {0x8100, 2}, {0x8100, 3}}}), false},
      {"IPv6 to the host", 0, build(Packet{.source = "2001:db8::7", .destination = "2001:db8::1"}), false},
      {"IPv6 from an IPv4 nat backend's address is no reply", 1,
       build(Packet{.to = kPort1Mac,
                    .source = "::ffff:10.0.0.13",
                    .destination = "2001:db8::7",
                    .sport = 8080,
                    .flags = kAck}),
       false},
      {"ARP", 0, build(Arp{}), true},
      {"a cut ARP", 0, cut_arp, true},
      {"neighbour discovery", 0,
       build(Packet{
           .source = "2001:db8::7", .destination = "2001:db8::1", .protocol = 58, .payload = Bytes(24, 0)}),
       true},
      {"BGP to the host", 0, build(Packet{.destination = host, .dport = 179}), true},
      {"BGP from a peer", 0, build(Packet{.destination = host, .sport = 179, .dport = 40000}), true},
      {"BFD", 0, build(Packet{.destination = host, .protocol = 17, .dport = 3784}), true},
      {"BFD echo", 0, build(Packet{.destination = host, .protocol = 17, .dport = 3785}), true},
      {"BFD multihop", 0, build(Packet{.destination = host, .protocol = 17, .dport = 4784}), true},
      {"not BFD", 0, build(Packet{.destination = host, .protocol = 17, .dport = 3786}), false},
      {"179 by UDP isn't BGP", 0, build(Packet{.destination = host, .protocol = 17, .dport = 179}), false},
  };
}

TEST(Punt, RowsReachTheKernelUnchanged) {
  for (const Row& row : punted_rows()) {
    SCOPED_TRACE(row.name);
    Pipeline pipeline;
    const Outcome outcome = pipeline.run(row.port, row.in);
    ASSERT_EQ(outcome.text(), "punted");
    EXPECT_EQ(outcome.punted[0].port, row.port);
    EXPECT_EQ(outcome.punted[0].urgent, row.urgent);
    EXPECT_FALSE(outcome.punted[0].restored);
    EXPECT_EQ(hex(outcome.punted[0].frame), hex(row.in));
  }
}

TEST(Punt, AHealthAnswerGoesBeforeTheRest) {
  Config config = mode_config();
  config.pools[0].health.emplace();
  Pipeline pipeline(config);
  const Packet answer{.to = kPort1Mac, .source = "10.0.0.11", .destination = "10.0.0.1", .sport = 80};
  Packet other = answer;
  other.source = "10.0.0.12";  // of a pool that isn't checked
  EXPECT_TRUE(pipeline.run(1, build(answer)).punted.at(0).urgent);
  EXPECT_FALSE(pipeline.run(1, build(other)).punted.at(0).urgent);
}

// ARP is carried without a host_interface too: the punt thread answers for VIPs.
TEST(Punt, ArpNeedsNoHostInterface) {
  Pipeline pipeline(mode_config(), {.host_interfaces = false});
  EXPECT_EQ(pipeline.run(0, build(Arp{})).text(), "punted");
}

// --- nat: which packets of a backend are replies ---

const Packet kToNat{.source = "192.0.2.2", .destination = "198.51.100.3"};  // the host is its own client
const Packet kReplyToHost{.to = kPort1Mac,
                          .from = backend_mac(13),
                          .source = "10.0.0.13",
                          .destination = "192.0.2.2",
                          .sport = 8080,
                          .dport = 40000,
                          .flags = kSyn | kAck};

TEST(Punt, AReplyToANodeAddressIsAHealthAnswerWhenNoFlowIsKnown) {
  Pipeline pipeline;
  const Outcome outcome = pipeline.run(1, build(kReplyToHost));
  ASSERT_EQ(outcome.text(), "punted");
  EXPECT_FALSE(outcome.punted[0].restored);
  EXPECT_EQ(hex(outcome.punted[0].frame), hex(build(kReplyToHost)));
}

void expect_restored(const Outcome& outcome) {
  Packet restored = kReplyToHost;
  restored.source = "198.51.100.3";
  restored.sport = 80;
  ASSERT_EQ(outcome.text(), "punted");
  EXPECT_TRUE(outcome.punted[0].restored);
  EXPECT_EQ(hex(outcome.punted[0].frame), hex(build(restored))) << "no hop less: it has arrived";
}

TEST(Punt, AReplyToANodeAddressIsRestoredWhenProbationKnowsTheFlow) {
  Pipeline pipeline;
  ASSERT_EQ(pipeline.run(0, build(kToNat)).destination(), "10.0.0.13");
  expect_restored(pipeline.run(1, build(kReplyToHost)));
}

TEST(Punt, AReplyToANodeAddressIsRestoredWhenTheTableKnowsTheFlow) {
  Pipeline pipeline;
  Packet packet = kToNat;
  pipeline.run(0, build(packet));
  packet.flags = kAck;
  packet.sequence = 1001;
  pipeline.run(0, build(packet));
  ASSERT_EQ(pipeline.tracked_entries(), 1U);
  ASSERT_EQ(pipeline.waiting_entries(), 0U);
  expect_restored(pipeline.run(1, build(kReplyToHost)));
}

struct NotAReply {
  const char* name;
  uint8_t port;
  Packet packet;
};

TEST(Punt, WhatIsNoReplyIsPuntedUntouched) {
  Packet reply = kReplyToHost;
  reply.destination = "203.0.113.7";
  std::vector<NotAReply> rows;
  rows.push_back({"by another port than its backend's", 0, reply});
  rows.back().packet.to = kPort0Mac;
  rows.push_back({"from another source port", 1, reply});
  rows.back().packet.sport = 8081;
  rows.push_back({"from another address", 1, reply});
  rows.back().packet.source = "10.0.0.15";
  rows.push_back({"by a protocol that no service has", 1, reply});
  rows.back().packet.protocol = 47;
  rows.back().packet.payload = Bytes(30, 0);
  rows.push_back({"a fragment", 1, reply});
  rows.back().packet.dont_fragment = false;
  rows.back().packet.fragment = 0x2000;
  rows.push_back({"an l2 backend's packet", 1, reply});
  rows.back().packet.source = "10.0.0.11";
  rows.back().packet.sport = 80;
  for (const NotAReply& row : rows) {
    SCOPED_TRACE(row.name);
    Pipeline pipeline;
    const Outcome outcome = pipeline.run(row.port, build(row.packet));
    ASSERT_EQ(outcome.text(), "punted");
    EXPECT_EQ(hex(outcome.punted[0].frame), hex(build(row.packet)));
  }
}

// A backend that is itself a client of a VIP: its destination is the VIP, so it isn't a reply.
TEST(Punt, ABackendMayBeAClient) {
  Pipeline pipeline;
  Packet packet = kReplyToHost;
  packet.destination = "198.51.100.1";
  packet.dport = 80;
  EXPECT_EQ(pipeline.run(1, build(packet)).destination(), "198.51.100.1") << "l2";
}

// The first reply to an on-link client takes the MAC that the client's own packet came from; the kernel's
// word wins.
TEST(Punt, TheFirstReplyToAnOnLinkClientNeedsNoKernel) {
  Pipeline pipeline;
  Packet packet{.from = "02:00:00:00:cc:01", .source = "192.0.2.77", .destination = "198.51.100.3"};
  ASSERT_EQ(pipeline.run(0, build(packet)).destination(), "10.0.0.13");
  Packet reply = kReplyToHost;
  reply.destination = "192.0.2.77";
  Packet wanted = reply;
  wanted.to = "02:00:00:00:cc:01";
  wanted.from = kPort0Mac;
  wanted.source = "198.51.100.3";
  wanted.sport = 80;
  --wanted.ttl;
  Outcome outcome = pipeline.run(1, build(reply));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(wanted)));
  EXPECT_TRUE(pipeline.state().questions.pop().has_value()) << "and the kernel is asked";
  KernelView view = kernel_view();
  view.neighbours.push_back({0, ip("192.0.2.77"), mac("02:00:00:00:cc:02")});
  pipeline.set_kernel(view);
  wanted.to = "02:00:00:00:cc:02";
  outcome = pipeline.run(1, build(reply));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(wanted)));
  EXPECT_FALSE(pipeline.state().questions.pop().has_value());
}

}  // namespace
}  // namespace shunt::packet
