#include "tests/tools/poller.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "tests/tools/duration.h"

namespace shunt {

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.is_open()) {
    std::perror("epoll_create1");
    std::exit(2);
  }
}

bool Poller::add(int fd, uint32_t events, Pollable* target) {
  epoll_event event{events, {target}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, uint32_t events, Pollable* target) {
  epoll_event event{events, {target}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

bool Poller::wait(int timeout_ms) {
  return call(epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), timeout_ms));
}

bool Poller::wait_until(std::optional<uint64_t> deadline_ns) {
  const auto size = static_cast<int>(ready_.size());
  if (!deadline_ns) return call(epoll_wait(epoll_.get(), ready_.data(), size, -1));
  const uint64_t left_ns = since(*deadline_ns, monotonic_ns());
  const timespec timeout{static_cast<time_t>(left_ns / kNsPerSecond),
                         static_cast<long>(left_ns % kNsPerSecond)};
  return call(epoll_pwait2(epoll_.get(), ready_.data(), size, &timeout, nullptr));
}

bool Poller::call(int count) {
  const uint64_t now_ns = monotonic_ns();
  for (int i = 0; i < count; ++i) {
    const epoll_event event = ready_[static_cast<size_t>(i)];
    static_cast<Pollable*>(event.data.ptr)->on_ready(event.events, now_ns);
  }
  return count < static_cast<int>(ready_.size());
}

}  // namespace shunt
