// What a worker counts of flows beside their packets: how they end, how often clients try again, how long
// things take.
//
// Owner: the worker that writes; any thread reads. Bound: arrays made once, in memory that costs nothing
// until it is touched. Cost: nothing for a packet of a flow on which nothing happens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "stats/counter.h"
#include "stats/histogram.h"
#include "stats/outcome.h"

namespace shunt {

// Of a service and a backend (the rows of PairCounters).
struct alignas(64) PairOutcomes {
  std::array<Counter, kOutcomes> outcomes;
  Counter revived;           // went on after they had ended: a RST or FIN that its sender didn't mean
  Counter syn_retransmits;   // the same SYN again: same 5-tuple and sequence number
  Counter reconnects;        // flows that a client opened within 10 s of a failure
  Counter data_retransmits;  // of watched flows: segments with data that was sent before
  Counter watched;           // flows that were watched
  Counter unwatched;         // that should have been, and found no place
};

inline constexpr size_t kChainLengths = 16;

struct alignas(64) ServiceRetries {
  Counter no_backend;  // flows that nobody was there for
  Counter shed;
  // [n]: chains of n + 1 attempts that ended, by success or because nobody tried again; the last one: or
  // longer.
  std::array<Counter, kChainLengths> chains;
  Histogram syn_gaps_ms;        // between a SYN and the same again
  Histogram reconnect_gaps_ms;  // between a failure and the next attempt
};

// Durations of a service and a backend. Where replies don't pass, `connect` ends with the client's ACK and
// `response` is estimated from the client's packets (in_band.h).
struct alignas(64) PairLatency {
  Histogram connect_us;   // from the first SYN
  Histogram response_us;  // first byte to first byte
  Histogram duration_ms;  // of watched flows, whole
};

// Pairs below have a row of their own, the others one of their service, behind these.
inline constexpr uint32_t kLatencyPairs = 4'096;

}  // namespace shunt
