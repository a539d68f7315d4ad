// KernelMonitor against the real kernel: the first listing, each kind of event, and what happens when events
// are lost.
//
//   [ this namespace  shunt0 192.0.2.1 ]---veth---[ far0 192.0.2.2  second namespace ]
#include "control/kernel_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <chrono>

#include "tests/unit/network_namespace.h"

namespace shunt {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using namespace std::chrono_literals;

constexpr uint8_t kProtocol = 0x5a;

class KernelMonitorTest : public WiredNamespace {
 protected:
  struct NeighbourCall {
    IpAddress address;
    std::optional<MacAddress> mac;
    bool operator==(const NeighbourCall&) const = default;
  };

  void start(KernelMonitorOptions options = {}) {
    KernelEvents events;
    events.on_neighbour = [this](uint32_t interface, const IpAddress& address, const auto& mac) {
      EXPECT_EQ(interface, near_index());
      if (!address.is_link_local()) neighbour_calls_.push_back({address, mac});
    };
    events.on_routes_changed = [this] { ++route_calls_; };
    events.on_addresses_changed = [this] { ++address_calls_; };
    events.on_link = [this](uint32_t, const std::optional<KernelLink>& link) { link_calls_.push_back(link); };
    events.on_note = [this](const std::string& text) { notes_.push_back(text); };
    auto opened = KernelMonitor::open(io_, events, options);
    ASSERT_TRUE(succeeds(opened));
    monitor_ = opened.take();
    ASSERT_TRUE(succeeds(monitor_->watch({near_index()})));
  }

  // Runs the loop until `done` or ten seconds have passed.
  template <typename Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      io_.restart();
      io_.run_for(10ms);
    }
    return done();
  }
  // Runs it for as long as anything might still be under way.
  void settle() {
    io_.restart();
    io_.run_for(100ms);
  }

  KernelRoute route(const char* to, std::optional<IpAddress> gateway = {}) const {
    return {.prefix = prefix(to),
            .metric = 50,
            .protocol = kProtocol,
            .interface = near_index(),
            .gateway = gateway};
  }
  std::vector<KernelRoute> ours() const {
    std::vector<KernelRoute> found;
    for (const KernelRoute& row : monitor_->routes()) {
      if (row.protocol == kProtocol) found.push_back(row);
    }
    return found;
  }
  bool knows(const char* address, const char* mac_text) const {
    const auto* found = monitor_->neighbour(near_index(), ip(address));
    return found != nullptr && found->mac == mac(mac_text);
  }

  boost::asio::io_context io_;
  std::unique_ptr<KernelMonitor> monitor_;
  std::vector<NeighbourCall> neighbour_calls_;
  std::vector<std::optional<KernelLink>> link_calls_;
  std::vector<std::string> notes_;
  int route_calls_ = 0;
  int address_calls_ = 0;
};

TEST_F(KernelMonitorTest, BeginsWithEverythingThereIs) {
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  ASSERT_TRUE(succeeds(network().add_route(route("198.51.100.0/24", ip("192.0.2.9")))));
  start();
  EXPECT_THAT(ours(), ElementsAre(route("198.51.100.0/24", ip("192.0.2.9"))));
  EXPECT_THAT(neighbour_calls_, ElementsAre(NeighbourCall{ip("192.0.2.9"), mac("02:00:00:00:00:09")}));
  EXPECT_THAT(monitor_->addresses(), Contains(KernelAddress{near_index(), prefix("192.0.2.1/24")}));
  EXPECT_THAT(monitor_->addresses(), Contains(KernelAddress{near_index(), prefix("2001:db8::1/64")}));
  ASSERT_EQ(link_calls_.size(), 1U);
  EXPECT_EQ(link_calls_[0]->name, "shunt0");
  EXPECT_EQ(*monitor_->link(near_index()), *link_calls_[0]);
  EXPECT_EQ(route_calls_, 1);
  EXPECT_EQ(address_calls_, 1);
}

