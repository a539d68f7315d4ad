#include "tests/tools/echo_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "tests/tools/message.h"

namespace shunt {
namespace {

constexpr size_t kMaxUnsentBytes = 1U << 20U;

}  // namespace

class EchoConnection final : public Pollable {
 public:
  EchoConnection(Fd socket, EchoListener& owner) : socket_(std::move(socket)), owner_(owner) {}

  void on_ready(uint32_t events, uint64_t now_ns) override;

 private:
  enum class End { none, orderly, reset };

  bool receive();
  bool answer_frames();
  bool send_out();
  void watch();
  void finish(End end);

  Fd socket_;
  EchoListener& owner_;
  std::string in_;
  std::string out_;
  uint64_t messages_ = 0;
  uint32_t watched_ = EPOLLIN;
  End end_ = End::none;  // comes when `out_` is sent
};

void EchoConnection::on_ready(uint32_t events, uint64_t /*now_ns*/) {
  bool alive = true;
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0 && out_.size() < kMaxUnsentBytes)
    alive = receive() && answer_frames();
  if (alive) alive = send_out();
  if (!alive) return finish(End::orderly);
  if (end_ != End::none && out_.empty()) return finish(end_);
  watch();
}

// False when the peer has ended it.
bool EchoConnection::receive() {
  std::array<char, 65536> buffer;  // NOLINT: filled by recv
  const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  in_.append(buffer.data(), static_cast<size_t>(got));
  return got > 0;
}

// False when what comes is no frame of ours.
bool EchoConnection::answer_frames() {
  const EchoFaults& faults = owner_.answerer_.faults();
  size_t used = 0;
  while (end_ == End::none) {
    const std::span<uint8_t> rest(reinterpret_cast<uint8_t*>(in_.data()) + used, in_.size() - used);
    const auto size = frame_bytes(rest);
    if (size && (*size == 0 || *size > rest.size())) break;
    if (!size || !read_question(rest.first(*size))) {
      ++owner_.counts_.not_ours;
      return false;
    }
    ++messages_;
    ++owner_.counts_.tcp_messages;
    const unsigned copies = owner_.answerer_.answer(rest.first(*size), messages_);
    for (unsigned i = 0; i < copies; ++i)
      out_.append(in_, used, *size);
    used += *size;
    if (messages_ == faults.rst_after) end_ = End::reset;
    if (messages_ == faults.close_after) end_ = End::orderly;
  }
  in_.erase(0, used);
  return true;
}

bool EchoConnection::send_out() {
  if (out_.empty()) return true;
  const ssize_t sent = send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  out_.erase(0, static_cast<size_t>(sent));
  return true;
}

void EchoConnection::watch() {
  uint32_t events = 0;
  if (out_.size() < kMaxUnsentBytes) events |= EPOLLIN;
  if (!out_.empty()) events |= EPOLLOUT;
  if (events != watched_) owner_.poller_.change(socket_.get(), events, this);
  watched_ = events;
}

void EchoConnection::finish(End end) {
  set_reset_on_close(socket_.get(), end == End::reset);
  const int number = socket_.get();
  owner_.connections_.erase(number);  // closes the socket and ends this object: nothing may follow
}

EchoListener::EchoListener(Fd socket, Poller& poller, Answerer& answerer, EchoCounts& counts)
    : socket_(std::move(socket)), poller_(poller), answerer_(answerer), counts_(counts) {
  poller_.add(socket_.get(), EPOLLIN, this);
}

EchoListener::~EchoListener() = default;

void EchoListener::on_ready(uint32_t /*events*/, uint64_t /*now_ns*/) {
  for (;;) {
    Fd socket(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      if (errno != EMFILE && errno != ENFILE) return;
      std::perror("shunt-echo: accept");  // it would be offered again and again
      std::exit(2);
    }
    const int one = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    set_reset_on_close(socket.get(), true);
    const int number = socket.get();
    auto connection = std::make_unique<EchoConnection>(std::move(socket), *this);
    poller_.add(number, EPOLLIN, connection.get());
    connections_[number] = std::move(connection);
    ++counts_.tcp_connections;
  }
}

}  // namespace shunt
