// The real node_exporter, asked over the real network: what it says of this machine agrees with what the
// kernel says.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "insight/hosts/host_reading.h"
#include "insight/hosts/http_asker.h"
#include "insight/hosts/metrics_text.h"

namespace shunt::insight {
namespace {

constexpr const char* kProgram = "/usr/bin/prometheus-node-exporter";

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  void* raw = &address;
  bind(fd, static_cast<const sockaddr*>(raw), length);
  getsockname(fd, static_cast<sockaddr*>(raw), &length);
  close(fd);
  return ntohs(address.sin_port);
}

class NodeExporter : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kProgram, X_OK) != 0) GTEST_SKIP() << kProgram << " isn't installed";
    port_ = free_port();
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ > 0) return;
    const std::string listen = "--web.listen-address=127.0.0.1:" + std::to_string(port_);
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    execl(kProgram, kProgram, listen.c_str(), nullptr);
    _exit(1);
  }
  void TearDown() override {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Result<std::string> ask(uint16_t port) {
    boost::asio::io_context io;
    Result<std::string> got = Error{"", "no answer"};
    int answers = 0;
    http_asker(io.get_executor())("127.0.0.1", port, [&](Result<std::string> answer) {
      got = std::move(answer);
      ++answers;
    });
    io.run();
    EXPECT_EQ(answers, 1);
    return got;
  }
  Result<std::string> ask_until_there() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      Result<std::string> answer = ask(port_);
      if (answer || std::chrono::steady_clock::now() > end) return answer;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  uint16_t port_ = 0;
  pid_t child_ = -1;
};

double meminfo(const std::string& wanted) {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  double value = 0;
  while (file >> name >> value) {
    std::getline(file, unit);
    if (name == wanted + ":") return value;
  }
  return 0;
}

TEST_F(NodeExporter, SaysWhatTheKernelSays) {
  const Result<std::string> first_text = ask_until_there();
  ASSERT_TRUE(first_text) << first_text.error().text();
  EXPECT_EQ(parse_metrics(first_text.value(), [](const MetricSample&) {}).bad_lines, 0U);
  const Result<HostReading> first = read_host(first_text.value(), 1'000);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_NEAR(first.value().memory.value(), 1 - meminfo("MemAvailable") / meminfo("MemTotal"), 0.1);
  struct statvfs root{};
  ASSERT_EQ(statvfs("/", &root), 0);
  const double used = 1 - static_cast<double>(root.f_bavail) / static_cast<double>(root.f_blocks);
  EXPECT_GE(first.value().disk.value(), used - 0.05);  // the root, or a fuller one

  // Counters of a CPU are hundredths of a second: until they moved.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  HostNumbers both;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const Result<std::string> text = ask(port_);
    ASSERT_TRUE(text);
    both = host_numbers(first.value(), read_host(text.value(), 2'000).take());
  } while (!both.cpu && std::chrono::steady_clock::now() < end);
  ASSERT_TRUE(both.cpu);
  EXPECT_GE(*both.cpu, 0);
  EXPECT_LE(*both.cpu, 1);
  EXPECT_GE(both.received.value(), 0);
  EXPECT_GE(both.sent.value(), 0);
}

TEST_F(NodeExporter, NobodyThereIsAnError) {
  const Result<std::string> answer = ask(free_port());
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().what.empty());
}

}  // namespace
}  // namespace shunt::insight
