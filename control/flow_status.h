// What flows tell, as plain values: how they ended, how often clients tried again, how long things took, and
// the newest flow records. Part of status.h; the same rules.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "control/latency_summary.h"
#include "stats/flow_telemetry.h"
#include "stats/outcome.h"

namespace shunt {

// What was counted of flows, of one backend or of several together.
struct FlowCounts {
  std::array<uint64_t, kOutcomes> outcomes{};  // by FlowOutcome
  uint64_t revived = 0;                        // went on after they had ended
  uint64_t syn_retransmits = 0;
  uint64_t reconnects = 0;        // opened within 10 s of the same client's failure
  uint64_t data_retransmits = 0;  // of watched flows
  uint64_t watched = 0;
  uint64_t unwatched = 0;  // that should have been, and found no place

  uint64_t of(FlowOutcome outcome) const { return outcomes[static_cast<size_t>(outcome)]; }
  FlowCounts& operator+=(const FlowCounts& other);
};

struct BackendOutcomes {
  std::string pool;
  std::string name;
  FlowCounts counts;
};

struct ServiceOutcomes {
  std::string name;
  FlowCounts total;  // removed backends, and flows that got none, included
  // [n]: chains of n + 1 attempts that are over; the last one: or longer.
  std::array<uint64_t, kChainLengths> chains{};
  LatencySummary syn_gaps;                // between a SYN and the same again
  LatencySummary reconnect_gaps;          // between a failure and the client's next attempt
  std::vector<BackendOutcomes> backends;  // the pool's, then the backup pool's
};

struct BackendLatency {
  std::string pool;  // both empty: of those backends together that have no histograms of their own
  std::string name;
  LatencySummary connect;
  LatencySummary response;
  LatencySummary duration;  // of watched flows, whole
};

struct ServiceLatency {
  std::string name;
  std::vector<BackendLatency> backends;
};

// A flow record with names for numbers.
struct FlowStatus {
  std::chrono::system_clock::time_point ended;
  std::optional<IpAddress> client;  // nothing: not known
  uint16_t client_port = 0;
  std::string service;  // empty: removed; its number is left
  uint16_t service_number = 0;
  bool has_backend = false;  // false: nobody was there to give it to
  std::string pool;          // empty: removed
  std::string backend;       // the same
  uint16_t backend_number = 0;
  bool udp = false;
  bool sampled = false;  // true: bytes, packets and times are exact; else what opening it told
  FlowOutcome outcome = FlowOutcome::closed;
  std::string connect_method;
  uint32_t connect_us = 0;     // 0: none seen
  uint32_t first_byte_us = 0;  // 0: none seen
  uint32_t duration_ms = 0;
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t reply_packets = 0;
  uint64_t reply_bytes = 0;
  uint32_t syn_retransmits = 0;
  uint32_t attempt = 0;  // of a chain, from 1; 0: not known
};

struct FlowQuestion {
  bool failed_only = false;
  std::string service;  // empty: of all
  size_t limit = 100;
};

// A flow that a worker's tables know.
struct ConnectionStatus {
  uint32_t worker = 0;
  bool is_waiting = false;          // in probation: its client's second packet hasn't come
  std::optional<IpAddress> client;  // nothing: the table keeps a digest of it
  uint16_t client_port = 0;
  std::string service;
  std::string pool;
  std::string backend;      // empty: removed
  std::string state;        // established, fin_client, …; of one that waits: syn, mid_flow, udp
  double idle_seconds = 0;  // since its last packet, to a second; of one that waits: since its first
  uint32_t syn_retransmits = 0;
};

// What a ConnectionStatus may be in.
inline constexpr std::array<std::string_view, 8> kConnectionStates = {
    "syn", "mid_flow", "established", "fin_client", "fin_backend", "closing", "reset", "udp"};

struct ConnectionQuestion {
  std::string service;  // each of these: empty, all
  std::string pool;
  std::string backend;  // "web-1", or "web/web-1" with its pool
  std::string state;
  std::optional<Prefix> client;  // only flows whose client the table knows
  std::optional<uint32_t> worker;
  size_t limit = 100;  // of a page; a few more where one line of a table has them
  uint64_t from = 0;   // where the page before ended
};

// Some of the flows: a page ends when it is full, or when enough places were looked at.
struct ConnectionPage {
  std::vector<ConnectionStatus> connections;
  std::optional<uint64_t> next;  // nothing: that was all
};

// Flow records on their way out, of one worker.
struct RecordStatus {
  uint32_t worker = 0;
  uint64_t pushed = 0;
  uint64_t dropped = 0;  // found the ring full
};

}  // namespace shunt
