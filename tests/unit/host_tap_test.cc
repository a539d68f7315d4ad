// HostTap against the real kernel: what is made, adopted, refused and left behind.
#include "control/host_tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "tests/unit/network_namespace.h"

namespace shunt {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class HostTapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace of its own";
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    network_.emplace(KernelNetwork::open().take());
  }

  static HostTapOptions options() {
    return {.name = "shunt0",
            .port = "net0",
            .mac = mac("02:00:00:00:00:01"),
            .mtu = 1400,
            .addresses = {prefix("192.0.2.1/24"), prefix("2001:db8::1/64")}};
  }
  KernelNetwork& network() { return *network_; }
  bool exists() { return network().find_link("shunt0").take().has_value(); }

  std::vector<Prefix> addresses() {
    std::vector<Prefix> found;
    const auto link = network().link("shunt0").take();
    const auto all = network().addresses().take();
    for (const KernelAddress& row : all) {
      if (row.interface == link.index && !row.prefix.address.is_link_local()) found.push_back(row.prefix);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // A persistent tap as `ip tuntap add` makes it.
  static void make_users_tap(int flags) {
    const UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::strcpy(request.ifr_name, "shunt0");
    request.ifr_flags = static_cast<short>(flags | IFF_NO_PI);
    ASSERT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0);
    ASSERT_EQ(::ioctl(fd.get(), TUNSETPERSIST, 1), 0);
  }

 private:
  std::optional<KernelNetwork> network_;
};

std::string sysctl(const std::string& path) {
  std::string value;
  std::ifstream("/proc/sys/net/" + path) >> value;
  return value;
}

TEST_F(HostTapTest, IsMadeAsConfiguredAndRemoved) {
  auto tap = HostTap::open(network(), options());
  ASSERT_TRUE(succeeds(tap));
  EXPECT_EQ(tap.value().origin(), HostTap::Origin::made);
  const auto link = network().link("shunt0").take();
  const KernelLink wanted = {.index = tap.value().index(),
                             .name = "shunt0",
                             .alias = "shunt net0",
                             .kind = "tun",
                             .mac = mac("02:00:00:00:00:01"),
                             .mtu = 1400,
                             .queue_length = 10'000,
                             .open_queues = 1,
                             .up = true,
                             .carrier = true};
  EXPECT_EQ(link, wanted);
  EXPECT_EQ(addresses(), options().addresses);
  EXPECT_EQ(sysctl("ipv4/neigh/shunt0/base_reachable_time_ms"), "4000");
  EXPECT_EQ(sysctl("ipv6/neigh/shunt0/base_reachable_time_ms"), "4000");
  EXPECT_EQ(sysctl("ipv6/conf/shunt0/accept_ra"), "0");
  EXPECT_EQ(sysctl("ipv6/conf/shunt0/accept_redirects"), "0");
  EXPECT_EQ(sysctl("ipv4/conf/shunt0/accept_redirects"), "0");
  ASSERT_TRUE(succeeds(tap.value().remove(network())));
  EXPECT_FALSE(exists());
}

// An ARP request for the tap's address goes in, the kernel's answer comes out: one frame a call, and no
// waiting.
TEST_F(HostTapTest, CarriesFramesBothWays) {
  auto opened = HostTap::open(network(), options());
  ASSERT_TRUE(succeeds(opened));
  const int fd = opened.value().fd();
  const uint8_t request[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0, 0, 0,  0, 9, 8, 6,  // Ethernet
                               0,    1,    8,    0,    6,    4,    0,   1,                     // ARP request
                               2,    0,    0,    0,    0,    9,    192, 0, 2, 50,              // from
                               0,    0,    0,    0,    0,    0,    192, 0, 2, 1};              // for
  ASSERT_EQ(::write(fd, request, sizeof request), 42);
  const uint8_t answer_start[] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 6,
                                  0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1};
  bool answered = false;
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (!answered && std::chrono::steady_clock::now() < deadline) {
    uint8_t frame[2048];
    const ssize_t size = ::read(fd, frame, sizeof frame);
    if (size >= 42) answered = std::memcmp(frame, answer_start, sizeof answer_start) == 0;
    if (size > 0) continue;
    ASSERT_EQ(errno, EAGAIN);
    pollfd wait = {fd, POLLIN, 0};
    (void)::poll(&wait, 1, 100);
  }
  EXPECT_TRUE(answered);
}

