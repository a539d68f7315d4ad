#include "common/address.h"

#include <gtest/gtest.h>

namespace shunt {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_TRUE(IpAddress::parse("192.0.2.1")->is_v4());
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->v4().host(), 0xc0000201U);
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", "fe80::1%eth0", "10.0.0.0/8", "web"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0x", 10)));
}

TEST(IpAddress, KnowsItsSpecialRanges) {
  EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("239.1.2.3")->is_multicast());
  EXPECT_FALSE(IpAddress::parse("240.1.2.3")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("255.255.255.255")->is_broadcast());
  EXPECT_TRUE(IpAddress::parse("169.254.0.1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("fe80::1")->is_link_local());
}

TEST(Prefix, ContainsExactlyItsAddresses) {
  const auto prefix = *Prefix::parse("192.0.2.128/25");
  EXPECT_TRUE(prefix.contains(*IpAddress::parse("192.0.2.128")));
  EXPECT_TRUE(prefix.contains(*IpAddress::parse("192.0.2.255")));
  EXPECT_FALSE(prefix.contains(*IpAddress::parse("192.0.2.127")));
  EXPECT_FALSE(prefix.contains(*IpAddress::parse("::ffff:192.0.2.128")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  EXPECT_TRUE(Prefix::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:7fff::1")));
  EXPECT_FALSE(Prefix::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:8000::1")));
}

TEST(Prefix, KeepsHostBitsAndSaysSo) {
  const auto prefix = *Prefix::parse("192.0.2.2/24");
  EXPECT_TRUE(prefix.has_host_bits());
  EXPECT_EQ(prefix.network().text(), "192.0.2.0");
  EXPECT_EQ(prefix.text(), "192.0.2.2/24");
  EXPECT_TRUE(Prefix::parse("192.0.2.2")->is_host());
}

TEST(Prefix, RefusesBadLengths) {
  for (const char* text :
       {"1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/x", "1.2.3.4/8x", "1.2.3.4/-1", "/8"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(MacAddress, ParsesPrintsAndRefuses) {
  const auto mac = MacAddress::parse("02:00:5e:10:00:fF");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->text(), "02:00:5e:10:00:ff");
  EXPECT_FALSE(mac->is_group());
  EXPECT_TRUE(MacAddress::parse("ff:ff:ff:ff:ff:ff")->is_group());
  for (const char* text :
       {"", "02:00:5e:10:00", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg", "02:00:5e:10:00:ff:"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace shunt