TEST_F(KernelMonitorTest, MirrorsRoutesAsTheyComeAndGo) {
  start();
  const auto four = route("198.51.100.0/24", ip("192.0.2.2"));
  const auto six = route("2001:db8:a::/48", ip("2001:db8::2"));
  ASSERT_TRUE(succeeds(network().add_route(four)));
  ASSERT_TRUE(succeeds(network().add_route(six)));
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{four, six}; }));
  const auto moved = route("198.51.100.0/24", ip("192.0.2.3"));
  ASSERT_TRUE(succeeds(network().replace_route(moved)));
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{moved, six}; }));
  ASSERT_TRUE(succeeds(network().remove_route(moved)));
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{six}; }));
}

TEST_F(KernelMonitorTest, ASecondTableIsMirroredToo) {
  KernelRoute before = route("198.51.100.1");
  before.table = 100;
  ASSERT_TRUE(succeeds(network().add_route(before)));
  start({.second_table = 100});
  EXPECT_THAT(ours(), ElementsAre(before));
  KernelRoute other = route("198.51.100.2");
  other.table = 101;
  ASSERT_TRUE(succeeds(network().add_route(other)));
  const KernelRoute main = route("198.51.100.3");
  ASSERT_TRUE(succeeds(network().add_route(main)));
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{before, main}; }));
  ASSERT_TRUE(succeeds(network().remove_route(before)));
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{main}; }));
}

TEST_F(KernelMonitorTest, ManyRouteChangesAreFewListings) {
  start();
  settle();
  const auto before = monitor_->counts().route_listings;
  const int calls = route_calls_;
  for (uint32_t i = 0; i < 500; ++i) {
    auto each = route("0.0.0.0/32");
    each.prefix.address = IpAddress::v4(be32(0xc6336400U + i));
    ASSERT_TRUE(succeeds(network().add_route(each)));
  }
  EXPECT_TRUE(run_until([&] { return ours().size() == 500; }));
  settle();
  EXPECT_LT(monitor_->counts().route_listings - before, 50U);
  EXPECT_LT(route_calls_ - calls, 50);
}

// The kernel sends no event for IPv4 routes that go with their link, nor for one that a replacement
// displaces.
TEST_F(KernelMonitorTest, SeesRoutesThatVanishSilently) {
  const PeerNamespace third;
  ASSERT_TRUE(succeeds(make_veth("other0", "far1", third.fd())));
  ASSERT_TRUE(succeeds(network().set_link("other0", {.up = true})));
  start();
  ASSERT_TRUE(succeeds(network().add_route(route("198.51.100.0/24"))));
  ASSERT_TRUE(succeeds(network().add_route(route("203.0.113.0/24"))));
  ASSERT_TRUE(run_until([&] { return ours().size() == 2; }));
  auto elsewhere = route("203.0.113.0/24");
  elsewhere.interface = network().link("other0").take().index;
  ASSERT_TRUE(succeeds(network().replace_route(elsewhere)));
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{route("198.51.100.0/24")}; }));
  ASSERT_TRUE(succeeds(network().set_link("shunt0", {.up = false})));
  EXPECT_TRUE(run_until([&] { return ours().empty(); }));
  EXPECT_FALSE(monitor_->link(near_index())->up);
}

