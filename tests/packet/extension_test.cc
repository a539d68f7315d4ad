// IPv6 packets with extension headers: they go to the service that their transport header names, in every
// mode, and arrive with all that they had.
#include "tests/packet/fragment_builder.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

const Extension kHopByHop{0, {0, 1, 4, 0, 0, 0, 0}};
const Extension kDestination{60, {1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0}};
const Extension kArrivedRoute{43, {0, 4, 0, 0, 0, 0, 0}};  // segment routing, no segments left
const Extension kRouteOnItsWay{43, {0, 4, 1, 0, 0, 0, 0}};
const Extension kMobility{135, {0, 5, 0, 0, 0, 0, 0}};
const Extension kHip{139, {0, 1, 0x10, 0, 0, 0, 0}};
const Extension kShim6{140, {0, 0x80, 0, 0, 0, 0, 0}};
const Extension kAtomic{44, {0, 0, 0, 7, 7, 7, 7}};
const Extension kAuthentication{51, {4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

struct Chain {
  const char* name;
  std::vector<Extension> extensions;
  bool nat = true;
};

std::vector<Chain> chains() {
  Bytes longest(255, 0);
  longest[0] = 31;
  return {{"hop-by-hop", {kHopByHop}},
          {"destination options", {kDestination}},
          {"routing", {kArrivedRoute}},
          {"routing on its way", {kRouteOnItsWay}, false},
          {"AH", {kAuthentication}, false},
          {"mobility", {kMobility}},
          {"HIP and Shim6", {kHip, kShim6}},
          {"atomic fragment", {kAtomic}},
          {"all of them", {kHopByHop, kDestination, kArrivedRoute, kAtomic, kDestination}},
          {"all of them with AH", {kHopByHop, kArrivedRoute, kAtomic, kAuthentication, kDestination}, false},
          {"eight headers", std::vector<Extension>(8, Extension{})},
          {"256 bytes", {{60, longest}}}};
}

struct Mode {
  const char* name;
  std::string vip;
  size_t outer_bytes;
  std::string translated_to;
};
std::vector<Mode> modes() {
  return {{"l2", "2001:db8:a::1", 0, ""},
          {"6in6", "2001:db8:a::2", 40, ""},
          {"nat", "2001:db8:a::3", 0, "2001:db8:1::13"},
          {"gue 6in6", "2001:db8:a::4", 48, ""},
          {"6in4", "2001:db8:a::5", 20, ""},
          {"gue 6in4", "2001:db8:a::6", 28, ""}};
}

TEST(ExtensionHeaders, PacketsArriveWithThem) {
  for (const Mode& mode : modes()) {
    for (const Chain& chain : chains()) {
      for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
        SCOPED_TRACE(std::string(mode.name) + ", " + chain.name + ", protocol " + std::to_string(protocol));
        Packet packet{.source = "2001:db8:9::7",
                      .destination = mode.vip,
                      .extensions = chain.extensions,
                      .protocol = protocol,
                      .dport = static_cast<uint16_t>(protocol == 17 ? 53 : 80),
                      .payload = Bytes(101, 0xa7)};
        const bool is_nat = !mode.translated_to.empty();
        Pipeline pipeline(six_config());
        const Outcome outcome = pipeline.run(0, build(packet));
        if (is_nat && !chain.nat) {
          EXPECT_EQ(outcome.text(), "extension_headers");
          continue;
        }
        ASSERT_EQ(outcome.text(), "sent");
        const Bytes& frame = outcome.sent[0].frame;
        --packet.ttl;
        if (is_nat) packet.destination = mode.translated_to;
        if (is_nat) packet.dport = 8080;
        EXPECT_EQ(hex(slice(frame, 14 + mode.outer_bytes, frame.size())), hex(ip_bytes(packet)))
            << "the builder's checksum is the right one";
        if (mode.outer_bytes != 48) continue;
        Bytes covered = slice(frame, 14 + 8, 14 + 40);
        put32(covered, static_cast<uint32_t>(frame.size() - 54));
        put32(covered, 17);
        put(covered, slice(frame, 54, frame.size()));
        EXPECT_EQ(internet_checksum(covered), 0) << "gue's";
      }
    }
  }
}

TEST(ExtensionHeaders, ANatReplyHasThemToo) {
  Packet reply{.to = kPort1Mac,
               .from = backend_mac(13),
               .source = "2001:db8:1::13",
               .destination = "2001:db8:9::7",
               .extensions = {kDestination, kAtomic},
               .sport = 8080,
               .dport = 40000,
               .flags = kSyn | kAck};
  Pipeline pipeline(six_config());
  const Outcome outcome = pipeline.run(1, build(reply));
  ASSERT_EQ(outcome.text(), "sent");
  reply.source = "2001:db8:a::3";
  reply.sport = 80;
  --reply.ttl;
  EXPECT_EQ(hex(slice(outcome.sent[0].frame, 14, outcome.sent[0].frame.size())), hex(ip_bytes(reply)));
  reply.source = "2001:db8:1::13";
  reply.sport = 8080;
  reply.extensions = {kAuthentication};
  EXPECT_EQ(pipeline.run(1, build(reply)).text(), "extension_headers");
}

TEST(ExtensionHeaders, AFlowIsTheSameWithAndWithout) {
  Pipeline pipeline(six_config());
  Packet packet{.source = "2001:db8:9::7", .destination = "2001:db8:a::1"};
  EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent");
  packet.extensions = {kHopByHop, kDestination};
  packet.flags = kAck;
  packet.sequence = 1001;
  EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent");
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
}

TEST(ExtensionHeaders, OfOtherHostsAreTheKernelsBusiness) {
  for (const Chain& chain : chains()) {
    Pipeline pipeline(six_config());
    const Packet packet{
        .source = "2001:db8:9::7", .destination = "2001:db8::1", .extensions = chain.extensions};
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "punted") << chain.name;
  }
  Pipeline pipeline(six_config());
  const Packet nine{
      .source = "2001:db8:9::7", .destination = "2001:db8::1", .extensions = std::vector<Extension>(9)};
  EXPECT_EQ(pipeline.run(0, build(nine)).text(), "punted");
}

TEST(ExtensionHeaders, WhatNoServiceTakesIsNotTakenForOne) {
  for (const uint8_t protocol : {uint8_t{59}, uint8_t{50}}) {  // nothing, ESP
    Pipeline pipeline(six_config());
    const Packet packet{.source = "2001:db8:9::7",
                        .destination = "2001:db8:a::1",
                        .extensions = {kHopByHop},
                        .protocol = protocol,
                        .payload = Bytes(40, 0)};
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "no_service");
  }
}

}  // namespace
}  // namespace shunt::packet
