#include "dataplane/neighbour_discovery.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/packet/nd_builder.h"
#include "tests/packet/packet_reader.h"

namespace shunt {
namespace {

using packet::build;
using packet::Bytes;
using packet::hex;
using packet::ip;
using packet::mac;
using packet::mac_option;
using packet::NeighbourMessage;
using packet::Tag;

const std::string kOurs = "02:00:00:00:00:01";

// In a heap block of exactly its size, so that one byte too many is seen.
std::optional<NeighbourSolicitation> read(const Bytes& frame) {
  const auto block = std::make_unique<uint8_t[]>(frame.size());
  std::copy(frame.begin(), frame.end(), block.get());
  return read_solicitation({block.get(), frame.size()});
}

TEST(NeighbourDiscovery, ReadsASolicitationBehindAnyTags) {
  for (const auto& tags : std::vector<std::vector<Tag>>{{}, {{0x8100, 100}}, {{0x88a8, 7}, {0x8100, 100}}}) {
    const auto solicitation = read(build(NeighbourMessage{.tags = tags}));
    ASSERT_TRUE(solicitation);
    EXPECT_EQ(solicitation->source, ip("2001:db8::7"));
    EXPECT_EQ(solicitation->target, ip("2001:db8::1"));
    EXPECT_EQ(solicitation->l2_bytes, 14 + tags.size() * 4);
  }
  EXPECT_FALSE(read(build(NeighbourMessage{.tags = {{0x8100, 1}, {0x8100, 2}, {0x8100, 3}}})));
}

TEST(NeighbourDiscovery, ReadsEveryValidForm) {
  const NeighbourMessage unicast{.to = kOurs, .destination = "2001:db8::1"};
  const NeighbourMessage unicast_without_option{.to = kOurs, .destination = "2001:db8::1", .options = {}};
  const NeighbourMessage link_local{.source = "fe80::7"};
  const NeighbourMessage probe{.source = "::", .options = {}};
  // RFC 7527: a probe with a nonce.
  const NeighbourMessage enhanced{.source = "::", .options = {{14, {1, 2, 3, 4, 5, 6}}}};
  const NeighbourMessage unknown_option{.options = {{200, Bytes(14, 9)}, mac_option(1, kOurs)}};
  const NeighbourMessage padded{.trailer = Bytes(10, 0xee)};
  for (const auto& message :
       {unicast, unicast_without_option, link_local, probe, enhanced, unknown_option, padded})
    EXPECT_TRUE(read(build(message))) << message.source << " to " << message.destination;
}

// RFC 4861 7.1.1, rule by rule.
TEST(NeighbourDiscovery, RefusesWhatAReceiverMustIgnore) {
  const std::vector<std::pair<const char*, NeighbourMessage>> rows = {
      {"it passed a router", {.hop_limit = 254}},
      {"a wrong checksum", {.checksum = 0x1234}},
      {"code 1", {.code = 1}},
      {"an advertisement", {.type = 136}},
      {"a router solicitation", {.type = 133}},
      {"a group as target", {.target = "ff02::1"}},
      {"an option of no length", {.options = {{1, Bytes(6, 2), 0}}}},
      {"an option behind the end", {.options = {{1, Bytes(6, 2), 2}}}},
      {"half an option", {.options = {{1, {2, 2}, 1}}}},
      {"a probe that says who it is", {.source = "::"}},
      {"a probe to one address", {.source = "::", .destination = "2001:db8::1", .options = {}}},
      {"a probe to all nodes", {.source = "::", .destination = "ff02::1", .options = {}}},
      {"a group as source", {.source = "ff02::1"}},
      {"a group as sender's MAC", {.from = "01:00:5e:00:00:01"}},
      {"another protocol", {.protocol = 99}},
      {"20 bytes of message", {.options = {}, .payload_bytes = 20}},
      {"longer than the frame", {.payload_bytes = 33}},
  };
  for (const auto& [name, message] : rows)
    EXPECT_FALSE(read(build(message))) << name;
  const Bytes whole = build(NeighbourMessage{});
  for (size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_FALSE(read(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes)))) << bytes;
  Bytes version = whole;
  version[14] = 0x40;
  EXPECT_FALSE(read(version));
}

TEST(NeighbourDiscovery, AnswersTheAsker) {
  for (const auto& tags : std::vector<std::vector<Tag>>{{}, {{0x88a8, 7}, {0x8100, 100}}}) {
    const Bytes frame = build(NeighbourMessage{.tags = tags, .source = "fe80::7"});
    NeighbourMessage wanted = packet::advertisement_of("2001:db8::1", kOurs);
    wanted.to = "02:00:00:00:99:01";
    wanted.tags = tags;
    wanted.destination = "fe80::7";
    wanted.flags = 0x60;  // solicited, override
    const auto solicitation = read(frame);
    ASSERT_TRUE(solicitation);
    EXPECT_EQ(hex(advertisement(frame, *solicitation, mac(kOurs))), hex(build(wanted)));
  }
}

TEST(NeighbourDiscovery, TellsEverybodyWhereNobodyAsked) {
  const Bytes probe = build(NeighbourMessage{.tags = {{0x8100, 9}}, .source = "::", .options = {}});
  const auto solicitation = read(probe);
  ASSERT_TRUE(solicitation);
  NeighbourMessage wanted = packet::advertisement_of("2001:db8::1", kOurs);
  wanted.tags = {{0x8100, 9}};
  EXPECT_EQ(hex(advertisement(probe, *solicitation, mac(kOurs))), hex(build(wanted)));

  const auto frame = unsolicited_advertisement(mac(kOurs), ip("2001:db8::1"));
  EXPECT_EQ(hex(Bytes(frame.begin(), frame.end())),
            hex(build(packet::advertisement_of("2001:db8::1", kOurs))));
}

TEST(NeighbourDiscovery, SurvivesAnything) {
  std::mt19937 random(12);
  unsigned solicitations = 0;
  for (int i = 0; i < 100'000; ++i) {
    Bytes frame = build(NeighbourMessage{.trailer = Bytes(random() % 4, 0)});
    for (auto edits = static_cast<unsigned>(random() % 3); edits > 0; --edits)
      frame[random() % frame.size()] = static_cast<uint8_t>(random());
    if (random() % 4 == 0) frame.resize(random() % frame.size());
    const auto solicitation = read(frame);
    if (!solicitation) continue;
    ++solicitations;
    EXPECT_EQ(advertisement(frame, *solicitation, mac(kOurs)).size(),
              solicitation->l2_bytes + kAdvertisementBytes);
  }
  EXPECT_GT(solicitations, 1000U);
}

TEST(NeighbourDiscovery, NamesTheGroupOfAnAddress) {
  EXPECT_EQ(solicited_node_group(ip("2001:db8::1:800:200e:8c6c")), ip("ff02::1:ff0e:8c6c"));
  EXPECT_EQ(solicited_node_group(ip("fe80::1")), ip("ff02::1:ff00:1"));
}

}  // namespace
}  // namespace shunt
