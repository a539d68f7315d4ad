// Too big for the way out: IPv4 without DF leaves in pieces, each in an outer header of its own, and the
// backend puts together what the client sent.
//
//   client ── 3,000 bytes, DF clear ── [shunt] ── pieces of at most 1,500 ── backend
#include <numeric>

#include "tests/packet/fragment_builder.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

Packet big(const std::string& vip, size_t payload = 3000) {
  Packet packet{
      .destination = vip, .dont_fragment = false, .protocol = 17, .dport = 53, .payload = Bytes(payload)};
  std::iota(packet.payload.begin(), packet.payload.end(), uint8_t{1});
  return packet;
}

Bytes ip_of(const Bytes& frame) {
  return slice(frame, l3_offset(frame), frame.size());
}

struct Mode {
  const char* name;
  std::string vip;
  size_t outer_bytes;
  std::string translated_to;
};
std::vector<Mode> modes() {
  return {{"l2", "198.51.100.1", 0, ""},           {"ipip 4in4", "198.51.100.2", 20, ""},
          {"nat", "198.51.100.3", 0, "10.0.0.13"}, {"ipip 4in6", "198.51.100.11", 40, ""},
          {"gue 4in6", "198.51.100.12", 48, ""},   {"gue 4in4", "198.51.100.13", 28, ""}};
}

Packet expected(const Mode& mode, Packet packet) {
  --packet.ttl;
  if (mode.translated_to.empty()) return packet;
  packet.destination = mode.translated_to;
  packet.dport = 8080;
  return packet;
}