TEST_F(KernelMonitorTest, TakesOneHopOfAMultipathRoute) {
  start();
  rtmsg head{};
  head.rtm_family = AF_INET;
  head.rtm_dst_len = 24;
  head.rtm_type = RTN_UNICAST;
  head.rtm_protocol = kProtocol;
  head.rtm_table = RT_TABLE_MAIN;
  NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, head);
  message.put_address(RTA_DST, ip("198.51.100.0")).put(RTA_PRIORITY, uint32_t{50});
  const size_t nest = message.begin_nest(RTA_MULTIPATH);
  for (const char* gateway : {"192.0.2.2", "192.0.2.3"}) {
    rtnexthop hop{};
    hop.rtnh_len = sizeof hop + 8;
    hop.rtnh_ifindex = static_cast<int>(near_index());
    message.append(&hop, sizeof hop);
    message.put_address(RTA_GATEWAY, ip(gateway));
  }
  message.end_nest(nest);
  auto socket = NetlinkSocket::open();
  ASSERT_TRUE(succeeds(socket.value().request(message, "multipath route")));
  auto wanted = route("198.51.100.0/24", ip("192.0.2.2"));
  wanted.hops = 2;
  EXPECT_TRUE(run_until([&] { return ours() == std::vector{wanted}; }));
  EXPECT_EQ(monitor_->counts().multipath_routes, 1U);
  EXPECT_THAT(notes_, ElementsAre("1 multipath routes: of each only the first next hop is used"));
}

TEST_F(KernelMonitorTest, MirrorsAddresses) {
  start();
  for (const char* text : {"198.51.100.7/24", "2001:db8:7::7/64"}) {
    const KernelAddress row = {near_index(), prefix(text)};
    const int calls = address_calls_;
    ASSERT_TRUE(succeeds(network().add_address(near_index(), row.prefix)));
    EXPECT_TRUE(run_until([&] { return address_calls_ == calls + 1; }));
    EXPECT_THAT(monitor_->addresses(), Contains(row).Times(1));
    ASSERT_TRUE(succeeds(network().remove_address(near_index(), row.prefix)));
    EXPECT_TRUE(run_until([&] { return address_calls_ == calls + 2; }));
    EXPECT_THAT(monitor_->addresses(), Not(Contains(row)));
  }
}

TEST_F(KernelMonitorTest, FollowsANeighboursMac) {
  start();
  for (const char* address : {"192.0.2.2", "2001:db8::2"}) {
    ASSERT_TRUE(succeeds(network().add_managed_neighbour(near_index(), ip(address))));
    EXPECT_TRUE(run_until([&] { return knows(address, "02:00:00:00:00:02"); })) << address;
  }
  neighbour_calls_.clear();
  // The other end changes its MAC and says so once per family.
  ASSERT_TRUE(succeeds(far().set_link("far0", {.mac = mac("02:00:00:00:00:22")})));
  for (const char* address : {"192.0.2.2", "2001:db8::2"}) {
    EXPECT_TRUE(run_until([&] { return knows(address, "02:00:00:00:00:22"); })) << address;
    const NeighbourCall wanted = {ip(address), mac("02:00:00:00:00:22")};
    EXPECT_THAT(neighbour_calls_, Contains(wanted).Times(1));
  }
}

TEST_F(KernelMonitorTest, AFailedNeighbourKeepsItsLastMac) {
  start();
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  ASSERT_TRUE(run_until([&] { return knows("192.0.2.9", "02:00:00:00:00:09"); }));
  ndmsg head{};
  head.ndm_family = AF_INET;
  head.ndm_ifindex = static_cast<int>(near_index());
  head.ndm_state = NUD_FAILED;
  NetlinkMessage fail(RTM_NEWNEIGH, NLM_F_REPLACE, head);
  fail.put_address(NDA_DST, ip("192.0.2.9"));
  auto socket = NetlinkSocket::open();
  ASSERT_TRUE(succeeds(socket.value().request(fail, "neighbour")));
  EXPECT_TRUE(run_until([&] { return !monitor_->neighbour(near_index(), ip("192.0.2.9"))->usable; }));
  EXPECT_TRUE(knows("192.0.2.9", "02:00:00:00:00:09"));
  EXPECT_EQ(neighbour_calls_.size(), 1U);  // the first appearance only
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  EXPECT_TRUE(run_until([&] { return monitor_->neighbour(near_index(), ip("192.0.2.9"))->usable; }));
  EXPECT_EQ(neighbour_calls_.size(), 1U);  // the same MAC is no news
  ASSERT_TRUE(succeeds(network().remove_neighbour(near_index(), ip("192.0.2.9"))));
  EXPECT_TRUE(run_until([&] { return neighbour_calls_.size() == 2; }));
  EXPECT_EQ(neighbour_calls_.back(), (NeighbourCall{ip("192.0.2.9"), std::nullopt}));
}

