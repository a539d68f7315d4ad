// HealthCheck: one probe of one backend, from the first SYN to a verdict with its reason.
//
// Owner: whoever runs it, on its executor's one thread. Bound: one socket, one timer, 16 KiB of answer,
// `timeout` for the whole of it (twice that at most, if our own thread was held up). Nothing of the peer's is
// trusted.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/address.h"
#include "control/config.h"

namespace shunt {

struct HealthTarget {
  std::string pool;
  std::string backend;
  IpAddress address;
  uint16_t port = 0;
  HealthConfig config;
  std::optional<IpAddress> source;  // what the check comes from; absent: the kernel chooses

  // Where the settings stand in their file is no part of it: a line added above must not restart checks.
  bool operator==(const HealthTarget& other) const;
};

// `internal` is a fault of our own (no file descriptor, no local port, a source address that isn't here) and
// says nothing about the backend; nor does `cancelled`.
enum class HealthOutcome : uint8_t { ok, failed, refused, timed_out, internal, cancelled };

struct HealthResult {
  HealthOutcome outcome = HealthOutcome::ok;
  std::string reason;  // "connected", "HTTP 503", "connect: Connection refused", "timed out after 500 ms
                       // while connecting"
  std::chrono::nanoseconds duration{0};

  bool ok() const { return outcome == HealthOutcome::ok; }
};

// tcp: good when the connection is established. http: GET over HTTP/1.1, good when the status is expected;
// the body isn't read. Always closed by RST, so that no TIME_WAIT piles up on either side.
class HealthCheck : public std::enable_shared_from_this<HealthCheck> {
 public:
  HealthCheck(const boost::asio::any_io_executor& executor, HealthTarget target);

  // Once per object, which must be owned by a shared_ptr. Throws nothing but what running out of memory
  // throws.
  boost::asio::awaitable<HealthResult> run();
  // run() ends at the executor's next turn, with `cancelled`.
  void cancel();

 private:
  using Clock = std::chrono::steady_clock;

  void arm_deadline(Clock::time_point when);
  void on_deadline();
  HealthResult open();
  boost::asio::awaitable<HealthResult> probe();
  boost::asio::awaitable<HealthResult> ask();
  HealthResult conclude(HealthResult result);
  HealthResult answer_error(const boost::system::error_code& error) const;
  HealthResult judge(unsigned status) const;
  void close();

  HealthTarget target_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  Clock::time_point started_;
  const char* stage_ = "connecting";
  bool extended_ = false;
  bool timed_out_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

}  // namespace shunt
