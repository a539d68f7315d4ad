// MulticastGroups against the real kernel, in a namespace of the test's own.
#include "control/multicast_groups.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/unit/network_namespace.h"

namespace shunt {
namespace {

class MulticastGroupsTest : public WiredNamespace {
 protected:
  MulticastGroups::Membership member(const std::string& group) const {
    return {near_index(), *IpAddress::parse(group)};
  }
  // Solicited-node groups on shunt0 that the kernel lists, without those of its own addresses.
  std::set<MulticastGroups::Membership> listed() const {
    std::set<MulticastGroups::Membership> groups;
    std::ifstream file("/proc/thread-self/net/igmp6");
    uint32_t interface = 0;
    std::string name;
    std::string digits;
    std::string rest;
    while (file >> interface >> name >> digits && std::getline(file, rest)) {
      std::array<uint8_t, 16> bytes{};
      for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
      const IpAddress group = IpAddress::v6(bytes.data());
      if (interface == near_index() && group.text().starts_with("ff02::1:ffaa:"))
        groups.emplace(interface, group);
    }
    return groups;
  }
};

TEST_F(MulticastGroupsTest, JoinsAndLeavesWhatIsTheDifference) {
  MulticastGroups groups;
  const std::set first = {member("ff02::1:ffaa:1"), member("ff02::1:ffaa:2")};
  const std::set second = {member("ff02::1:ffaa:2"), member("ff02::1:ffaa:3")};
  for (const auto& wanted : {first, first, second}) {
    ASSERT_TRUE(succeeds(groups.set(wanted)));
    EXPECT_EQ(listed(), wanted);
  }
  ASSERT_TRUE(succeeds(groups.set({})));
  EXPECT_TRUE(listed().empty());
}

TEST_F(MulticastGroupsTest, HoldsMoreThanOneSocketCan) {
  std::set<MulticastGroups::Membership> many;
  for (unsigned i = 0; i < kGroupsPerSocket * 4 + 1; ++i) {
    std::ostringstream text;
    text << "ff02::1:ffaa:" << std::hex << i;
    many.insert(member(text.str()));
  }
  MulticastGroups groups;
  ASSERT_TRUE(succeeds(groups.set(many)));
  EXPECT_EQ(listed(), many);
  // What left makes room again.
  ASSERT_TRUE(succeeds(groups.set({member("ff02::1:ffaa:1")})));
  ASSERT_TRUE(succeeds(groups.set(many)));
  EXPECT_EQ(listed(), many);
}

TEST_F(MulticastGroupsTest, AnInterfaceThatIsNotThereSpoilsNoOther) {
  MulticastGroups groups;
  const MulticastGroups::Membership nowhere = {9999, ip("ff02::1:ffaa:9")};
  const auto set = groups.set({member("ff02::1:ffaa:1"), nowhere});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().text(), "group ff02::1:ffaa:9 on interface 9999: No such device");
  EXPECT_EQ(listed(), std::set{member("ff02::1:ffaa:1")});
  ASSERT_TRUE(succeeds(groups.set({member("ff02::1:ffaa:1")})));
}

TEST_F(MulticastGroupsTest, EndsWithItsOwner) {
  {
    MulticastGroups groups;
    ASSERT_TRUE(succeeds(groups.set({member("ff02::1:ffaa:1")})));
    EXPECT_EQ(listed().size(), 1U);
  }
  EXPECT_TRUE(listed().empty());
}

}  // namespace
}  // namespace shunt
