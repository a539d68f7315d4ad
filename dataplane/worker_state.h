// WorkerState: all that one worker's stages write, reached by argument.
//
// Owner: one Worker; not copied, not moved, not shared. What other threads may touch are the rings' other
// ends and the counters, which have one writer: this worker. Bound: everything is allocated at start.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "common/keyed_hash.h"
#include "dataplane/answer_limit.h"
#include "dataplane/client_macs.h"
#include "dataplane/flow_table.h"
#include "dataplane/fragment_table.h"
#include "dataplane/frame_ring.h"
#include "dataplane/narrow_path.h"
#include "dataplane/outer_ids.h"
#include "dataplane/pair_hint.h"
#include "dataplane/probation_table.h"
#include "dataplane/rate_limit.h"
#include "dataplane/snapshot.h"
#include "dataplane/telemetry.h"
#include "stats/ledger.h"
#include "stats/traffic_counters.h"

namespace shunt {

class CaptureTap;

// A next hop whose MAC a worker missed: the control thread asks the kernel for it.
struct NeighbourQuestion {
  uint8_t port = 0;
  IpAddress address;
};
using NeighbourQuestions = SpscRing<NeighbourQuestion, 256>;

struct WorkerMemory {
  std::span<std::byte> flows;           // FlowTable::bytes_for, zeroed, aligned to a line
  std::span<std::byte> probation;       // ProbationTable::bytes_for
  std::span<PairCounters> pairs;        // kMaxPairs
  std::span<ServiceCounters> services;  // kMaxServices
  std::span<std::byte> fragments = {};  // FragmentTable::bytes_for(fragment_limits)
  FragmentLimits fragment_limits = {};
  TelemetryMemory telemetry = {};  // none: telemetry is off
  std::span<PairHint> hints = {};  // kMaxPairs, zeroed; none: this worker is the only one, and knows no times
};

struct WorkerState {
  WorkerState(unsigned worker_index, const WorkerMemory& memory, const HashKey& key)
      : index(worker_index),
        table_key(key),
        flows(memory.flows, key),
        probation(memory.probation),
        outer_ids(key),
        pairs(memory.pairs),
        services(memory.services),
        fragments(memory.fragments, memory.fragment_limits, key),
        telemetry(memory.telemetry, probation, key),
        hints(memory.hints),
        turns(memory.services.size()) {}
  WorkerState(const WorkerState&) = delete;
  WorkerState& operator=(const WorkerState&) = delete;

  unsigned index;
  unsigned workers = 1;  // how many there are; a nat flow is the one's that its key names
  HashKey table_key;     // random per process
  std::atomic<CaptureTap*> capture = nullptr;  // set by the control thread while packets are copied
  FlowTable flows;
  ProbationTable probation;
  OuterIds outer_ids;
  std::span<PairCounters> pairs;
  std::span<ServiceCounters> services;
  WorkerCounters counters;
  Ledger ledger;
  NeighbourQuestions questions;
  NarrowPaths narrow_paths;
  ClientMacs client_macs;
  AnswerLimit answer_limit;
  AskLimit ask_limit;
  FragmentTable fragments;
  Telemetry telemetry;
  std::span<PairHint> hints;
  std::vector<uint32_t> turns;  // by service: new flows that were given otherwise than by slot

  void count_service_drop(uint16_t service, DropReason reason) {
    services[service].dropped[static_cast<size_t>(reason)].add(1);
  }
  // Live flows of a service's backend, those included that others count, as far as it was told.
  uint64_t live_flows(uint32_t pair) const {
    int64_t live = pairs[pair].live();
    if (!hints.empty()) live += hints[pair].elsewhere.load(std::memory_order_relaxed);
    return static_cast<uint64_t>(std::max<int64_t>(live, 0));
  }
  uint32_t answer_us(uint32_t pair) const {
    return hints.empty() ? 1 : std::max(hints[pair].answer_us.load(std::memory_order_relaxed), 1U);
  }
  // An entry of `service` (nullptr: gone, and its rows with it) is about to leave probation.
  void leaves_probation(const ProbationEntry& entry, const Service* service) {
    if (entry.counted) [[unlikely]]
      uncount(entry, service);
  }

 private:
  [[gnu::noinline]] void uncount(const ProbationEntry& entry, const Service* service) {
    if (service != nullptr) pairs[service->pair(entry.backend)].waiting.add(UINT64_MAX);
  }
};

// What the connection table asks about its entries: whether their service still exists, its timeouts, and
// whether their backend is still somebody. Counts the end of what was active.
class FlowLifetimes {
 public:
  FlowLifetimes(const Snapshot& snapshot, WorkerState& worker) : snapshot_(snapshot), worker_(worker) {}

  bool expired(uint64_t value, BackendRef backend, TcpState state, uint32_t idle_seconds) const {
    const Service* service = snapshot_.service(service_of(value));
    if (service == nullptr || !service->destination(backend).present) return true;
    return idle_seconds > service->timeout_s[static_cast<size_t>(state)];
  }
  void ended(uint64_t value, BackendRef backend, TcpState state, EndReason why) {
    const Service* service = snapshot_.service(service_of(value));
    worker_.telemetry.left_table(value, backend, service, state, why);
    if (service == nullptr || is_closing(state))
      return;  // no service: its rows are gone; closing: counted at its FIN
    worker_.pairs[service->pair(backend)].ended.add(1);
  }

 private:
  const Snapshot& snapshot_;
  WorkerState& worker_;
};

// The same for probation, by age alone: select asks whether its backend is still somebody where it matters,
// which is where the entry is used. What ends there was never active. Of lines without entries that are
// counted as waiting.
class UncountedAges {
 public:
  UncountedAges(const Snapshot& snapshot, WorkerState& worker) : snapshot_(snapshot), worker_(worker) {}

  bool expired(const ProbationEntry& entry, uint32_t age_ms) const {
    if (age_ms <= snapshot_.least_probation_ms) [[likely]]
      return false;  // without a look at its service, which may be gone: the sweep looks
    const Service* service = snapshot_.service(service_of(entry.key));
    if (service == nullptr) return true;
    switch (entry.kind) {
      case ProbationKind::syn:
        return age_ms > service->syn_timeout_ms;
      case ProbationKind::udp:
        return age_ms > service->udp_timeout_ms;
      default:
        return age_ms > kMidFlowLifetimeMs;
    }
  }
  void ended(const ProbationEntry& entry, EndReason why) const {
    if (why != EndReason::expired) return;
    const Service* service = snapshot_.service(service_of(entry.key));
    if (service != nullptr) worker_.telemetry.expired(entry, *service);
  }

 protected:
  const Snapshot& snapshot_;
  WorkerState& worker_;
};

// Of any line.
class ProbationAges : public UncountedAges {
 public:
  using UncountedAges::UncountedAges;

  void ended(const ProbationEntry& entry, EndReason why) const {
    if (entry.counted) worker_.leaves_probation(entry, snapshot_.service(service_of(entry.key)));
    UncountedAges::ended(entry, why);
  }
};

// For the sweep, which ends what names nobody: a number is used again only when no table knows it any more.
class ProbationLifetimes : public ProbationAges {
 public:
  using ProbationAges::ProbationAges;

  bool expired(const ProbationEntry& entry, uint32_t age_ms) const {
    const Service* service = snapshot_.service(service_of(entry.key));
    return service == nullptr || !service->destination(entry.backend).present ||
           ProbationAges::expired(entry, age_ms);
  }
};

}  // namespace shunt
