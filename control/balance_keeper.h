// BalanceKeeper tells workers what schedulers and limits that go by load need and a worker can't count
// itself: the flows that other workers and other services gave a backend, and how long backends take to
// answer.
//
// Why sums now and then and not shared counters: a worker writes nothing that another one writes, and its
// own flows it always knows. So with one worker and one service counts are exact; else a backend's count
// lacks what the other workers and services opened and ended since the last sum: at most what one of them
// opens in kSumEveryNs, times as many as there are besides. A limit is passed by no more than that (and by
// flows that probation forgets, which go by slot).
//
// How long: `connect` and `response` of telemetry (stats/flow_telemetry.h), each as a PeakEwma over the means
// of what was measured since the last look, added up; who has no value yet gets the median of the service's
// others. Where replies don't pass shunt both hold a client's round trip, which is the same for all
// backends. Of pairs beyond kLatencyPairs nothing is known: there least-response-time is least-connections.
//
// Owner: the control thread. Bound: kRowsAtOnce rows of counters in one call; the rest comes with the next.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "control/peak_ewma.h"
#include "control/registry.h"
#include "dataplane/worker_state.h"

namespace shunt {

class BalanceKeeper {
 public:
  static constexpr uint64_t kSumEveryNs = 10'000'000;
  static constexpr uint64_t kTimeEveryNs = 100'000'000;
  static constexpr size_t kRowsAtOnce = 16'384;

  // What there is to look after; call it when a snapshot was made.
  void set_plan(const Registry& registry);
  // Every kSumEveryNs.
  void tick(std::span<const WorkerState* const> workers, uint64_t now_ns);

 private:
  // A backend of a pool that somebody balances by load.
  struct Loaded {
    std::vector<uint32_t> rows;  // where it is counted now, one for each service
    std::vector<uint32_t> before;
  };
  // A service's backend whose answers are timed.
  struct Timed {
    uint16_t service = 0;
    uint32_t row = 0;
    IpAddress address;  // with the port: who it is; a row may be used again for somebody else
    uint16_t port = 0;

    bool operator==(const Timed&) const = default;
  };
  struct Measured {
    Timed who;
    uint64_t count[2] = {};  // connect, response
    uint64_t sum[2] = {};
    uint64_t at_ns[2] = {};
    PeakEwma time[2];
  };

  void sum_up(const Loaded& backend, std::span<const WorkerState* const> workers);
  static void measure(Measured& backend, std::span<const WorkerState* const> workers, uint64_t now_ns);
  static void tell_times(std::span<Measured> service, std::span<const WorkerState* const> workers);

  std::vector<Loaded> loaded_;
  size_t next_ = 0;
  std::vector<Measured> measured_;  // a service's side by side
  uint64_t timed_ns_ = 0;
};

// Flows of a pool's backend that are active or, where that is counted, may become it: of all services and
// workers.
int64_t live_flows(const Registry& registry, const std::string& pool, uint16_t number,
                   std::span<const WorkerState* const> workers);

}  // namespace shunt
