// A PuntThread without its thread: one datagram socket pair stands for each host_interface's tap, and its
// loops are run by hand.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>

#include "dataplane/punt_thread.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {

// Ends that don't block; [0] is shunt's, [1] the kernel's.
class SocketPair {
 public:
  SocketPair() {
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_.data()) != 0)
      throw std::runtime_error("socketpair");
  }
  ~SocketPair() {
    for (const int end : ends_)
      close(end);
  }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;

  int shunts() const { return ends_[0]; }
  void send(const Bytes& frame) const {
    EXPECT_EQ(write(ends_[1], frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  }
  std::optional<Bytes> receive() const {
    const ssize_t bytes = recv(ends_[1], nullptr, 0, MSG_PEEK | MSG_TRUNC);
    if (bytes < 0) return std::nullopt;
    Bytes frame(static_cast<size_t>(bytes));
    EXPECT_EQ(read(ends_[1], frame.data(), frame.size()), bytes);
    return frame;
  }
  // Until the kernel would take no more.
  void fill() const {
    const Bytes frame(1000, 0);
    while (write(ends_[0], frame.data(), frame.size()) > 0) {
    }
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

struct PuntHarness {
  explicit PuntHarness(const Config& config = mode_config(), size_t to_worker_bytes = 256 * 1024)
      : pipeline(config), to_worker(to_worker_bytes), thread(settings()) {}

  PuntThread::Settings settings() {
    PuntThread::Settings settings;
    settings.host_fds = {taps[0].shunts(), -1};
    settings.from_workers = {&rings};
    settings.to_worker = &to_worker;
    settings.snapshot = [this] { return published; };
    settings.done = [this] { ++quiescent; };
    return settings;
  }

  void punt(uint8_t port, const Bytes& frame, bool urgent = false) {
    ASSERT_TRUE((urgent ? rings.urgent : rings.rest).push(port, 0, frame));
    ++workers.received;
    ++workers.entered;
  }
  // One loop; what it put into the ring for the worker is taken out.
  std::vector<SentFrame> run(uint64_t now_ns = 0) {
    thread.run_once(now_ns);
    std::vector<SentFrame> made;
    while (const auto record = to_worker.front()) {
      made.push_back({record->port, Bytes(record->frame.begin(), record->frame.end())});
      to_worker.pop();
      ++workers.left;
      ++workers.sent;
    }
    check();
    return made;
  }
  void check() const {
    EXPECT_TRUE(thread.ledger().read().balanced());
    Ledger sum = thread.ledger().read();
    sum += workers;
    EXPECT_TRUE(sum.balanced());
    EXPECT_EQ(sum.received + sum.originated,
              sum.sent + sum.punted + sum.dropped_total() + static_cast<uint64_t>(sum.in_flight()));
  }
  uint64_t drops(DropReason reason) const {
    return thread.ledger().read().dropped[static_cast<size_t>(reason)];
  }
  void forget_announcements() {  // those of the first snapshot, three of each VIP
    for (uint64_t second = 0; second < 4; ++second)
      run(second * 1'000'000'000U);
  }

  Pipeline pipeline;
  const Snapshot* published = &pipeline.snapshot();
  PuntRings rings;
  FrameRing to_worker;
  std::array<SocketPair, 1> taps;
  uint64_t quiescent = 0;
  Ledger workers;  // the workers' half of the account
  PuntThread thread;
};

}  // namespace shunt::packet
