// Poller: epoll with an object behind each descriptor.
//
// Owner: one thread. A Pollable may take itself out (or close its descriptor) while it is called, never
// another one: events already fetched for that would reach it.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>

#include "tests/tools/socket.h"

namespace shunt {

class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void on_ready(uint32_t events, uint64_t now_ns) = 0;
};

class Poller {
 public:
  Poller();
  // False where the descriptor can't be polled (a plain file, /dev/null).
  bool add(int fd, uint32_t events, Pollable* target);
  void change(int fd, uint32_t events, Pollable* target);
  void remove(int fd);
  // Waits up to `timeout_ms` (-1: for ever) and calls what is ready; false if more may be ready than was
  // called.
  bool wait(int timeout_ms);
  // The same until `deadline_ns` (monotonic_ns()), to the microsecond; none: for ever.
  bool wait_until(std::optional<uint64_t> deadline_ns);

 private:
  bool call(int count);

  Fd epoll_;
  std::array<epoll_event, 512> ready_{};
};

}  // namespace shunt
