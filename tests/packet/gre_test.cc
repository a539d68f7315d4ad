// gre, RFC 2784: the four mixes of families, byte for byte.
//
//   outer IPv4 or IPv6 │ 00 00, the EtherType of what follows │ the client's packet, one hop less
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

const std::string kSource6 = "2001:db8:1::a";
const std::string kBackend6 = "2001:db8:1::11";
const std::string kVip4 = "198.51.100.1";
const std::string kVip6 = "2001:db8::1";

// Port 80 of both VIPs is behind 10.0.0.12, port 81 behind kBackend6.
Config gre_config() {
  Config config = bare_config();
  config.ports[1].addresses.push_back(*Prefix::parse("2001:db8:1::1/64"));
  config.ports[1].encap_source6 = *Prefix::parse(kSource6);
  PoolConfig six;
  six.name = "six";
  six.slots = 1021;
  six.backends = {backend("six", kBackend6)};
  config.pools = {pool("four", 12, 1), six};
  for (const std::string& vip : {kVip4, kVip6}) {
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
      config.services.push_back(service(vip, 80, "four", Forward::gre, protocol));
      config.services.push_back(service(vip, 81, "six", Forward::gre, protocol));
    }
  }
  return config;
}

KernelView gre_kernel() {
  KernelView view = kernel_view();
  view.routes.push_back({*Prefix::parse("2001:db8:1::/64"), 1, std::nullopt});
  view.neighbours.push_back({1, ip(kBackend6), mac(backend_mac(11))});
  return view;
}

Packet client_packet(bool v4_inside, bool v4_outside, uint8_t protocol, size_t payload) {
  Packet packet;
  if (!v4_inside) packet.source = "2001:db8:9::7";
  packet.destination = v4_inside ? kVip4 : kVip6;
  packet.protocol = protocol;
  packet.dport = v4_outside ? 80 : 81;
  packet.tos = 0xb9;  // EF, ECT(1)
  packet.payload = Bytes(payload, 0xa5);
  return packet;
}

// What must leave for it.
Bytes wanted(const Packet& packet, bool v4_outside) {
  Packet inside = packet;
  --inside.ttl;
  inside.trailer = {};
  Packet around;
  around.to = backend_mac(v4_outside ? 12 : 11);
  around.from = kPort1Mac;
  around.tags = packet.tags;
  around.source = v4_outside ? "10.0.0.10" : kSource6;
  around.destination = v4_outside ? "10.0.0.12" : kBackend6;
  around.tos = packet.tos;
  around.id = 0;  // it can't be cut: RFC 6864 leaves it free
  around.protocol = 47;
  around.payload = {0, 0};
  put16(around.payload, ip(packet.destination).is_v4() ? 0x0800 : 0x86dd);
  put(around.payload, ip_bytes(inside));
  return build(around);
}

TEST(Gre, EveryMixOfFamilies) {
  for (const bool v4_inside : {true, false}) {
    for (const bool v4_outside : {true, false}) {
      for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
        for (const size_t bytes : {0U, 1U, 100U, 1001U}) {
          SCOPED_TRACE((v4_inside ? "4in" : "6in") + std::string(v4_outside ? "4" : "6") + " protocol " +
                       std::to_string(protocol) + ", " + std::to_string(bytes) + " bytes");
          const Packet packet = client_packet(v4_inside, v4_outside, protocol, bytes);
          Pipeline pipeline(gre_config());
          pipeline.set_kernel(gre_kernel());
          const Outcome outcome = pipeline.run(0, build(packet));
          ASSERT_EQ(outcome.text(), "sent");
          EXPECT_EQ(hex(outcome.sent[0].frame), hex(wanted(packet, v4_outside)));
        }
      }
    }
  }
}

// DF clear inside a GRE header over IPv4 is clear outside; the checksum is right.
TEST(Gre, WhatMayBeCutMayBeCutOutside) {
  Packet packet = client_packet(true, true, 17, 10);
  packet.dont_fragment = false;
  Pipeline pipeline(gre_config());
  pipeline.set_kernel(gre_kernel());
  const Outcome outcome = pipeline.run(0, build(packet));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(get16(outcome.sent[0].frame, 14 + 6), 0);
  EXPECT_EQ(faults_in(outcome.sent[0].frame), "");
}

TEST(Gre, TagsStandBeforeTheOuterHeader) {
  for (const bool v4_outside : {true, false}) {
    Packet packet = client_packet(true, v4_outside, 6, 10);
    packet.tags = {{0x88a8, 0x2005}, {0x8100, 0xe064}};
    packet.trailer = Bytes(5, 0xee);
    Pipeline pipeline(gre_config());
    pipeline.set_kernel(gre_kernel());
    const Outcome outcome = pipeline.run(0, build(packet));
    ASSERT_EQ(outcome.text(), "sent");
    EXPECT_EQ(hex(outcome.sent[0].frame), hex(wanted(packet, v4_outside)));
  }
}

// 24 bytes over IPv4, 44 over IPv6.
TEST(Gre, TheLargestPacketThatFits) {
  for (const bool v4_outside : {true, false}) {
    const size_t room = 1500U - (v4_outside ? 24U : 44U) - 40U;
    const Packet fits = client_packet(true, v4_outside, 6, room);
    const Packet too_big = client_packet(true, v4_outside, 6, room + 1);
    Pipeline pipeline(gre_config());
    pipeline.set_kernel(gre_kernel());
    const Outcome sent = pipeline.run(0, build(fits));
    ASSERT_EQ(sent.text(), "sent");
    EXPECT_EQ(sent.sent[0].frame.size(), 14U + 1500U);
    const Outcome refused = pipeline.run(0, build(too_big));
    ASSERT_EQ(refused.text(), "sent too_big");
    EXPECT_EQ(get16(refused.sent[0].frame, 14 + 20 + 6), 40 + room) << "the MTU that the client is told";
  }
}

}  // namespace
}  // namespace shunt::packet
