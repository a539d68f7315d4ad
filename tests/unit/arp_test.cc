#include "dataplane/arp.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace shunt {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes join(const std::vector<Bytes>& parts) {
  Bytes bytes;
  for (const Bytes& part : parts)
    bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

const Bytes kMacs = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 7};
const Bytes kTag = {0x81, 0x00, 0x00, 0x64};
const Bytes kOuterTag = {0x88, 0xa8, 0x20, 0x05};
const Bytes kType = {0x08, 0x06};
const Bytes kRequest = {0,   1, 8, 0, 6, 4, 0, 1, 2, 0, 0,   0, 0, 7,
                        192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 80};
constexpr MacAddress kOurs{{2, 0, 0, 0, 0, 1}};

// In a heap block of exactly its size, so that one byte too many is seen.
std::optional<ArpRequest> read(const Bytes& frame) {
  const auto block = std::make_unique<uint8_t[]>(frame.size());
  std::copy(frame.begin(), frame.end(), block.get());
  return read_arp_request({block.get(), frame.size()});
}

TEST(Arp, AnswersNoGroup) {
  Bytes frame = join({kMacs, kType, kRequest});
  ASSERT_TRUE(read(frame));
  frame[6] = 0x03;
  EXPECT_FALSE(read(frame));
}

TEST(Arp, ReadsARequestBehindAnyTags) {
  for (const auto& tags : std::vector<std::vector<Bytes>>{{}, {kTag}, {kOuterTag, kTag}}) {
    const Bytes frame = join({kMacs, join(tags), kType, kRequest});
    const auto request = read(frame);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->sender, IpAddress::parse("192.0.2.1")->v4());
    EXPECT_EQ(request->target, IpAddress::parse("192.0.2.80")->v4());
    EXPECT_EQ(request->sender_mac, (MacAddress{{2, 0, 0, 0, 0, 7}}));
    EXPECT_EQ(request->l2_bytes, 14 + tags.size() * 4);
    const Bytes reply = arp_reply(frame, *request, kOurs);
    const Bytes wanted = join({{2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 1},
                               join(tags),
                               kType,
                               {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 80},
                               {2, 0, 0, 0, 0, 7, 192, 0, 2, 1}});
    EXPECT_EQ(reply, wanted);
    EXPECT_FALSE(read(reply)) << "a reply is no request";
  }
}

TEST(Arp, RefusesWhatIsNoRequest) {
  const Bytes frame = join({kMacs, kType, kRequest});
  const auto changed = [&](size_t at, uint8_t to) {
    Bytes copy = frame;
    copy[at] = to;
    return copy;
  };
  EXPECT_FALSE(read(changed(13, 0x07)));      // ether type
  EXPECT_FALSE(read(changed(14 + 1, 6)));     // hardware
  EXPECT_FALSE(read(changed(14 + 2, 0x86)));  // protocol
  EXPECT_FALSE(read(changed(14 + 4, 8)));     // address lengths
  EXPECT_FALSE(read(changed(14 + 5, 16)));
  EXPECT_FALSE(read(changed(14 + 7, 3)));  // operation
  EXPECT_FALSE(read(join({kMacs, kTag, kTag, kTag, kType, kRequest}))) << "three tags";
  for (size_t bytes = 0; bytes < frame.size(); ++bytes)
    EXPECT_FALSE(read(Bytes(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(bytes)))) << bytes;
}

TEST(Arp, SurvivesAnything) {
  std::mt19937 random(11);
  unsigned requests = 0;
  for (int i = 0; i < 100'000; ++i) {
    Bytes frame = join({kMacs, random() % 2 == 0 ? kTag : Bytes{}, kType, kRequest});
    frame.resize(random() % (frame.size() + 4));
    for (auto edits = static_cast<unsigned>(random() % 3); edits > 0 && !frame.empty(); --edits)
      frame[random() % frame.size()] = static_cast<uint8_t>(random());
    const auto request = read(frame);
    if (!request) continue;
    ++requests;
    EXPECT_EQ(arp_reply(frame, *request, kOurs).size(), request->l2_bytes + kArpBytes);
  }
  EXPECT_GT(requests, 1000U);
}

TEST(Arp, AnAnnouncementTellsEverybody) {
  const auto frame = gratuitous_arp(kOurs, IpAddress::parse("192.0.2.80")->v4());
  const Bytes wanted = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   1, 8, 6,
                        0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0, 0, 1,
                        192,  0,    2,    80,   0,    0,    0, 0, 0, 0, 192, 0, 2, 80};
  EXPECT_EQ(Bytes(frame.begin(), frame.end()), wanted);
}

}  // namespace
}  // namespace shunt
