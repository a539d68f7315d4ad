// One HTTP/1.0 request over one connection of its own, to its end.
//
// Owner: the one thread. Bound: kMaxResponseBytes, more is a failure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/tools/poller.h"
#include "tests/tools/socket.h"

namespace shunt {

// `failure` is empty when a whole response came: connect_failed, reset, early_close, timeout, bad_response,
// socket_error.
struct HttpOutcome {
  std::string_view failure;
  unsigned status = 0;
  std::string first_line;  // of the body
};

// Reads a whole response, as it stood when the server closed.
HttpOutcome parse_http_response(std::string_view response);

class HttpRequest final : public Pollable {
 public:
  HttpRequest(Poller& poller, const Endpoint& target, const IpAddress* source, const std::string& text,
              uint64_t now_ns);
  void on_ready(uint32_t events, uint64_t now_ns) override;
  void give_up() { fail("timeout"); }

  bool done() const { return done_; }
  uint64_t begun_ns() const { return begun_ns_; }
  uint64_t ended_ns() const { return ended_ns_; }
  const HttpOutcome& outcome() const { return outcome_; }

 private:
  static constexpr size_t kMaxResponseBytes = 1U << 20U;

  void connected();
  void receive();
  void fail(std::string_view failure);
  void fail_by_errno(int error);

  Poller& poller_;
  Fd socket_;
  std::string text_;
  std::string response_;
  uint64_t begun_ns_;
  uint64_t ended_ns_ = 0;
  bool connecting_ = true;
  bool done_ = false;
  HttpOutcome outcome_;
};

}  // namespace shunt
