// DiscoveryMonitor: follows the source of every pool that has one, and keeps what each said last: while it
// fails (stale), when it takes away too much at once (held), and over restarts.
//
// Owner: the control thread; every call and every callback is on the executor's one thread. Destroy or stop
// it before its io_context. Bound: one source a pool; kMostPoolBackends backends of each. Listeners hear of
// all that changed within kChangeGap at once, or within five times as long as they took the last time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/discovered_backends.h"
#include "control/discovery_source.h"
#include "control/discovery_status.h"

namespace shunt {

class DiscoveryMonitor {
 public:
  static constexpr std::chrono::milliseconds kChangeGap{100};

  struct Hooks {
    // discovered() says something else now, in words: "web: 2 new, 1 gone: 9 backends; api: ...".
    std::function<void(const std::string&)> on_change;
    // docs/events.md: kind, pool, text.
    std::function<void(const std::string&, const std::string&, const std::string&)> on_event;
    // By default make_discovery_source and the system's clock.
    std::function<std::unique_ptr<DiscoverySource>(const boost::asio::any_io_executor&,
                                                   const DiscoveryConfig&)>
        make;
    std::function<std::chrono::system_clock::time_point()> now;
  };

  DiscoveryMonitor(boost::asio::any_io_executor executor, const std::string& state_dir, Hooks hooks);
  ~DiscoveryMonitor();
  DiscoveryMonitor(const DiscoveryMonitor&) = delete;
  DiscoveryMonitor& operator=(const DiscoveryMonitor&) = delete;

  // What to follow from now on. An equal source goes on undisturbed, and a new `max_change` judges its last
  // answer again. A pool whose source is another now keeps its backends until that one answers, whose first
  // answer isn't guarded. A pool that is new begins with what is remembered of it, if that is of the same
  // source.
  void set_sources(const Config& config);

  Discovered discovered() const;
  std::vector<DiscoveryStatus> statuses() const;  // by pool
  // Follows the answer that is held. False where none is.
  bool accept(const std::string& pool);

  // Ends everything for good, and writes what is yet to be remembered. No callback comes after it.
  void stop();

 private:
  struct Core;
  struct Pool;
  std::shared_ptr<Core> core_;
};

}  // namespace shunt
