// Netlink messages: what is built reads back, and no length that the other end claims is believed.
#include "control/netlink_message.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "control/kernel_objects.h"

namespace shunt {
namespace {

std::vector<NetlinkView> views(std::span<const uint8_t> bytes) {
  std::vector<NetlinkView> all;
  for_each_message(bytes, [&](const NetlinkView& view) { all.push_back(view); });
  return all;
}

NetlinkMessage route_message() {
  rtmsg head{};
  head.rtm_family = AF_INET;
  head.rtm_dst_len = 24;
  head.rtm_type = RTN_UNICAST;
  head.rtm_protocol = 0x5a;
  NetlinkMessage message(RTM_NEWROUTE, 0, head);
  message.put_address(RTA_DST, IpAddress::parse("198.51.100.0").value()).put(RTA_TABLE, uint32_t{1000});
  message.put(RTA_PRIORITY, uint32_t{7});
  const size_t nest = message.begin_nest(RTA_MULTIPATH);
  for (const int interface : {3, 4}) {
    rtnexthop hop{};
    hop.rtnh_len = sizeof hop + 8;
    hop.rtnh_ifindex = interface;
    message.append(&hop, sizeof hop);
    message.put_address(RTA_GATEWAY, IpAddress::parse(interface == 3 ? "192.0.2.3" : "192.0.2.4").value());
  }
  message.end_nest(nest);
  return message;
}

TEST(NetlinkMessage, ReadsBackWhatWasBuilt) {
  auto message = route_message();
  const auto all = views(message.finish(42));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].sequence, 42U);
  EXPECT_EQ(all[0].flags & NLM_F_REQUEST, NLM_F_REQUEST);
  const auto route = parse_route(all[0]);
  ASSERT_TRUE(route);
  const KernelRoute wanted = {Prefix::parse("198.51.100.0/24").value(),
                              7,
                              1000,
                              0x5a,
                              RouteType::unicast,
                              3,
                              IpAddress::parse("192.0.2.3"),
                              2};
  EXPECT_EQ(*route, wanted);
}

TEST(NetlinkMessage, PrefersAHopOnAnInterfaceOfInterest) {
  auto message = route_message();
  const uint32_t interfaces[] = {4};
  const auto route = parse_route(views(message.finish(1))[0], interfaces);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->interface, 4U);
  EXPECT_EQ(route->gateway, IpAddress::parse("192.0.2.4"));
}

TEST(NetlinkMessage, TextIsCutAtItsZeroOrItsEnd) {
  NetlinkMessage message(RTM_NEWLINK, 0, ifinfomsg{});
  message.put_text(IFLA_IFNAME, "shunt0").put_bytes(IFLA_IFALIAS, "unterminated", 12);
  const auto link = parse_link(views(message.finish(1))[0]);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "shunt0");
  EXPECT_EQ(link->alias, "unterminated");
}

TEST(NetlinkMessage, EndsAtAWrongLength) {
  auto message = route_message();
  const auto whole = message.finish(1);
  for (const uint32_t length : {0U, 15U, static_cast<uint32_t>(whole.size()) + 1, 0xffff'ffffU}) {
    std::vector<uint8_t> bytes(whole.begin(), whole.end());
    store(bytes.data(), length);
    EXPECT_TRUE(views(bytes).empty()) << length;
  }
  for (const uint16_t length : {uint16_t{0}, uint16_t{3}, uint16_t{0xffff}}) {
    std::vector<uint8_t> bytes(whole.begin(), whole.end());
    store(bytes.data() + sizeof(nlmsghdr) + sizeof(rtmsg), length);  // the first attribute's
    size_t attributes = 0;
    for_each_attribute(views(bytes).at(0).attributes<rtmsg>(),
                       [&](const NetlinkAttribute&) { ++attributes; });
    EXPECT_EQ(attributes, 0U) << length;
  }
}

// Every parser on every truncation of a message, and with each byte set to 0xff: nothing outside is read
// (sanitizers watch), nothing out of range comes out.
TEST(NetlinkMessage, SurvivesDamage) {
  auto message = route_message();
  const auto whole = message.finish(1);
  const auto parse_all = [](std::span<const uint8_t> body) {
    for (const uint16_t type : {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH}) {
      const NetlinkView view{type, 0, 0, body};
      (void)parse_link(view);
      (void)parse_neighbour(view);
      const auto address = parse_address(view);
      EXPECT_TRUE(!address || address->prefix.length <= address->prefix.address.bits());
      const auto route = parse_route(view);
      EXPECT_TRUE(!route || route->prefix.length <= route->prefix.address.bits());
    }
  };
  const std::vector<uint8_t> body(whole.begin() + sizeof(nlmsghdr), whole.end());
  for (size_t size = 0; size <= body.size(); ++size) {
    const std::vector<uint8_t> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
    parse_all(cut);
  }
  for (size_t at = 0; at < body.size(); ++at) {
    std::vector<uint8_t> damaged = body;
    damaged[at] = 0xff;
    parse_all(damaged);
  }
}

TEST(NetlinkMessage, SkipsNeighboursThatNoPacketMeets) {
  const auto parse = [](uint16_t state, uint8_t flags, const char* address) {
    ndmsg head{};
    head.ndm_family = AF_INET;
    head.ndm_state = state;
    head.ndm_flags = flags;
    NetlinkMessage message(RTM_NEWNEIGH, 0, head);
    message.put_address(NDA_DST, IpAddress::parse(address).value());
    return parse_neighbour(views(message.finish(1)).at(0));
  };
  EXPECT_TRUE(parse(NUD_REACHABLE, 0, "192.0.2.9"));
  EXPECT_FALSE(parse(NUD_REACHABLE, NTF_PROXY, "192.0.2.9"));
  EXPECT_FALSE(parse(NUD_NOARP, 0, "192.0.2.9"));
  EXPECT_FALSE(parse(NUD_REACHABLE, 0, "224.0.0.5"));
}

}  // namespace
}  // namespace shunt
