// HealthMonitor: watches all backends that have a health check, and says when one goes up or down.
//
// Owner: the control thread; every call and every callback is on the executor's one thread. One coroutine,
// one timer and at most one probe (one socket) per target. Destroy or stop it before its io_context.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/health_check.h"
#include "control/health_tracker.h"

namespace shunt {

// Of the state, or of the share that the backend asks for (`from` is `to` then).
struct HealthChange {
  std::string pool;
  std::string backend;
  HealthState from = HealthState::unknown;
  HealthState to = HealthState::unknown;
  double share = 1;    // of its usual new flows, 0 to 1
  std::string reason;  // the last check's, and how many were so in a row: "HTTP 503, 3 in a row"
};

struct HealthStatus {
  HealthState state = HealthState::unknown;
  bool held = false;        // its checks are good, and it is down for having flapped
  double share = 1;         // of its usual new flows that it asks for (agent checks)
  std::string last_reason;  // empty before the first check; internal faults stand here too
  uint64_t successes = 0;
  uint64_t failures = 0;
  uint32_t consecutive = 0;
  milliseconds last_duration{0};
  std::chrono::nanoseconds total_duration{0};  // of successes and failures
  uint64_t since_ns = 0;                       // steady_clock: since when it is in this state
};

struct HealthEntry {
  std::string pool;
  std::string backend;
  HealthStatus status;
};

// Checks by result since start, of all targets ever watched: for /metrics, they never go back.
struct HealthCounters {
  uint64_t ok = 0;
  uint64_t failed = 0;
  uint64_t refused = 0;
  uint64_t timed_out = 0;
  uint64_t internal = 0;  // our own faults; no backend's
  uint64_t missed =
      0;  // slots passed over, because a check lasted longer than its interval or our thread was held up
  uint64_t duration_count = 0;  // ok + failed + refused + timed_out
  std::chrono::nanoseconds duration_sum{0};
};

class HealthMonitor {
 public:
  // `on_change` may call back into the monitor, set_targets included. `seed` spreads the checks in time.
  HealthMonitor(boost::asio::any_io_executor executor, std::function<void(const HealthChange&)> on_change,
                uint64_t seed);
  ~HealthMonitor();
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  // What to watch from now on. An equal target goes on undisturbed. One whose settings differ starts over,
  // first check at once, but keeps its state while its address is the same. A second target of the same pool
  // and backend is ignored.
  void set_targets(std::vector<HealthTarget> targets);

  std::optional<HealthStatus> status(std::string_view pool, std::string_view backend) const;
  std::vector<HealthEntry> statuses() const;  // by pool, then backend
  const HealthCounters& counters() const;

  // Ends every check for good. No callback comes after it; coroutines are gone after the executor's next
  // turn.
  void stop();

 private:
  struct Core;
  struct Watch;
  using Key = std::pair<std::string, std::string>;

  std::shared_ptr<Watch> make_watch(HealthTarget target,
                                    std::chrono::steady_clock::duration first_within) const;

  std::shared_ptr<Core> core_;
  std::map<Key, std::shared_ptr<Watch>> watches_;
};

}  // namespace shunt