// The packets inside; what is outside is looked at.
std::vector<Bytes> inside(const Outcome& outcome, const Mode& mode) {
  std::vector<Bytes> packets;
  std::vector<unsigned> ids;
  for (const SentFrame& sent : outcome.sent) {
    const Bytes packet = ip_of(sent.frame);
    EXPECT_LE(packet.size(), 1500U);
    EXPECT_EQ(sent.port, 1);
    const bool v4 = packet[0] >> 4U == 4;
    if (mode.outer_bytes != 0 && v4) {
      EXPECT_EQ(internet_checksum(slice(packet, 0, 20)), 0);
      EXPECT_EQ(get16(packet, 2), packet.size());
      EXPECT_EQ(get16(packet, 6), 0) << "the outer packet is whole, and may be cut on its way";
      ids.push_back(get16(packet, 4));
    }
    packets.push_back(slice(packet, mode.outer_bytes, packet.size()));
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  return packets;
}

TEST(Cut, EveryModeCarriesItInPieces) {
  for (const Mode& mode : modes()) {
    for (const size_t payload : {1480U, 2000U, 3000U, 9000U, 65'000U}) {
      SCOPED_TRACE(std::string(mode.name) + " payload " + std::to_string(payload));
      const Packet packet = big(mode.vip, payload);
      Pipeline pipeline(six_config());
      const Outcome outcome = pipeline.run(0, build(packet));
      EXPECT_TRUE(outcome.dropped.empty()) << outcome.text();
      ASSERT_GT(outcome.sent.size(), 1U);
      EXPECT_EQ(hex(reassemble(inside(outcome, mode))), hex(ip_bytes(expected(mode, packet))));
      const Ledger sum = pipeline.total();
      EXPECT_EQ(sum.originated, sum.sent - 1) << "each further piece";
      const PairCounters& pair =
          pipeline.state().pairs[pipeline.service(mode.vip, 53, Protocol::udp).pools[0].pairs];
      EXPECT_EQ(pair.packets.read(), 1U);
      EXPECT_EQ(pair.bytes.read(), build(packet).size());
    }
  }
}

TEST(Cut, NothingThatFits) {
  for (const Mode& mode : modes()) {
    SCOPED_TRACE(mode.name);
    const size_t fits = 1500 - mode.outer_bytes - 28;
    Pipeline pipeline(six_config());
    EXPECT_EQ(pipeline.run(0, build(big(mode.vip, fits))).text(), "sent");
    EXPECT_EQ(pipeline.run(0, build(big(mode.vip, fits + 1))).text(), "sent sent");
  }
}

TEST(Cut, NothingThatMayNotBe) {
  Config config = six_config();
  for (ServiceConfig& service : config.services) {
    if (service.address == *Prefix::parse("198.51.100.2")) service.too_big = TooBig::drop;
  }
  Pipeline pipeline(config);
  EXPECT_EQ(pipeline.run(0, build(big("198.51.100.2"))).text(), "too_big") << "its service says so";
  Packet marked = big("198.51.100.1");
  marked.dont_fragment = true;
  EXPECT_EQ(pipeline.run(0, build(marked)).text(), "sent too_big") << "the client is told";
  Packet six = big("2001:db8:a::1");
  six.source = "2001:db8:9::7";
  EXPECT_EQ(pipeline.run(0, build(six)).text(), "sent too_big") << "RFC 8200: no router cuts";
}

TEST(Cut, TagsStayOnEveryPiece) {
  for (const Mode& mode : modes()) {
    SCOPED_TRACE(mode.name);
    Packet packet = big(mode.vip);
    packet.tags = {{0x8100, 7}};
    Pipeline pipeline(six_config());
    const Outcome outcome = pipeline.run(0, build(packet));
    for (const SentFrame& sent : outcome.sent)
      EXPECT_EQ(hex(slice(sent.frame, 12, 16)), "8100 0007");
    EXPECT_EQ(hex(reassemble(inside(outcome, mode))), hex(ip_bytes(expected(mode, packet))));
  }
}

// RFC 791 3.1: the copied bit of an option's type.
TEST(Cut, OptionsAreCopiedWhereTheySaySo) {
  Packet packet = big("198.51.100.1");
  packet.options = {68, 4, 5, 0, 1, 134, 6, 0, 0, 0, 9, 0};  // timestamp; a pad; CIPSO, copied; end
  Pipeline pipeline(six_config());
  const Outcome outcome = pipeline.run(0, build(packet));
  ASSERT_EQ(outcome.sent.size(), 3U);
  EXPECT_EQ(hex(slice(ip_of(outcome.sent[0].frame), 20, 32)), hex(packet.options));
  for (size_t i = 1; i < 3; ++i) {
    const Bytes piece = ip_of(outcome.sent[i].frame);
    ASSERT_EQ(head_bytes(piece), 28U);
    EXPECT_EQ(hex(slice(piece, 20, 28)), hex({134, 6, 0, 0, 0, 9, 0, 0}));
    EXPECT_EQ(internet_checksum(slice(piece, 0, 28)), 0);
  }
  EXPECT_EQ(hex(reassemble(
                {ip_of(outcome.sent[2].frame), ip_of(outcome.sent[0].frame), ip_of(outcome.sent[1].frame)})),
            hex(ip_bytes(expected({}, packet))));
}

TEST(Cut, AFragmentIsCutAgain) {
  for (const Mode& mode : modes()) {
    SCOPED_TRACE(mode.name);
    const Packet packet = big(mode.vip, 5000);
    Pipeline pipeline(six_config());
    std::vector<Bytes> arrived;
    std::vector<Bytes> parts = fragments(ip_bytes(packet), 1800);
    std::swap(parts[0], parts[1]);
    for (const Bytes& part : parts) {
      for (const Bytes& packet_inside : inside(pipeline.run(0, ethernet_bytes(packet, part)), mode))
        arrived.push_back(packet_inside);
    }
    EXPECT_GT(arrived.size(), parts.size());
    EXPECT_EQ(hex(reassemble(arrived)), hex(ip_bytes(expected(mode, packet))));
  }
}

TEST(Cut, RepliesToTheClientsPort) {
  const Packet reply{.to = kPort1Mac,
                     .from = backend_mac(13),
                     .source = "10.0.0.13",
                     .destination = "203.0.113.7",
                     .dont_fragment = false,
                     .protocol = 17,
                     .sport = 8080,
                     .payload = big("").payload};
  Pipeline pipeline(six_config());
  const Outcome outcome = pipeline.run(1, build(reply));
  ASSERT_EQ(outcome.text(), "sent sent sent");
  std::vector<Bytes> packets;
  for (const SentFrame& sent : outcome.sent) {
    EXPECT_EQ(sent.port, 0);
    EXPECT_LE(sent.frame.size(), 1514U);
    packets.push_back(ip_of(sent.frame));
  }
  Packet restored = reply;
  restored.source = "198.51.100.3";
  restored.sport = 53;
  --restored.ttl;
  EXPECT_EQ(hex(reassemble(packets)), hex(ip_bytes(restored)));
}

// --- jumbo frames ---

Config jumbo_config(uint16_t mtu0, uint16_t mtu1) {
  Config config = six_config();
  config.ports[0].mtu = mtu0;
  config.ports[1].mtu = mtu1;
  return config;
}

TEST(Cut, JumboFramesPassWhole) {
  for (const Mode& mode : modes()) {
    SCOPED_TRACE(mode.name);
    Pipeline pipeline(jumbo_config(9000, 9000));
    Packet packet = big(mode.vip, 9000 - 28 - mode.outer_bytes);
    packet.dont_fragment = true;
    const Outcome outcome = pipeline.run(0, build(packet));
    ASSERT_EQ(outcome.text(), "sent");
    EXPECT_EQ(ip_of(outcome.sent[0].frame).size(), 9000U);
    packet.payload.push_back(1);
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent too_big");
  }
}

TEST(Cut, JumboFramesAreCutForASmallerPort) {
  const Packet packet = big("198.51.100.2", 8000);
  Pipeline pipeline(jumbo_config(9000, 1500));
  const Outcome outcome = pipeline.run(0, build(packet));
  EXPECT_EQ(outcome.sent.size(), 6U);
  EXPECT_EQ(hex(reassemble(inside(outcome, modes()[1]))), hex(ip_bytes(expected(modes()[1], packet))));
}

}  // namespace
}  // namespace shunt::packet
