// HealthCheck: one probe of one backend, from the first SYN to a verdict with its reason.
//
// Owner: whoever runs it, on its executor's one thread. Bound: one socket, one timer, 64 KiB of answer,
// `timeout` for the whole of it (twice that at most, if our own thread was held up). Nothing of the peer's is
// trusted.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "control/health_probe.h"
#include "control/health_tls.h"

namespace shunt {

// What is asked and what is good goes by the type (health_probe.h). Connections are always closed by RST, so
// that no TIME_WAIT piles up on either side.
class HealthCheck : public std::enable_shared_from_this<HealthCheck> {
 public:
  // `contexts` are shared by all checks of an executor; nullptr: this one makes its own.
  HealthCheck(const boost::asio::any_io_executor& executor, HealthTarget target,
              std::shared_ptr<TlsContexts> contexts = nullptr);

  // Once per object, which must be owned by a shared_ptr. Throws nothing but what running out of memory
  // throws.
  boost::asio::awaitable<HealthResult> run();
  // run() ends at the executor's next turn, with `cancelled`.
  void cancel();

 private:
  using Clock = std::chrono::steady_clock;

  void arm_deadline(Clock::time_point when);
  void on_deadline();
  HealthResult conclude(HealthResult result);

  HealthTarget target_;
  std::shared_ptr<TlsContexts> contexts_;
  HealthProbe probe_;
  boost::asio::steady_timer deadline_;
  Clock::time_point started_;
  bool extended_ = false;
  bool timed_out_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

}  // namespace shunt
