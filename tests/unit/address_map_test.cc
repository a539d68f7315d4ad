#include "dataplane/address_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace shunt {
namespace {

AddressKey key4(const char* text, uint32_t extra = 0) {
  return AddressKey::of(*IpAddress::parse(text), extra);
}

TEST(AddressMap, AnEmptyOneFindsNothing) {
  const AddressMap<int> map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find(key4("10.0.0.1")), nullptr);
  EXPECT_EQ(map.find(AddressKey{}), nullptr);
}

TEST(AddressMap, TellsKeysApartByExtra) {
  const AddressMap<int> map({{key4("10.0.0.1"), 1}, {key4("10.0.0.1", 7), 2}, {key4("10.0.0.2"), 3}});
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(*map.find(key4("10.0.0.1")), 1);
  EXPECT_EQ(*map.find(key4("10.0.0.1", 7)), 2);
  EXPECT_EQ(*map.find(key4("10.0.0.2")), 3);
  EXPECT_EQ(map.find(key4("10.0.0.2", 7)), nullptr);
}

TEST(AddressMap, OfTwoRowsWithOneKeyTheLaterCounts) {
  const AddressMap<int> map({{key4("10.0.0.1"), 1}, {key4("10.0.0.1"), 2}});
  EXPECT_EQ(map.size(), 1U);
  EXPECT_EQ(*map.find(key4("10.0.0.1")), 2);
}

TEST(AddressMap, AZeroAddressIsAKeyLikeAnyOther) {
  const uint8_t zero[16] = {};
  const AddressMap<int> map({{AddressKey::v6(zero), 5}});
  ASSERT_NE(map.find(AddressKey::v6(zero)), nullptr);
  EXPECT_EQ(*map.find(AddressKey::v6(zero)), 5);
}

TEST(AddressMap, AddressesAndPacketBytesMakeTheSameKey) {
  const IpAddress four = *IpAddress::parse("192.0.2.1");
  EXPECT_EQ(AddressKey::of(four), AddressKey::v4(four.v4().raw()));
  const IpAddress six = *IpAddress::parse("2001:db8::1");
  EXPECT_EQ(AddressKey::of(six), AddressKey::v6(six.bytes().data()));
}

TEST(AddressMap, AgreesWithStdMap) {
  std::mt19937 random(20'240'601);
  for (int round = 0; round < 50; ++round) {
    std::map<std::tuple<uint64_t, uint64_t, uint32_t>, uint32_t> model;
    std::vector<std::pair<AddressKey, uint32_t>> rows;
    const uint64_t spread = 1U + random() % 4096;  // few values: collisions and twins
    const auto any_key = [&] {
      const uint64_t high = random() % 2 == 0 ? 0 : random() % spread;
      return AddressKey{high, uint64_t{random() % spread} << (random() % 3 * 16),
                        static_cast<uint32_t>(random() % 3)};
    };
    for (auto i = static_cast<uint32_t>(random() % 2000); i > 0; --i) {
      const AddressKey key = any_key();
      rows.emplace_back(key, i);
      model[{key.high, key.low, key.extra}] = i;
    }
    const AddressMap<uint32_t> map(rows);
    EXPECT_EQ(map.size(), model.size());
    for (int i = 0; i < 2000; ++i) {
      const AddressKey key = any_key();
      const auto known = model.find({key.high, key.low, key.extra});
      const uint32_t* const found = map.find(key);
      ASSERT_EQ(found != nullptr, known != model.end()) << "round " << round;
      if (found != nullptr) {
        ASSERT_EQ(*found, known->second);
      }
    }
  }
}

}  // namespace
}  // namespace shunt
