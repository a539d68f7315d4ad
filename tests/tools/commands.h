// What the probe is told while it runs: signals, and lines on stdin or a FIFO.
//
// SIGUSR1, SIGTERM, SIGINT, "end": come to an end now, with a report. SIGUSR2: the backends of --expect-lost
// are lost. "lost NAME": so is this one. Say it before the backend is killed: what breaks earlier is broken.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "tests/tools/poller.h"
#include "tests/tools/tally.h"

namespace shunt {

class Commands;

// Lines from one descriptor.
class LineSource final : public Pollable {
 public:
  LineSource(Commands& commands, Poller& poller) : commands_(commands), poller_(poller) {}
  void on_ready(uint32_t events, uint64_t now_ns) override;
  void watch(int fd);

 private:
  static constexpr size_t kMaxLine = 4096;  // a longer one is thrown away

  Commands& commands_;
  Poller& poller_;
  int fd_ = -1;
  std::string line_;
};

class Commands final : public Pollable {
 public:
  // Blocks the signals, so that they come here.
  Commands(Poller& poller, LostBackends& lost);
  ~Commands() override;
  // Reads stdin too, and the FIFO `control` (made if it isn't there, and then removed at the end) unless it
  // is "".
  Result<> open(const std::string& control);

  void on_ready(uint32_t events, uint64_t now_ns) override;
  void obey(const std::string& line);
  bool end_asked() const { return end_asked_; }

 private:
  Poller& poller_;
  LostBackends& lost_;
  Fd signals_;
  Fd fifo_;
  std::string made_;  // the FIFO to remove
  LineSource stdin_lines_;
  LineSource fifo_lines_;
  bool end_asked_ = false;
};

}  // namespace shunt
