// A router between shunt and a backend says "too big" about an outer header: for ten minutes the way to that
// backend is that narrow, and clients are told.
#include <gtest/gtest.h>

#include "tests/packet/icmp_builder.h"
#include "tests/packet/ways.h"

namespace shunt::packet {
namespace {

class NarrowPaths : public testing::TestWithParam<Way> {
 protected:
  NarrowPaths() { pipeline.set_kernel(ways_kernel()); }

  // A TCP packet of that many bytes.
  Packet of_bytes(size_t ip_bytes) const {
    Packet packet = way.from_client();
    packet.dont_fragment = true;
    packet.payload = Bytes(ip_bytes - (way.v4() ? 20 : 40) - 20, 0x5a);
    return packet;
  }
  size_t widest() const { return 1500 - way.outer_bytes(); }
  bool outer4() const { return way.backend_family == Family::ipv4; }

  // What leaves with an outer header, from that on.
  Bytes outer_of_flow() {
    const Outcome outcome = pipeline.run(0, build(of_bytes(widest())));
    EXPECT_EQ(outcome.text(), "sent");
    return outcome.sent.empty() ? Bytes(64) : tail(outcome.sent[0].frame, 14);
  }
  std::string source_of(const Bytes& outer) const {
    return (outer4() ? address4(outer, 12) : IpAddress::v6(outer.data() + 8)).text();
  }
  Icmp too_big_about(const Bytes& outer, uint32_t mtu, size_t quoted = 48) const {
    Bytes body(outer.begin(), outer.begin() + static_cast<ptrdiff_t>(quoted));
    return {.type = static_cast<uint8_t>(outer4() ? 3 : 2),
            .code = static_cast<uint8_t>(outer4() ? 4 : 0),
            .rest = mtu,
            .body = body};
  }
  Packet from_router(const std::string& to) const {
    return {.to = kPort1Mac,
            .from = backend_mac(20),
            .source = outer4() ? "10.0.0.254" : "2001:db8:1::fe",
            .destination = to};
  }
  void hear(const Packet& error) {
    EXPECT_EQ(pipeline.run(1, build(error)).text(), "punted");
    pipeline.age();
  }
  void hear(const Bytes& outer, uint32_t mtu) {
    hear(icmp(from_router(source_of(outer)), too_big_about(outer, mtu)));
  }
  // The MTU that a packet as long as fits a wide way is refused with; 0: it isn't.
  unsigned refused_with() {
    const Outcome outcome = pipeline.run(0, build(of_bytes(widest())));
    if (outcome.text() == "sent") return 0;
    EXPECT_EQ(outcome.text(), "sent too_big");
    return outcome.sent.empty() ? 0U : get16(outcome.sent[0].frame, 14 + (way.v4() ? 20 : 40) + 6);
  }

  const Way way = GetParam();
  Pipeline pipeline{ways_config()};
};

TEST_P(NarrowPaths, AreBelievedForTenMinutes) {
  const Bytes outer = outer_of_flow();
  ASSERT_EQ(refused_with(), 0U);
  hear(outer, 1400);
  EXPECT_EQ(refused_with(), 1400 - way.outer_bytes());
  EXPECT_EQ(pipeline.run(0, build(of_bytes(1400 - way.outer_bytes()))).text(), "sent");
  pipeline.wait(599'000);
  pipeline.age();
  EXPECT_EQ(refused_with(), 1400 - way.outer_bytes());
  pipeline.wait(1'500);
  pipeline.age();
  EXPECT_EQ(refused_with(), 0U);
}

TEST_P(NarrowPaths, TheNarrowestHolds) {
  const Bytes outer = outer_of_flow();
  hear(outer, 1450);
  hear(outer, 1400);
  pipeline.wait(100'000);
  hear(outer, 1430);
  EXPECT_EQ(refused_with(), 1400 - way.outer_bytes());
  pipeline.wait(500'500);
  pipeline.age();
  EXPECT_EQ(refused_with(), 1430 - way.outer_bytes()) << "said later, and so believed longer";
  pipeline.wait(100'000);
  pipeline.age();
  EXPECT_EQ(refused_with(), 0U);
}

TEST_P(NarrowPaths, NoneIsNarrowerThanAPathMayBe) {
  hear(outer_of_flow(), 100);
  const unsigned least = (outer4() ? 552 : 1280) - way.outer_bytes();
  EXPECT_EQ(refused_with(), way.v4() ? least : 1280U);
}

// 8 bytes behind the outer header are enough, as RFC 792 has it.
TEST_P(NarrowPaths, ByAShortQuote) {
  const Bytes outer = outer_of_flow();
  const size_t header = outer4() ? 20 : 40;
  hear(icmp(from_router(source_of(outer)), too_big_about(outer, 1400, header + 7)));
  EXPECT_EQ(refused_with(), 0U);
  hear(icmp(from_router(source_of(outer)), too_big_about(outer, 1400, header + 8)));
  EXPECT_EQ(refused_with(), 1400 - way.outer_bytes());
}

TEST_P(NarrowPaths, AreNotBelievedOfEverybody) {
  const Bytes outer = outer_of_flow();
  const Packet carrier = from_router(source_of(outer));
  const size_t protocol_at = outer4() ? 9 : 6;
  const auto edited = [&](size_t at, uint8_t byte) {
    Bytes quoted = outer;
    quoted[at] = byte;
    return quoted;
  };
  Icmp wrong_checksum = too_big_about(outer, 1400);
  wrong_checksum.checksum = 0x1234;
  hear(icmp(carrier, wrong_checksum));
  EXPECT_EQ(refused_with(), 0U) << "a wrong checksum";
  hear(icmp(carrier, too_big_about(edited(protocol_at, 6), 1400)));
  EXPECT_EQ(refused_with(), 0U) << "TCP";
  hear(icmp(carrier, too_big_about(edited(outer4() ? 15 : 23, 0xee), 1400)));
  EXPECT_EQ(refused_with(), 0U) << "quotes another source";
  hear(icmp(carrier, too_big_about(edited(outer4() ? 19 : 39, 0xee), 1400)));
  EXPECT_EQ(refused_with(), 0U) << "no backend";
  hear(icmp(from_router(outer4() ? "10.0.0.1" : "2001:db8:1::1"), too_big_about(outer, 1400)));
  EXPECT_EQ(refused_with(), 0U) << "to another address";
  Icmp unreachable = too_big_about(outer, 1400);
  unreachable.type = outer4() ? 3 : 1;
  unreachable.code = 1;
  hear(icmp(carrier, unreachable));
  EXPECT_EQ(refused_with(), 0U) << "another error";
  hear(outer, 1400);
  EXPECT_NE(refused_with(), 0U);
}

std::vector<Way> encapsulating() {
  std::vector<Way> ways = all_ways();
  std::erase_if(ways, [](const Way& way) { return way.outer_bytes() == 0; });
  return ways;
}

INSTANTIATE_TEST_SUITE_P(Ways, NarrowPaths, testing::ValuesIn(encapsulating()), [](const auto& row) {
  std::string name = row.param.name;
  std::erase_if(name, [](char letter) { return std::isalnum(static_cast<unsigned char>(letter)) == 0; });
  return name;
});

}  // namespace
}  // namespace shunt::packet
