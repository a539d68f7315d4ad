// HostTap against the real kernel: what is made, adopted, refused and left behind.
#include "control/host_tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
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

TEST_F(HostTapTest, TurnsIpv6OnWhereItHasSuchAnAddress) {
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "1";
  HostTapOptions four = options();
  four.addresses = {prefix("192.0.2.1/24")};
  auto tap = HostTap::open(network(), four);
  ASSERT_TRUE(succeeds(tap));
  EXPECT_EQ(sysctl("ipv6/conf/shunt0/disable_ipv6"), "1");
  ASSERT_TRUE(succeeds(tap.value().set_addresses(network(), options().addresses)));
  EXPECT_EQ(sysctl("ipv6/conf/shunt0/disable_ipv6"), "0");
  EXPECT_EQ(addresses(), options().addresses);
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

// The punt thread may be late: what the kernel sends meanwhile waits.
TEST_F(HostTapTest, HoldsThousandsOfFrames) {
  auto opened = HostTap::open(network(), options());
  ASSERT_TRUE(succeeds(opened));
  const uint32_t index = opened.value().index();
  ASSERT_TRUE(succeeds(network().add_permanent_neighbour(index, ip("192.0.2.9"), mac("02:00:00:00:00:09"))));
  const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = ip("192.0.2.9").v4().raw();
  to.sin_port = be16(9).raw();
  constexpr int kCount = 5'000;
  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 1);
  }
  int received = 0;
  uint8_t frame[2048];
  for (ssize_t size = 0; (size = ::read(opened.value().fd(), frame, sizeof frame)) > 0;) {
    if (size == 43 && frame[5] == 9 && frame[12] == 8 && frame[13] == 0) ++received;
  }
  EXPECT_EQ(received, kCount);
}

// A child that opens the tap and holds it until it is killed, at the latest with its object.
class TapHolder {
 public:
  explicit TapHolder(const HostTapOptions& options) {
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) return;
    const UniqueFd reader(ready[0]);
    const UniqueFd writer(ready[1]);
    child_ = ::fork();
    if (child_ == 0) hold(options, writer.get());
    pollfd wait = {reader.get(), POLLIN, 0};
    char done = 0;
    opened_ = ::poll(&wait, 1, 5'000) == 1 && ::read(reader.get(), &done, 1) == 1 && done == 'y';
  }
  TapHolder(const TapHolder&) = delete;
  TapHolder& operator=(const TapHolder&) = delete;
  ~TapHolder() { kill(); }

  bool opened() const { return opened_; }
  void kill() {
    if (child_ <= 0) return;
    (void)::kill(child_, SIGKILL);
    (void)::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  [[noreturn]] static void hold(const HostTapOptions& options, int writer) {
    ::alarm(30);  // whatever happens to the test
    auto own = KernelNetwork::open();
    auto tap = HostTap::open(own.value(), options);
    const char done = tap ? 'y' : 'n';
    (void)!::write(writer, &done, 1);
    for (;;)
      ::pause();
  }

  pid_t child_ = 0;
  bool opened_ = false;
};

TEST_F(HostTapTest, AdoptsWhatAKilledProcessLeft) {
  TapHolder holder(options());
  ASSERT_TRUE(holder.opened());
  // While it lives nobody else gets it.
  const auto refused = HostTap::open(network(), options());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), HasSubstr("host_interface shunt0: another process has it open"));
  holder.kill();
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
