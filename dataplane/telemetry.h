// Telemetry: what a worker learns of flows as they open, go on and end. lookup, select, icmp_error and the
// tables' policies tell it; it decides nothing and no packet's way depends on it.
//
// Owner: one Worker. Bound: what WorkerMemory gives it; without that it is off and every call returns at
// once. Cost: nothing for a packet on which nothing happens; a line of notes and a few additions for a flow
// that opens, a few additions for one that is known from its second packet on; watched flows (one in
// `sample`) take the long way through lookup (TcpState::watched).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "common/clock.h"
#include "dataplane/burst.h"
#include "dataplane/end_reason.h"
#include "dataplane/flow_table.h"
#include "dataplane/in_band.h"
#include "dataplane/opening_notes.h"
#include "dataplane/probation_table.h"
#include "dataplane/recent_failures.h"
#include "dataplane/snapshot.h"
#include "dataplane/watched_flows.h"
#include "stats/counter.h"
#include "stats/flow_telemetry.h"
#include "stats/record_ring.h"

namespace shunt {

struct TelemetryMemory {
  std::span<PairOutcomes> pairs;       // kMaxPairs
  std::span<ServiceRetries> services;  // kMaxServices
  std::span<PairLatency> latency;      // kLatencyPairs + kMaxServices
  std::span<InBandPauses> pauses;      // the same
  std::span<std::byte> notes;          // OpeningNotes::bytes_for
  std::span<std::byte> watched;        // WatchedFlows::bytes_for
  RecentFailures* failures = nullptr;  // shared by all workers
  RecordRing* records = nullptr;       // nullptr: none are written
};

class Telemetry {
 public:
  Telemetry(const TelemetryMemory& memory, const ProbationTable& probation, const HashKey& key)
      : memory_(memory), notes_(memory.notes, probation), watched_(memory.watched, key), key_(key) {}
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  bool is_on() const { return !memory_.pairs.empty(); }
  // Once a loop, before anything else.
  void start_loop(const Now& now) {
    now_ = now;
    now_us_ = now.ns / 1'000;
    instant_ = {now_us_, now.millisecond, static_cast<uint32_t>(now_us_ % 1'000)};
  }
  // Microseconds from the epoch of Now to that of records, 1970. From any thread.
  void set_epoch(int64_t us) { epoch_us_.store(us, std::memory_order_relaxed); }

  // A flow that is opening.
  void prefetch(const ProbationLine& line, const Service& service) const {
    if (is_on() && !service.exact_key) notes_.prefetch(line);
  }
  // A SYN has opened a flow. `entry`: nullptr if it isn't remembered.
  void opened(const ProbationEntry* entry, const Packet& packet, uint32_t pair) {
    if (is_on() && entry != nullptr) note_opening(*entry, packet, pair);
  }
  // It came again; to be told before the entry is changed.
  void syn_again(ProbationEntry& entry, const Packet& packet, uint32_t sequence);
  // nat: the backend's first SYN-ACK.
  void answered(ProbationEntry& entry, const Service& service);
  // The flow is about to leave probation by a packet of its client.
  void promoted(const ProbationEntry& entry, const Service& service);
  // It won't come to that: `entry` stays, and is told of once.
  void failed(ProbationEntry& entry, const Service& service, FlowOutcome outcome);
  // Its time in probation is over.
  void expired(const ProbationEntry& entry, const Service& service);
  // Nobody to give it to.
  void refused(const Packet& packet);

  // A flow of the connection table.
  bool samples(const Service& service, const FlowKey& key) const {
    return is_on() && (key.index & 0xffffU) < service.sample_below;
  }
  // False: there is no place to watch it. `from`: of kind syn or udp.
  bool watch(const ProbationEntry& from, const Packet& packet);
  // A packet of a watched flow, before it is rewritten. Taken into account by settle().
  void seen(const Packet& packet, bool is_reply);
  // Asks for the flows of what seen() was told of. Once a burst, some time after that and before settle().
  void find_seen() {
    if (found_ != seen_count_) [[unlikely]]
      find_all_seen();
  }
  // Takes into account what waited for its memory. Once a burst, when its packets have gone.
  void settle() {
    if ((seen_count_ | late_count_ | late_counts_) != 0) [[unlikely]]
      settle_all();
  }
  // A flow's first FIN or RST.
  void ended(const Packet& packet, bool is_reply, BackendRef backend, FlowOutcome outcome, bool is_watched);
  // It goes on after that.
  void revived(const Packet& packet, BackendRef backend);
  // What is known of a watched flow is written down; nobody looks at it any more.
  void unwatch(uint64_t value, BackendRef backend, const Service* service, FlowOutcome outcome);
  // An entry ended by itself, in `state`. `service`: nullptr if it has gone too.
  void left_table(uint64_t value, BackendRef backend, const Service* service, TcpState state, EndReason why);

  // For readers, at any time.
  const PairOutcomes& pair(uint32_t row) const { return memory_.pairs[row]; }
  const ServiceRetries& service(uint16_t id) const { return memory_.services[id]; }
  const PairLatency& latency_of(const Service& service, uint32_t pair) const {
    return latency(service, pair);
  }
  // Of a pair that has a row of its own; nullptr: it hasn't, or telemetry is off.
  const PairLatency* latency_row(uint32_t pair) const {
    return pair < kLatencyPairs && pair < memory_.latency.size() ? &memory_.latency[pair] : nullptr;
  }
  // A row that no worker writes any more.
  void zero_row(uint32_t pair);
  void zero_service(uint16_t id);

  uint64_t wall_us() const {
    return now_us_ + static_cast<uint64_t>(epoch_us_.load(std::memory_order_relaxed));
  }

 private:
  PairOutcomes& outcomes(uint32_t pair) const { return memory_.pairs[pair]; }
  uint32_t latency_row(const Service& service, uint32_t pair) const {
    return pair < kLatencyPairs ? pair : kLatencyPairs + service.id;
  }
  PairLatency& latency(const Service& service, uint32_t pair) const {
    return memory_.latency[latency_row(service, pair)];
  }
  // A packet of a watched flow, and a value for a histogram, that wait. (A counter waits as it is.)
  struct SeenPacket {
    uint64_t key_value;
    const Service* service;
    WatchedFlow* flow;  // since find_seen(); nullptr: it isn't watched
    uint32_t sequence;
    uint32_t bytes;
    uint16_t payload_bytes;
    bool is_reply;
  };
  struct LateValue {
    Histogram* histogram;
    uint32_t value;
  };
  static constexpr size_t kLate = 64;  // of each; settled when full

  void add_late(Histogram& histogram, uint32_t value) {
    if (late_count_ == kLate) [[unlikely]]
      add_all_late();
    histogram.prefetch();
    late_[late_count_++] = {&histogram, value};
  }
  // Counts one, later.
  void count_late(Counter& counter) {
    if (late_counts_ == kLate) [[unlikely]]
      add_all_late();
    __builtin_prefetch(&counter, 1);
    late_counters_[late_counts_++] = &counter;
  }
  void add_all_late();
  void find_all_seen();
  void settle_all();
  void take(const SeenPacket& seen);
  void take_answer(const SeenPacket& seen, PairLatency& times);
  bool note_data(const SeenPacket& seen);
  uint64_t who(const uint8_t* client) const;
  void note_opening(const ProbationEntry& entry, const Packet& packet, uint32_t pair);
  void note_opening_long(const ProbationEntry& entry, const Packet& packet, uint32_t pair);
  uint8_t attempt_of(const uint8_t* client, uint16_t service, uint32_t pair);
  void note_failure(const uint8_t* client, uint16_t service, uint8_t attempt);
  void end_chain(uint16_t service, uint8_t attempts);
  void count(const Service& service, BackendRef backend, FlowOutcome outcome);
  void write_opening(const ProbationEntry& entry, const Service& service, FlowOutcome outcome);
  void write(const WatchedFlow& flow, const Service& service, BackendRef backend, FlowOutcome outcome);
  void write_known(const Packet& packet, bool is_reply, BackendRef backend, FlowOutcome outcome,
                   uint8_t attempt);

  TelemetryMemory memory_;
  OpeningNotes notes_;
  WatchedFlows watched_;
  HashKey key_;
  Now now_;
  uint64_t now_us_ = 0;
  OpeningNotes::Instant instant_;
  std::atomic<int64_t> epoch_us_ = 0;
  uint32_t seen_count_ = 0;
  uint32_t found_ = 0;  // so many of them have had their flow looked for
  uint32_t late_count_ = 0;
  uint32_t late_counts_ = 0;
  std::array<SeenPacket, kLate> seen_;
  std::array<LateValue, kLate> late_;
  std::array<Counter*, kLate> late_counters_;
};

}  // namespace shunt
