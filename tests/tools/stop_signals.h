// StopSignals: SIGINT and SIGTERM as something to poll. From its making on neither ends the process by
// itself.
#pragma once

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>

#include "tests/tools/poller.h"

namespace shunt {

class StopSignals final : public Pollable {
 public:
  explicit StopSignals(Poller& poller) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = Fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
    poller.add(signals_.get(), EPOLLIN, this);
  }
  void on_ready(uint32_t /*events*/, uint64_t now_ns) override {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (count_++ == 0) first_ns_ = now_ns;
    }
  }
  bool asked() const { return count_ > 0; }
  bool asked_again() const { return count_ > 1; }
  uint64_t first_ns() const { return first_ns_; }  // where asked()

 private:
  Fd signals_;
  unsigned count_ = 0;
  uint64_t first_ns_ = 0;
};

}  // namespace shunt