// Nobody reads while more happens than the queue holds: afterwards the mirror is exact and each difference
// was told.
TEST_F(KernelMonitorTest, ListsEverythingAgainWhenEventsAreLost) {
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  start({.receive_buffer_bytes = 4096});
  settle();
  neighbour_calls_.clear();
  constexpr uint32_t kCount = 500;
  const auto address = [](uint32_t i) { return IpAddress::v4(be32(0x0a010000U + i)); };
  const auto mac_of = [](uint32_t i) {
    return MacAddress{{2, 0, 0, 1, static_cast<uint8_t>(i >> 8U), static_cast<uint8_t>(i)}};
  };
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(succeeds(network().add_permanent_neighbour(near_index(), address(i), mac_of(i))));
    auto each = route("0.0.0.0/32", ip("192.0.2.9"));
    each.prefix.address = address(0x10000 + i);
    ASSERT_TRUE(succeeds(network().add_route(each)));
  }
  ASSERT_TRUE(succeeds(network().remove_neighbour(near_index(), ip("192.0.2.9"))));
  EXPECT_TRUE(run_until([&] { return monitor_->counts().overflows > 0 && ours().size() == kCount; }));
  settle();
  EXPECT_EQ(monitor_->neighbour(near_index(), ip("192.0.2.9")), nullptr);
  std::vector<NeighbourCall> wanted = {{ip("192.0.2.9"), std::nullopt}};
  for (uint32_t i = 0; i < kCount; ++i) {
    const auto* found = monitor_->neighbour(near_index(), address(i));
    ASSERT_NE(found, nullptr) << i;
    EXPECT_EQ(found->mac, mac_of(i));
    wanted.push_back({address(i), mac_of(i)});
  }
  EXPECT_THAT(neighbour_calls_, testing::UnorderedElementsAreArray(wanted));
}

TEST_F(KernelMonitorTest, SaysWhenALinkGoes) {
  start();
  ASSERT_TRUE(succeeds(network().set_link("shunt0", {.mtu = 1300})));
  EXPECT_TRUE(run_until([&] { return link_calls_.back() && link_calls_.back()->mtu == 1300; }));
  ASSERT_TRUE(succeeds(network().remove_link("shunt0")));
  EXPECT_TRUE(run_until([&] { return !link_calls_.back(); }));
  EXPECT_EQ(monitor_->link(near_index()), nullptr);
}

TEST_F(KernelMonitorTest, ForgetsWhatIsNoLongerWatched) {
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  start();
  ASSERT_EQ(monitor_->neighbour_count(), 1U);
  const auto calls = neighbour_calls_.size();
  ASSERT_TRUE(succeeds(monitor_->watch({})));
  EXPECT_EQ(monitor_->neighbour_count(), 0U);
  EXPECT_EQ(monitor_->link(near_index()), nullptr);
  EXPECT_TRUE(monitor_->routes().empty());
  ASSERT_TRUE(
      succeeds(network().add_permanent_neighbour(near_index(), ip("192.0.2.8"), mac("02:00:00:00:00:08"))));
  settle();
  EXPECT_EQ(neighbour_calls_.size(), calls);
}

TEST_F(KernelMonitorTest, MayBeDestroyedWithEventsPending) {
  start();
  ASSERT_TRUE(succeeds(network().add_route(route("198.51.100.0/24"))));
  io_.restart();
  io_.poll();  // the timer of the listing is armed now, and more is queued
  ASSERT_TRUE(succeeds(network().add_route(route("203.0.113.0/24"))));
  const int calls = route_calls_;
  monitor_.reset();
  settle();
  EXPECT_EQ(route_calls_, calls);
}

}  // namespace
}  // namespace shunt
