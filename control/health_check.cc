#include "control/health_check.h"

#include <algorithm>
#include <string>
#include <utility>

namespace shunt {
namespace {

namespace asio = boost::asio;

// A deadline that fires this late means that our thread was held up, and the answer may be waiting in the
// kernel.
constexpr auto kHeldUp = std::chrono::milliseconds(10);

}  // namespace

HealthCheck::HealthCheck(const asio::any_io_executor& executor, HealthTarget target,
                         std::shared_ptr<TlsContexts> contexts)
    : target_(std::move(target)),
      contexts_(contexts ? std::move(contexts) : std::make_shared<TlsContexts>()),
      probe_(executor, target_, *contexts_),
      deadline_(executor) {}

asio::awaitable<HealthResult> HealthCheck::run() {
  const auto self = shared_from_this();
  started_ = Clock::now();
  arm_deadline(started_ + target_.config.timeout);
  HealthResult result = co_await probe_for(target_.config.type)(probe_);
  co_return conclude(std::move(result));
}

void HealthCheck::cancel() {
  cancelled_ = true;
  probe_.close();
}

void HealthCheck::arm_deadline(Clock::time_point when) {
  deadline_.expires_at(when);
  deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->on_deadline();
  });
}

void HealthCheck::on_deadline() {
  if (finished_) return;
  const auto now = Clock::now();
  const auto late = now - deadline_.expiry();
  if (late > kHeldUp && !extended_) {
    extended_ = true;
    arm_deadline(now + std::min<Clock::duration>(late, target_.config.timeout));
    return;
  }
  timed_out_ = true;
  probe_.close();
}

// A result that arrives after the deadline or a cancel is overruled: the socket was closed under it.
HealthResult HealthCheck::conclude(HealthResult result) {
  finished_ = true;
  deadline_.cancel();
  probe_.close();
  if (cancelled_) {
    result = make_result(HealthOutcome::cancelled, "cancelled");
  } else if (timed_out_) {
    result = make_result(
        HealthOutcome::timed_out,
        "timed out after " + std::to_string(target_.config.timeout.count()) + " ms while " + probe_.stage);
  }
  result.duration = Clock::now() - started_;
  return result;
}

}  // namespace shunt
