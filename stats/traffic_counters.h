// What a worker counts beside its ledger: per port, per service, and per service and backend.
//
// Owner: the worker that writes; any thread reads. Bound: the arrays are made once, as large as the limits
// below, in memory that costs nothing until it is touched. Cost: one line per (service, backend) and packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "stats/counter.h"
#include "stats/drop_reason.h"

namespace shunt {

inline constexpr uint32_t kMaxPorts = 32;
inline constexpr uint32_t kMaxServices = 16'384;  // ids 1 … kMaxServices − 1
inline constexpr uint32_t kMaxPairs = 1U << 20U;  // service × backend rows

struct PortCounters {
  Counter received_packets;
  Counter received_bytes;
  Counter sent_packets;
  Counter sent_bytes;
  Counter transmit_full;
};

// Bytes are of whole frames, as they came in.
struct alignas(64) PairCounters {
  Counter packets;  // client to backend
  Counter bytes;
  Counter reply_packets;  // backend to client: nat only, elsewhere replies don't pass here
  Counter reply_bytes;
  Counter flows;    // new flows given to this backend
  Counter tracked;  // entries made in the connection table
  Counter ended;    // entries that closed, were reset, expired or made room
  Counter waiting;  // probation entries there are now, of services that go by load

  // Flows that are active or may become it. Of one row alone; below zero where flows began in another row.
  int64_t live() const { return static_cast<int64_t>(tracked.read() - ended.read() + waiting.read()); }
};

struct ServiceCounters {
  Counter opened;     // flows remembered by probation
  Counter tracked;    // flows that moved on to the connection table
  Counter forgotten;  // probation entries overwritten while alive
  Counter untracked;  // flows the full connection table had no room for
  Counter panic;      // flows opened while everybody was chosen, up or not
  std::array<Counter, kDropReasons> dropped;
};

// The stages whose cost is measured, in the order of a packet's way. transmit includes the flush.
enum class Stage : uint8_t { receive, parse, classify, lookup, select, rewrite, transmit };
inline constexpr size_t kStages = 7;
inline constexpr std::array<std::string_view, kStages> kStageNames = {
    "receive", "parse", "classify", "lookup", "select", "rewrite", "transmit"};

// Of the bursts that were measured: one in kMeasureEvery (dataplane/worker.h).
struct StageCost {
  Counter ticks;  // of the TSC
  Counter packets;
};

struct WorkerCounters {
  Counter loops;
  Counter busy_loops;  // loops that handled a packet
  Counter busy_ns;     // time spent in them
  Counter bursts;      // non-empty receive calls
  Counter packets;     // received in them
  Counter lookup_hit;
  Counter lookup_probation;
  Counter lookup_miss;
  Counter flow_entries;       // in the connection table now
  Counter probation_entries;  // in probation now
  Counter sweeps;             // whole passes over the connection table
  Counter probation_sweeps;   // and over probation
  Counter generation;         // of the snapshot in use
  std::array<StageCost, kStages> stages;
  std::array<PortCounters, kMaxPorts> ports;
};

}  // namespace shunt