TEST_F(HostTapTest, AdoptsWhatAKilledProcessLeft) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto own = KernelNetwork::open();
    auto tap = HostTap::open(own.value(), options());
    const char done = tap ? 'y' : 'n';
    (void)!::write(ready[1], &done, 1);
    for (;;)
      ::pause();
  }
  char done = 0;
  ASSERT_EQ(::read(ready[0], &done, 1), 1);
  EXPECT_EQ(done, 'y');
  // While it lives nobody else gets it.
  EXPECT_THAT(HostTap::open(network(), options()).error().text(),
              HasSubstr("host_interface shunt0: another process has it open"));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_TRUE(exists());

  auto changed = options();  // the file was edited meanwhile
  changed.mac = mac("02:00:00:00:00:07");
  changed.mtu = 1500;
  changed.addresses = {prefix("192.0.2.7/24"), prefix("2001:db8::1/56")};
  auto tap = HostTap::open(network(), changed);
  ASSERT_TRUE(succeeds(tap));
  EXPECT_EQ(tap.value().origin(), HostTap::Origin::leftover);
  EXPECT_EQ(addresses(), changed.addresses);
  const auto link = network().link("shunt0").take();
  EXPECT_EQ(link.mac, changed.mac);
  EXPECT_EQ(link.mtu, 1500U);
  EXPECT_TRUE(link.carrier);
  ASSERT_TRUE(succeeds(tap.value().remove(network())));
  EXPECT_FALSE(exists());
}

TEST_F(HostTapTest, LeavesAUsersTapWithoutWhatWasAdded) {
  for (const int flags : {IFF_TAP, IFF_TAP | IFF_MULTI_QUEUE}) {
    make_users_tap(flags);
    const auto index = network().link("shunt0").take().index;
    const std::vector<Prefix> users = {prefix("192.0.2.1/24"), prefix("203.0.113.1/24")};
    for (const Prefix& each : users)
      ASSERT_TRUE(succeeds(network().add_address(index, each)));
    auto tap = HostTap::open(network(), options());
    ASSERT_TRUE(succeeds(tap));
    EXPECT_EQ(tap.value().origin(), HostTap::Origin::users);
    EXPECT_EQ(addresses(), (std::vector<Prefix>{users[0], users[1], prefix("2001:db8::1/64")}));
    ASSERT_TRUE(
        succeeds(tap.value().set_addresses(network(), {prefix("192.0.2.1/24"), prefix("192.0.2.5/24")})));
    EXPECT_EQ(addresses(), (std::vector<Prefix>{users[0], prefix("192.0.2.5/24"), users[1]}));
    ASSERT_TRUE(succeeds(tap.value().remove(network())));
    ASSERT_TRUE(exists());
    EXPECT_EQ(addresses(), users);
    EXPECT_EQ(network().link("shunt0").take().alias, "");
    ASSERT_TRUE(succeeds(network().remove_link("shunt0")));
  }
}

TEST_F(HostTapTest, RefusesASingleQueueTapInUse) {
  make_users_tap(IFF_TAP);
  auto first = HostTap::open(network(), options());
  ASSERT_TRUE(succeeds(first));
  EXPECT_THAT(HostTap::open(network(), options()).error().text(), HasSubstr("another process has it open"));
}

TEST_F(HostTapTest, RefusesWhatIsNoTap) {
  const PeerNamespace peer;
  ASSERT_TRUE(succeeds(make_veth("shunt0", "far0", peer.fd())));
  const std::string wanted =
      "host_interface shunt0: it exists and is no tap: choose another name, or remove it";
  EXPECT_EQ(HostTap::open(network(), options()).error().text(), wanted);
  ASSERT_TRUE(succeeds(network().remove_link("shunt0")));
  make_users_tap(IFF_TUN);
  EXPECT_EQ(HostTap::open(network(), options()).error().text(), wanted);
  auto long_name = options();
  long_name.name = "sixteen-bytes-xx";
  EXPECT_THAT(HostTap::open(network(), long_name).error().text(), HasSubstr("not an interface name"));
}

TEST_F(HostTapTest, LeavesNothingWhenItCannotBeConfigured) {
  auto wrong = options();
  wrong.mtu = 20;  // below Ethernet's least
  const auto tap = HostTap::open(network(), wrong);
  ASSERT_FALSE(tap);
  EXPECT_THAT(tap.error().text(),
              HasSubstr("host_interface shunt0: interface shunt0: Invalid argument: mtu"));
  EXPECT_FALSE(exists());
}

TEST_F(HostTapTest, TellsAnOrdinaryUserToBeRoot) {
  int text[2];
  ASSERT_EQ(::pipe(text), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said = "setuid failed";
    if (::setuid(65534) == 0) {
      auto own = KernelNetwork::open();
      const auto tap = HostTap::open(own.value(), options());
      said = tap ? "it worked" : tap.error().text();
    }
    (void)!::write(text[1], said.data(), said.size());
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  char said[512] = {};
  ASSERT_GT(::read(text[0], said, sizeof said - 1), 0);
  ::close(text[0]);
  ::close(text[1]);
  EXPECT_THAT(said, HasSubstr("Operation not permitted: run shuntd as root"));
  EXPECT_FALSE(exists());
}

}  // namespace
}  // namespace shunt
