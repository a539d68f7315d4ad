// The HTTP side of shunt-test-backend: listeners, connections, and what the knobs do to them.
//
// Owner: the one thread. Bound: kMaxConnections, more wait in the kernel's backlog; a connection works on one
// request at a time and holds kMaxHeadBytes + kMaxRequestBody of what follows; one that is silent for kIdleNs
// is closed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "tests/tools/poller.h"
#include "tests/traffic/backend_metrics.h"
#include "tests/traffic/backend_routes.h"
#include "tests/traffic/knobs.h"
#include "tests/traffic/random.h"
#include "tests/traffic/work_line.h"

namespace shunt {

// What all parts of one backend share.
struct BackendCore {
  BackendCore(Poller& its_poller, std::string id, Knobs its_knobs, uint64_t seed)
      : poller(its_poller),
        line(timers),
        knobs(std::move(its_knobs)),
        random(seed),
        routes(std::move(id), knobs, metrics) {}

  // Ends the process as a crash does, if it is time.
  void crash_if_told();

  Poller& poller;
  Timers timers;
  WorkLine line;
  Knobs knobs;
  Random random;
  BackendMetrics metrics;
  BackendRoutes routes;
};

class BackendConnection;

class BackendListener final : public Pollable {
 public:
  static constexpr size_t kMaxConnections = 50'000;
  static constexpr uint64_t kIdleNs = 60'000'000'000;

  // `is_control`: nothing is counted or done wrong, and /control is answered; `on_control` is called after
  // it.
  BackendListener(Fd socket, BackendCore& core, bool is_control,
                  std::function<void(uint64_t now_ns)> on_control);
  ~BackendListener() override;
  void on_ready(uint32_t events, uint64_t now_ns) override;

  // Makes the backlog what the knobs say, and accepts again at once if it paused for them.
  void obey_knobs();
  // Ends the connections that are silent; not while the poller calls.
  void end_idle(uint64_t now_ns);

 private:
  friend class BackendConnection;

  bool accept_one(uint64_t now_ns);
  void pause(uint64_t until_ns);
  void resume();
  void end(uint64_t number);

  Fd socket_;
  BackendCore& core_;
  bool is_control_;
  std::function<void(uint64_t now_ns)> on_control_;
  bool paused_ = false;
  uint64_t next_number_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<BackendConnection>> connections_;
};

}  // namespace shunt
