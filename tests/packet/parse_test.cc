// parse on bytes that nobody would send: nothing is read outside the frame, and what a view says lies inside
// it.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "dataplane/stages.h"
#include "tests/packet/network.h"

namespace shunt::packet {
namespace {

PortState port_state() {
  PortState port;
  port.mac = mac(kPort0Mac);
  port.broadcasts = {ip("192.0.2.255").v4()};
  return port;
}

// A burst of one frame, which lies in a heap block of exactly its size.
struct Parsed {
  explicit Parsed(const Bytes& frame) : block(std::make_unique<uint8_t[]>(frame.size())), burst(new Burst) {
    std::copy(frame.begin(), frame.end(), block.get());
    burst->packet[0].set_frame({block.get(), static_cast<uint32_t>(frame.size()), nullptr});
    burst->start(0, 1);
    static const PortState port = port_state();
    parse(*burst, port);
    if (burst->live != 0) expect_inside(static_cast<uint32_t>(frame.size()));
  }
  const PacketView& view() const { return burst->packet[0].view; }
  bool is_live() const { return burst->live != 0; }

  void expect_inside(uint32_t bytes) const {
    ASSERT_LE(view().l3_offset, bytes);
    if (view().has_defect || !view().is_ip()) return;
    ASSERT_LE(view().frame_bytes(), bytes);
    if (view().l4_offset == 0) return;
    const unsigned header = view().protocol == kProtocolTcp ? 20U : 8U;
    ASSERT_LE(view().l4_offset + header + view().payload_bytes, view().frame_bytes());
  }

  std::unique_ptr<uint8_t[]> block;
  std::unique_ptr<Burst> burst;
};

std::vector<Packet> samples() {
  return {
      {},
      {.tags = {{0x8100, 100}}},
      {.tags = {{0x88a8, 1}, {0x8100, 2}}, .payload = Bytes(30, 7)},
      {.options = {1, 68, 4, 5, 0, 0, 0, 0}, .payload = Bytes(9, 7)},
      {.protocol = 17, .dport = 53, .payload = Bytes(12, 7)},
      {.flags = kSyn, .tcp_options = {2, 4, 5, 180, 1, 1, 1, 0}},
      {.source = "2001:db8::7", .destination = "2001:db8::1", .payload = Bytes(11, 7)},
      {.source = "2001:db8::7", .destination = "2001:db8::1", .protocol = 17, .payload = Bytes(11, 7)},
      {.protocol = 1, .payload = Bytes(8, 0)},
      {.dont_fragment = false, .fragment = 0x2000, .payload = Bytes(12, 7)},
      {.source = "2001:db8::7",
       .destination = "2001:db8::1",
       .extensions = {{0, {0, 1, 4, 0, 0, 0, 0}}, {44, {0, 0, 0, 1, 2, 3, 4}}, {60, {0, 1, 4, 0, 0, 0, 0}}},
       .protocol = 17,
       .payload = Bytes(11, 7)},
      {.source = "2001:db8::7",
       .destination = "2001:db8::1",
       .extensions = {{44, {0, 0, 1, 1, 2, 3, 4}}, {60, {0, 1, 4, 0, 0, 0, 0}}},
       .protocol = 17,
       .payload = Bytes(16, 7)},
  };
}

TEST(Parse, WholePackets) {
  for (const Packet& packet : samples()) {
    const Parsed parsed(build(packet));
    ASSERT_TRUE(parsed.is_live());
    EXPECT_EQ(parsed.view().l3_offset, 14 + packet.tags.size() * 4);
    EXPECT_EQ(parsed.view().ip_bytes, ip_bytes(packet).size());
    if (packet.fragment != 0 || (packet.protocol != 6 && packet.protocol != 17)) continue;
    EXPECT_FALSE(parsed.view().has_defect);
    EXPECT_EQ(parsed.view().sport(parsed.block.get()).host(), packet.sport);
    EXPECT_EQ(parsed.view().dport(parsed.block.get()).host(), packet.dport);
    EXPECT_EQ(parsed.view().payload_bytes, packet.payload.size());
    if (packet.protocol != 6) continue;
    EXPECT_EQ(parsed.view().tcp_sequence(parsed.block.get()), packet.sequence);
    EXPECT_EQ(parsed.view().tcp_flags, packet.flags);
  }
}

TEST(Parse, EveryTruncation) {
  for (const Packet& packet : samples()) {
    const Bytes whole = build(packet);
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      const Parsed parsed(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes)));
      if (parsed.is_live()) {
        EXPECT_TRUE(parsed.view().has_defect) << bytes << " of " << whole.size();
      } else {
        EXPECT_EQ(parsed.burst->reason[0], DropReason::truncated);
      }
    }
  }
}

// Every single byte of every sample, with every value.
TEST(Parse, EveryByteChanged) {
  for (const Packet& packet : samples()) {
    const Bytes whole = build(packet);
    for (size_t at = 12; at < whole.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        Bytes frame = whole;
        frame[at] = static_cast<uint8_t>(value);
        const Parsed parsed(frame);
        EXPECT_TRUE(parsed.is_live() || parsed.burst->fate[0] == Fate::drop);
      }
    }
  }
}

TEST(Parse, RandomBytes) {
  std::mt19937 random(2024);
  constexpr uint16_t kTypes[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x1234};
  unsigned live = 0;
  for (int i = 0; i < 200'000; ++i) {
    Bytes frame(random() % 120);
    for (uint8_t& byte : frame)
      byte = static_cast<uint8_t>(random());
    const MacAddress ours = mac(kPort0Mac);
    if (frame.size() >= 14) {
      std::copy(ours.bytes.begin(), ours.bytes.end(), frame.begin());
      set16(frame, 12, kTypes[random() % 6]);
      if (frame.size() > 30 && random() % 2 == 0) {  // far enough to reach the transport header
        frame[14] = static_cast<uint8_t>(0x45 + random() % 3);
        set16(frame, 16, static_cast<uint32_t>(random() % 120));
        frame[23] = random() % 2 == 0 ? 6 : 17;
        frame[20] = 0x40;
        frame[21] = 0;
        set16(frame, 24, 0);
        const size_t header = std::min<size_t>((frame[14] & 15U) * 4U, frame.size() - 14);
        set16(frame, 24,
              internet_checksum(
                  Bytes(frame.begin() + 14, frame.begin() + 14 + static_cast<ptrdiff_t>(header))));
      }
    }
    const Parsed parsed(frame);
    live += parsed.is_live() ? 1U : 0U;
  }
  EXPECT_GT(live, 10'000U);
}

}  // namespace
}  // namespace shunt::packet
