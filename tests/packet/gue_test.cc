// GUE, both variants, byte for byte; over IPv6 the outer UDP checksum, which must be right over everything
// behind it, and isn't made by reading it all.
//
//   outer IPv6 │ UDP 6080 │ variant 0: 00, 4 or 41, 00 00 │ the client's packet, one hop less
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

const std::string kSource = "2001:db8:1::a";
const std::string kBackend = "2001:db8:1::11";

Config gue_config(uint8_t variant) {
  Config config = bare_config();
  config.ports[1].addresses.push_back(*Prefix::parse("2001:db8:1::1/64"));
  config.ports[1].encap_source6 = *Prefix::parse(kSource);
  PoolConfig six;
  six.name = "six";
  six.slots = 1021;
  six.backends = {backend("six", kBackend)};
  config.pools = {six};
  for (const std::string vip : {"198.51.100.1", "2001:db8::1"}) {
    config.services.push_back(service(vip, 80, "six", Forward::gue));
    config.services.push_back(service(vip, 53, "six", Forward::gue, Protocol::udp));
  }
  for (ServiceConfig& service : config.services)
    service.gue_variant = variant;
  return config;
}

KernelView gue_kernel() {
  KernelView view = kernel_view();
  view.routes.push_back({*Prefix::parse("2001:db8:1::/64"), 1, std::nullopt});
  view.neighbours.push_back({1, ip(kBackend), mac(backend_mac(11))});
  return view;
}

void check_variant(const Packet& packet, uint8_t variant) {
  SCOPED_TRACE("variant " + std::to_string(variant));
  Pipeline pipeline(gue_config(variant));
  pipeline.set_kernel(gue_kernel());
  const Outcome outcome = pipeline.run(0, build(packet));
  ASSERT_EQ(outcome.text(), "sent");
  const Bytes& frame = outcome.sent[0].frame;
  Packet inside = packet;
  --inside.ttl;
  const Bytes inner = ip_bytes(inside);
  Bytes behind_udp;  // draft-ietf-intarea-gue 3.1: version 0, no control message, Hlen 0; protocol; flags
  if (variant == 0) behind_udp = {0, ip(packet.destination).is_v4() ? uint8_t{4} : uint8_t{41}, 0, 0};
  put(behind_udp, inner);
  ASSERT_EQ(frame.size(), 14 + 40 + 8 + behind_udp.size());
  EXPECT_EQ(hex(Bytes(frame.begin() + 62, frame.end())), hex(behind_udp));
  EXPECT_EQ(get16(frame, 58), 8 + behind_udp.size());
  EXPECT_EQ(get16(frame, 18), 8 + behind_udp.size());
  Bytes covered = pseudo_header(ip(kSource), ip(kBackend), 17, 8 + behind_udp.size());
  put(covered, Bytes(frame.begin() + 54, frame.end()));
  EXPECT_EQ(internet_checksum(covered), 0);
  EXPECT_NE(get16(frame, 60), 0) << "there is no such thing as no checksum over IPv6";
  EXPECT_EQ(get16(frame, 56), 6080);
  EXPECT_GE(get16(frame, 54), 49152);
}

void check(const Packet& packet) {
  check_variant(packet, 1);
  check_variant(packet, 0);
}

TEST(Gue, ChecksumsOverIpv6AreRight) {
  const Packet four;
  const Packet six{.source = "2001:db8:9::7", .destination = "2001:db8::1"};
  for (const Packet& base : {four, six}) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const size_t bytes : {0U, 1U, 100U, 1001U}) {
        SCOPED_TRACE(base.destination + " protocol " + std::to_string(protocol) + " " +
                     std::to_string(bytes));
        Packet packet = base;
        packet.protocol = protocol;
        packet.dport = protocol == 6 ? 80 : 53;
        packet.tos = 0xb9;
        packet.payload = Bytes(bytes, 0xa5);
        check(packet);
      }
    }
  }
}

// Known flows change over as well.
TEST(Gue, AReloadChangesTheVariant) {
  Pipeline pipeline(gue_config(1));
  pipeline.set_kernel(gue_kernel());
  const auto first_byte = [&](uint8_t flags) {
    const Outcome outcome = pipeline.run(0, build(Packet{.flags = flags}));
    return outcome.sent.size() == 1 ? outcome.sent[0].frame.at(14 + 40 + 8) : 0xff;
  };
  EXPECT_EQ(first_byte(kSyn), 0x45);
  pipeline.reload(gue_config(0));
  EXPECT_EQ(first_byte(kAck), 0x00);
  pipeline.reload(gue_config(1));
  EXPECT_EQ(first_byte(kAck), 0x45);
}

TEST(Gue, ADatagramWithoutAChecksumIsSummedWhole) {
  check(Packet{.protocol = 17, .dport = 53, .payload = Bytes(77, 0x5a), .transport_checksum = 0});
}

// RFC 9868: options stand behind the UDP length, where the datagram's checksum (any here) doesn't reach.
TEST(Gue, BytesBehindADatagramAreSummedToo) {
  check(Packet{.protocol = 17,
               .dport = 53,
               .payload = Bytes(77, 0x5a),
               .udp_bytes = 40,
               .transport_checksum = 0x1234});
  check(Packet{.source = "2001:db8:9::7",
               .destination = "2001:db8::1",
               .protocol = 17,
               .dport = 53,
               .payload = Bytes(78, 0x5a),
               .udp_bytes = 41,
               .transport_checksum = 0x1234});
}

}  // namespace
}  // namespace shunt::packet
