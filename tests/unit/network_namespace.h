// Network namespaces for tests: each test has a fresh one of its own, and a second one behind a veth pair.
//
// The namespaces have no names: they go with the process, however it ends.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <unistd.h>

#include <string>

#include "common/unique_fd.h"
#include "control/kernel_network.h"
#include "control/netlink_socket.h"

namespace shunt {

inline UniqueFd current_namespace() {
  return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

// A second namespace; the thread is in it only during run().
class PeerNamespace {
 public:
  PeerNamespace() : home_(current_namespace()) {
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    peer_ = current_namespace();
    EXPECT_EQ(::setns(home_.get(), CLONE_NEWNET), 0);
  }

  int fd() const { return peer_.get(); }

  template <typename Body>
  auto run(Body body) const {
    EXPECT_EQ(::setns(peer_.get(), CLONE_NEWNET), 0);
    auto result = body();
    EXPECT_EQ(::setns(home_.get(), CLONE_NEWNET), 0);
    return result;
  }

 private:
  UniqueFd home_;
  UniqueFd peer_;
};

// `name` here and `peer` in the namespace `peer_fd`.
inline Result<> make_veth(const std::string& name, const std::string& peer, int peer_fd) {
  auto socket = NetlinkSocket::open();
  if (!socket) return socket.error();
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  message.put_text(IFLA_IFNAME, name);
  const size_t info = message.begin_nest(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "veth");
  const size_t data = message.begin_nest(IFLA_INFO_DATA);
  const size_t other = message.begin_nest(VETH_INFO_PEER);
  const ifinfomsg head{};
  message.append(&head, sizeof head);
  message.put_text(IFLA_IFNAME, peer).put(IFLA_NET_NS_FD, static_cast<uint32_t>(peer_fd));
  message.end_nest(other);
  message.end_nest(data);
  message.end_nest(info);
  return socket.value().request(message, "veth " + name);
}

template <typename T>
testing::AssertionResult succeeds(const Result<T>& result) {
  if (result.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().text();
}

inline Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}
inline IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}
inline MacAddress mac(const char* text) {
  return MacAddress::parse(text).value();
}

// A fresh namespace with shunt0 (192.0.2.1/24, 2001:db8::1/64) wired to `far0` (.2, ::2) in a second one. Far
// answers announce a new MAC by gratuitous ARP and unsolicited NA, as a router that fails over does.
class WiredNamespace : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace of its own";
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    network_.emplace(KernelNetwork::open().take());
    peer_.emplace();
    far_.emplace(peer_->run([] { return KernelNetwork::open(); }).take());
    ASSERT_TRUE(succeeds(make_veth("shunt0", "far0", peer_->fd())));
    // Else the kernel asks for IPv6 neighbours only when its link-local address has passed DAD, after a
    // second or two.
    ASSERT_TRUE(succeeds(set_interface_sysctl(Family::ipv6, "conf", "shunt0", "accept_dad", "0")));
    ASSERT_TRUE(succeeds(network().set_link("shunt0", {.up = true, .mac = mac("02:00:00:00:00:01")})));
    ASSERT_TRUE(succeeds(peer_->run([] {
      const auto set = set_interface_sysctl(Family::ipv6, "conf", "far0", "accept_dad", "0");
      if (!set) return set;
      const auto notify = set_interface_sysctl(Family::ipv4, "conf", "far0", "arp_notify", "1");
      return notify ? set_interface_sysctl(Family::ipv6, "conf", "far0", "ndisc_notify", "1") : notify;
    })));
    ASSERT_TRUE(succeeds(far().set_link("far0", {.up = true, .mac = mac("02:00:00:00:00:02")})));
    near_index_ = network().link("shunt0").value().index;
    far_index_ = far().link("far0").value().index;
    for (const char* text : {"192.0.2.1/24", "2001:db8::1/64"}) {
      ASSERT_TRUE(succeeds(network().add_address(near_index_, prefix(text))));
    }
    for (const char* text : {"192.0.2.2/24", "2001:db8::2/64"}) {
      ASSERT_TRUE(succeeds(far().add_address(far_index_, prefix(text))));
    }
  }

  KernelNetwork& network() { return *network_; }
  KernelNetwork& far() { return *far_; }
  uint32_t near_index() const { return near_index_; }

 private:
  std::optional<KernelNetwork> network_;
  std::optional<KernelNetwork> far_;
  std::optional<PeerNamespace> peer_;
  uint32_t near_index_ = 0;
  uint32_t far_index_ = 0;
};

}  // namespace shunt
