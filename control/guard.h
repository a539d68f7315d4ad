// Guard: starts shuntd, starts it again when it dies, and withdraws the VIPs' routes when it stays away.
//
// Owner: shunt-guard's only thread. No DPDK and no configuration: shuntd says by a datagram (guard_message.h)
// that it is ready, and which routes are to go. Bound: one child. A shuntd whose guard dies gets SIGTERM from
// the kernel and ends in good order.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "control/guard_message.h"

namespace shunt {

// How long to wait before the next start: nothing after a long life, more and more after short ones.
class GuardBackoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kMost{10'000};
  static constexpr std::chrono::milliseconds kLongLife{10'000};

  std::chrono::milliseconds after(std::chrono::milliseconds life) {
    if (life >= kLongLife) next_ = std::chrono::milliseconds(0);
    const auto now = next_;
    next_ = std::min(kMost, std::max(kFirst, next_ * 2));
    return now;
  }

 private:
  std::chrono::milliseconds next_{0};
};

// Removes the routes that `orders` names; how many there were.
Result<size_t> withdraw_routes(const GuardOrders& orders);

class Guard {
 public:
  using Clock = std::chrono::steady_clock;

  // `command`: shuntd and its arguments. `orders`: until shuntd gives others. Without any, nothing is
  // withdrawn: a shuntd that can't start, since another one runs, must not cost that one its routes.
  Guard(std::vector<std::string> command, std::optional<GuardOrders> orders)
      : command_(std::move(command)), orders_(std::move(orders)) {}

  // Until shuntd ends by a signal's wish (status 0), or in a way that another start doesn't mend: before it
  // was ever ready, by its configuration or its command line. What to exit with.
  Result<int> run();

 private:
  Result<> open();
  Result<> start();
  Result<std::optional<int>> turn();
  int timeout_ms() const;
  void on_signals();
  void on_notice();
  std::optional<int> on_end(int status);
  void withdraw();

  std::vector<std::string> command_;
  std::optional<GuardOrders> orders_;
  GuardBackoff backoff_;
  UniqueFd signals_;
  UniqueFd notices_;
  std::string notice_name_;
  std::string outer_notice_;  // $NOTIFY_SOCKET as the guard got it
  pid_t child_ = 0;           // 0: none
  bool was_ready_ = false;    // ever
  bool ending_ = false;       // the guard was asked to end
  Clock::time_point started_;
  std::optional<Clock::time_point> restart_at_;
  std::optional<Clock::time_point> withdraw_at_;
};

}  // namespace shunt
