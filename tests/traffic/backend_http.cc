#include "tests/traffic/backend_http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/tools/duration.h"
#include "tests/traffic/backend_connection.h"

namespace shunt {
namespace {

constexpr uint64_t kRetryNs = 10 * kNsPerMs;  // until it is tried again, when there are no descriptors left

}  // namespace

void BackendCore::crash_if_told() {
  if (!knobs.crash_now) return;
  std::fprintf(stderr, "shunt-test-backend: crash, as told\n");
  std::_Exit(static_cast<int>(knobs.exit_code));  // the kernel resets the connections: they linger for 0 s
}

BackendListener::BackendListener(Fd socket, BackendCore& core, bool is_control,
                                 std::function<void(uint64_t now_ns)> on_control)
    : socket_(std::move(socket)), core_(core), is_control_(is_control), on_control_(std::move(on_control)) {
  core_.poller.add(socket_.get(), EPOLLIN, this);
}

BackendListener::~BackendListener() = default;

void BackendListener::on_ready(uint32_t /*events*/, uint64_t now_ns) {
  const bool one_by_one = !is_control_ && core_.knobs.accept_gap_ns != 0;
  if (one_by_one) {
    accept_one(now_ns);
    return pause(now_ns + core_.knobs.accept_gap_ns);
  }
  for (unsigned i = 0; i < 256; ++i) {
    if (!accept_one(now_ns)) return;
  }
}

// False where there is no more, or no room.
bool BackendListener::accept_one(uint64_t now_ns) {
  if (connections_.size() >= kMaxConnections) {
    pause(now_ns + kRetryNs);
    return false;
  }
  Fd socket(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause(now_ns + kRetryNs);
    return false;
  }
  const int one = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  set_reset_on_close(socket.get(), true);  // until it ends in order
  const int descriptor = socket.get();
  const uint64_t number = next_number_++;
  auto connection = std::make_unique<BackendConnection>(std::move(socket), *this, number, now_ns);
  core_.poller.add(descriptor, EPOLLIN, connection.get());
  connections_[number] = std::move(connection);
  return true;
}

void BackendListener::pause(uint64_t until_ns) {
  if (paused_) return;
  paused_ = true;
  core_.poller.change(socket_.get(), 0, this);
  core_.timers.at(until_ns, [this](uint64_t) { resume(); });
}

void BackendListener::resume() {
  paused_ = false;
  core_.poller.change(socket_.get(), EPOLLIN, this);
}

void BackendListener::obey_knobs() {
  listen(socket_.get(), static_cast<int>(core_.knobs.backlog));
  resume();
}

void BackendListener::end_idle(uint64_t now_ns) {
  std::erase_if(connections_, [now_ns](const auto& entry) { return entry.second->is_idle(now_ns); });
}

void BackendListener::end(uint64_t number) {
  connections_.erase(number);
}

}  // namespace shunt
