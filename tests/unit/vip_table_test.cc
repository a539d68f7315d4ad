#include "dataplane/vip_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

namespace shunt {
namespace {

using ServiceRows = std::vector<VipTable::ServiceRow>;
using VipRows = std::vector<VipTable::VipRow>;

VipTable::Match find(const VipTable& table, const IpAddress& address, uint8_t protocol, uint16_t port) {
  return table.find(AddressKey::of(address), address.family(), protocol, port);
}
VipTable::Match find(const VipTable& table, const char* address, uint8_t protocol, uint16_t port) {
  return find(table, *IpAddress::parse(address), protocol, port);
}

// What the table must say, by looking at every row.
VipTable::Match naive(const ServiceRows& services, const VipRows& vips, const IpAddress& address,
                      uint8_t protocol, uint16_t port) {
  const VipTable::ServiceRow* best = nullptr;
  for (const auto& row : services) {
    const bool matches = row.vip.contains(address) && static_cast<uint8_t>(row.protocol) == protocol &&
                         (row.port == 0 || row.port == port);
    if (!matches) continue;
    if (best == nullptr || row.vip.length > best->vip.length ||
        (row.vip.length == best->vip.length && row.port > best->port))
      best = &row;
  }
  if (best != nullptr) return {true, false, best->service};
  const VipTable::VipRow* vip = nullptr;
  for (const auto& row : vips) {
    if (row.vip.contains(address) && (vip == nullptr || row.vip.length > vip->vip.length)) vip = &row;
  }
  return vip == nullptr ? VipTable::Match{} : VipTable::Match{true, vip->punt_unserved, 0};
}

TEST(VipTable, AnEmptyOneHasNoVips) {
  const VipTable table;
  EXPECT_FALSE(find(table, "198.51.100.1", 6, 80).is_vip);
  EXPECT_FALSE(table.is_vip(AddressKey::of(*IpAddress::parse("::1")), Family::ipv6));
}

TEST(VipTable, AVipWithoutTheServiceIsStillAVip) {
  const VipTable table({{*Prefix::parse("198.51.100.1"), Protocol::tcp, 80, 1}},
                       {{*Prefix::parse("198.51.100.1"), false}});
  EXPECT_EQ(find(table, "198.51.100.1", 6, 80).service, 1);
  EXPECT_TRUE(find(table, "198.51.100.1", 6, 81).is_vip);
  EXPECT_EQ(find(table, "198.51.100.1", 6, 81).service, 0);
  EXPECT_EQ(find(table, "198.51.100.1", 17, 80).service, 0);
  EXPECT_FALSE(find(table, "198.51.100.2", 6, 80).is_vip);
}

TEST(VipTable, PuntUnservedIsTheLongestVips) {
  const VipTable table(ServiceRows{},
                       {{*Prefix::parse("198.51.100.0/24"), false}, {*Prefix::parse("198.51.100.9"), true}});
  EXPECT_TRUE(find(table, "198.51.100.9", 6, 80).punt_unserved);
  EXPECT_FALSE(find(table, "198.51.100.8", 6, 80).punt_unserved);
  EXPECT_TRUE(find(table, "198.51.100.8", 6, 80).is_vip);
}

TEST(VipTable, TheFamiliesAreTold) {
  const VipTable table({{*Prefix::parse("0.0.0.0/0"), Protocol::tcp, 80, 4},
                        {*Prefix::parse("2001:db8::/32"), Protocol::tcp, 80, 6}},
                       {{*Prefix::parse("0.0.0.0/0"), false}, {*Prefix::parse("2001:db8::/32"), false}});
  EXPECT_EQ(find(table, "203.0.113.1", 6, 80).service, 4);
  EXPECT_EQ(find(table, "2001:db8::1", 6, 80).service, 6);
  EXPECT_FALSE(find(table, "2001:db9::1", 6, 80).is_vip);
  EXPECT_FALSE(find(table, "::", 6, 80).is_vip);
}

IpAddress any_address(std::mt19937& random, Family family) {
  if (family == Family::ipv4)
    return IpAddress::v4(be32(static_cast<uint32_t>(0xc6336400U | random() % 4 << 6U | random() % 4)));
  std::array<uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  bytes[7] = static_cast<uint8_t>(random() % 2);
  bytes[15] = static_cast<uint8_t>(random() % 4);
  return IpAddress::v6(bytes.data());
}

TEST(VipTable, AgreesWithANaiveMatch) {
  constexpr uint8_t kLengths4[] = {0, 8, 24, 26, 31, 32};
  constexpr uint8_t kLengths6[] = {0, 32, 63, 64, 65, 126, 128};
  constexpr uint16_t kPorts[] = {0, 80, 443};
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    ServiceRows services;
    VipRows vips;
    std::vector<std::tuple<Prefix, Protocol, uint16_t>> taken;
    for (auto i = static_cast<unsigned>(random() % 12); i > 0; --i) {
      const Family family = random() % 2 == 0 ? Family::ipv4 : Family::ipv6;
      const uint8_t length = family == Family::ipv4 ? kLengths4[random() % 6] : kLengths6[random() % 7];
      const Prefix vip{Prefix{any_address(random, family), length}.network(), length};
      const Protocol protocol = random() % 2 == 0 ? Protocol::tcp : Protocol::udp;
      const uint16_t port = kPorts[random() % 3];
      if (std::ranges::find(taken, std::tuple{vip, protocol, port}) != taken.end()) continue;
      taken.emplace_back(vip, protocol, port);
      services.push_back({vip, protocol, port, static_cast<uint16_t>(i)});
      vips.push_back({vip, false});
    }
    const VipTable table(services, vips);
    for (int i = 0; i < 300; ++i) {
      const IpAddress address = any_address(random, random() % 2 == 0 ? Family::ipv4 : Family::ipv6);
      const uint8_t protocol = random() % 3 == 0 ? 17 : 6;
      const uint16_t port = kPorts[random() % 3];
      const auto wanted = naive(services, vips, address, protocol, port);
      const auto found = find(table, address, protocol, port);
      ASSERT_EQ(found.service, wanted.service) << "seed " << seed << ' ' << address.text() << ':' << port;
      ASSERT_EQ(found.is_vip, wanted.is_vip) << "seed " << seed << ' ' << address.text();
      ASSERT_EQ(table.is_vip(AddressKey::of(address), address.family()), wanted.is_vip);
    }
  }
}

}  // namespace
}  // namespace shunt
