#include "tests/tools/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace shunt {

void LineSource::watch(int fd) {
  fd_ = fd;
  poller_.add(fd, EPOLLIN, this);
}

void LineSource::on_ready(uint32_t /*events*/, uint64_t /*now_ns*/) {
  std::array<char, 512> bytes{};
  const ssize_t got = read(fd_, bytes.data(), bytes.size());
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return poller_.remove(fd_);
  for (ssize_t i = 0; i < got; ++i) {
    const char c = bytes[static_cast<size_t>(i)];
    if (c == '\n') {
      commands_.obey(line_);
      line_.clear();
    } else if (line_.size() < kMaxLine) {
      line_ += c;
    }
  }
}

Commands::Commands(Poller& poller, LostBackends& lost)
    : poller_(poller), lost_(lost), stdin_lines_(*this, poller), fifo_lines_(*this, poller) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT})
    sigaddset(&signals, number);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_ = Fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  poller_.add(signals_.get(), EPOLLIN, this);
}

Commands::~Commands() {
  if (!made_.empty()) unlink(made_.c_str());
}

Result<> Commands::open(const std::string& control) {
  stdin_lines_.watch(STDIN_FILENO);
  if (control.empty()) return Ok{};
  if (mkfifo(control.c_str(), 0600) == 0) {
    made_ = control;
  } else if (errno != EEXIST) {
    return errno_error(control);
  }
  // For reading and writing: a FIFO whose last writer has gone would be ready for ever.
  fifo_ = Fd(::open(control.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fifo_.is_open()) return errno_error(control);
  fifo_lines_.watch(fifo_.get());
  return Ok{};
}

void Commands::on_ready(uint32_t /*events*/, uint64_t /*now_ns*/) {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGUSR2) {
      lost_.announce_expected();
    } else {
      end_asked_ = true;
    }
  }
}

void Commands::obey(const std::string& line) {
  if (line == "end") {
    end_asked_ = true;
  } else if (line.starts_with("lost ") && line.size() > 5) {
    lost_.announce(line.substr(5));
  } else if (!line.empty()) {
    std::fprintf(stderr, "shunt-probe: \"%s\" isn't \"end\" or \"lost BACKEND\"\n", line.c_str());
  }
}

}  // namespace shunt
