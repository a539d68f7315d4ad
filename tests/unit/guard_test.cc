// shunt-guard: what shuntd tells it, when it starts shuntd again, and which routes it removes.
#include "control/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/network_namespace.h"

namespace shunt {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

TEST(GuardMessage, IsReadAsItWasWritten) {
  GuardMessage message;
  message.ready = true;
  message.status = "at work";
  message.orders = GuardOrders{99, milliseconds(500), {4, 7}};
  EXPECT_EQ(message.text(), "READY=1\nSTATUS=at work\nX_SHUNT_ROUTES=99 500 4 7\n");
  const GuardMessage read = GuardMessage::parse(message.text());
  EXPECT_TRUE(read.ready);
  EXPECT_FALSE(read.stopping);
  EXPECT_EQ(read.status, "at work");
  EXPECT_EQ(read.orders, message.orders);
  EXPECT_TRUE(GuardMessage::parse("STOPPING=1").stopping);
}

TEST(GuardMessage, PassesOverWhatItDoesNotUnderstand) {
  for (const char* orders :
       {"", "0 500 4", "256 500", "90", "90 x", "90 500 4 x", "90 999999999", "90 500 4294967296"}) {
    const GuardMessage read =
        GuardMessage::parse("MAINPID=1\n\nX_SHUNT_ROUTES=" + std::string(orders) + "\nREADY=1\n");
    EXPECT_FALSE(read.orders) << orders;
    EXPECT_TRUE(read.ready);
  }
  EXPECT_EQ(GuardMessage::parse("X_SHUNT_ROUTES=90 0").orders, (GuardOrders{90, milliseconds(0), {}}));
  std::string many = "X_SHUNT_ROUTES=90 0";
  for (size_t i = 0; i <= GuardMessage::kMostInterfaces; ++i)
    many += " 1";
  EXPECT_FALSE(GuardMessage::parse(many).orders);
}

TEST(GuardBackoff, GrowsWhileLivesAreShort) {
  GuardBackoff backoff;
  std::vector<int64_t> waits;
  for (int i = 0; i < 10; ++i)
    waits.push_back(backoff.after(milliseconds(50)).count());
  EXPECT_THAT(waits, ElementsAre(0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000));
  EXPECT_EQ(backoff.after(GuardBackoff::kLongLife).count(), 0);
  EXPECT_EQ(backoff.after(milliseconds(50)).count(), 100);
}

class GuardInNamespace : public WiredNamespace {
 protected:
  void SetUp() override {
    WiredNamespace::SetUp();
    if (IsSkipped()) return;
    char name[] = "/tmp/shunt-guard-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    ::setenv("FOLDER", name, 1);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void add_route(const char* vip, uint8_t protocol) {
    KernelRoute route;
    route.prefix = prefix(vip);
    route.protocol = protocol;
    route.interface = near_index();
    ASSERT_TRUE(succeeds(network().replace_route(route)));
  }
  size_t routes(uint8_t protocol) { return network().routes(protocol).value().size(); }
  std::string contents(const char* file) {
    std::ifstream stream(folder_ / file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // Runs a shell script as the guard's child, to the guard's end.
  int run(const std::string& script, std::optional<GuardOrders> orders) {
    Guard guard({"sh", "-c", script}, std::move(orders));
    auto code = guard.run();
    EXPECT_TRUE(succeeds(code));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    return code ? code.value() : -1;
  }

  std::filesystem::path folder_;
};

TEST_F(GuardInNamespace, WithdrawsItsProtocolOnItsInterfacesOnly) {
  add_route("198.51.100.10", 90);
  add_route("2001:db8:f::10", 90);
  add_route("198.51.100.11", 91);
  EXPECT_EQ(withdraw_routes({90, {}, {near_index() + 100}}).value(), 0U);
  EXPECT_EQ(withdraw_routes({90, {}, {near_index()}}).value(), 2U);
  EXPECT_EQ(routes(90), 0U);
  EXPECT_EQ(routes(91), 1U);
  add_route("198.51.100.10", 90);
  EXPECT_EQ(withdraw_routes({90, {}, {}}).value(), 1U);
}

TEST_F(GuardInNamespace, AStartThatFailsIsNotRepeatedAndCostsNobodyItsRoutes) {
  add_route("198.51.100.10", 90);
  EXPECT_EQ(run("echo x >> $FOLDER/starts; exit 1", std::nullopt), 1);
  EXPECT_EQ(contents("starts"), "x\n");
  EXPECT_EQ(routes(90), 1U);
  EXPECT_EQ(run("exit 78", GuardOrders{90, {}, {}}), 78);
  EXPECT_EQ(routes(90), 0U) << "with orders it sweeps";
  EXPECT_EQ(run("exit 0", std::nullopt), 0);
  Guard missing({"/nonexistent/shuntd"}, std::nullopt);
  EXPECT_EQ(missing.run().value(), 127);
}

// The first child says that it is ready, and dies; the second stays silent. Its routes go, then a third one
// ends well.
TEST_F(GuardInNamespace, StartsAgainAndWithdrawsWhatStaysAway) {
  add_route("198.51.100.10", 90);
  const std::string script =
      "echo x >> $FOLDER/starts\n"
      "case $(wc -l < $FOLDER/starts) in\n"
      "  1) python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
      "s.sendto(b\"READY=1\\nX_SHUNT_ROUTES=90 50\\n\", \"\\0\" + os.environ[\"NOTIFY_SOCKET\"][1:])'; kill "
      "-9 $$ ;;\n"
      "  2) while ip route show proto 90 | grep -q 198.51.100.10; do sleep 0.02; done\n"
      "     ip route show proto 90 > $FOLDER/left; kill -9 $$ ;;\n"
      "  *) exit 0 ;;\n"
      "esac";
  EXPECT_EQ(run(script, std::nullopt), 0);
  EXPECT_EQ(contents("starts"), "x\nx\nx\n");
  EXPECT_EQ(contents("left"), "");
  EXPECT_EQ(routes(90), 0U);
}

TEST_F(GuardInNamespace, PassesSignalsOnAndEndsWithItsChild) {
  const pid_t guard = ::getpid();
  std::thread asker;
  sigset_t set;  // before the thread is there, so that none but the guard gets it
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  asker = std::thread([&] {
    while (!std::filesystem::exists(folder_ / "up"))
      std::this_thread::sleep_for(milliseconds(5));
    ::kill(guard, SIGTERM);
  });
  EXPECT_EQ(
      run("trap 'echo got > $FOLDER/signal; exit 0' TERM; echo > $FOLDER/up; while :; do sleep 0.01; done",
          std::nullopt),
      0);
  asker.join();
  EXPECT_EQ(contents("signal"), "got\n");
}

}  // namespace
}  // namespace shunt
