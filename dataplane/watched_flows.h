// WatchedFlows: the flows that telemetry looks at packet by packet, a sample of all of them.
//
// Owner: one Worker. Bound: fixed at start; a flow whose four places are taken isn't watched. An entry of the
// connection table says that its flow is watched (Flag::sampled), so nothing here is asked for others. Cost:
// a line of keys and one of the flow for each of its packets, two where answers don't pass; all can be asked
// for before.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/byte_order.h"
#include "dataplane/backend_ref.h"
#include "dataplane/flow_key.h"
#include "dataplane/in_band.h"

namespace shunt {

// What telemetry keeps of a flow whose answers pass here (nat). Times are the low 32 bits of monotonic
// microseconds.
struct WatchedReplies {
  uint32_t asked_us = 0;       // the client's first data that hasn't been answered
  uint32_t first_byte_us = 0;  // how long the first answer took; 0: none yet
  uint32_t next_sequence = 0;  // behind the last byte that the backend sent
};

// Its first line is all that a flow needs whose answers pass.
struct alignas(64) WatchedFlow {
  uint64_t opened_us = 0;  // monotonic
  uint64_t bytes = 0;      // client to backend, whole frames
  uint64_t reply_bytes = 0;
  uint32_t packets = 0;  // as many or more at their largest
  uint32_t reply_packets = 0;
  uint32_t connect_us = 0;     // 0: not known
  uint32_t next_sequence = 0;  // behind the last byte that the client sent
  be16 client_port;
  BackendRef backend;
  uint8_t attempt = 1;
  uint8_t syn_retransmits = 0;
  bool is_udp : 1 = false;
  bool sees_replies : 1 = false;  // which of the two below
  bool has_asked : 1 = false;     // and waits for an answer
  bool knows_sequence : 1 = false;
  bool knows_reply_sequence : 1 = false;
  union {
    WatchedReplies replies = {};
    InBandFlow in_band;
  };
  uint8_t client[16] = {};  // as in FlowRecord
};
static_assert(sizeof(WatchedFlow) == 128 && offsetof(WatchedFlow, replies) + sizeof(WatchedReplies) <= 64);

class WatchedFlows {
 public:
  WatchedFlows() = default;
  // `memory`: bytes_for(flows), aligned to a line, zeroed. `key`: of the flow keys.
  WatchedFlows(std::span<std::byte> memory, const HashKey& key)
      : sets_(memory.size() / kSetBytes),
        flows_(reinterpret_cast<WatchedFlow*>(memory.data())),
        keys_(reinterpret_cast<Keys*>(memory.data() + sets_ * kWays * sizeof(WatchedFlow))),
        key_(key) {}

  static size_t bytes_for(uint32_t flows) { return std::max<size_t>(flows / kWays, 1) * kSetBytes; }

  // Anew, where it is watched already. nullptr: all its places are taken.
  WatchedFlow* add(uint64_t value) {
    const size_t set = set_of(value);
    size_t chosen = way_of(set, value);
    if (chosen == kWays) chosen = way_of(set, 0);
    if (chosen == kWays) return nullptr;
    keys_[set].of[chosen] = value;
    WatchedFlow& flow = flows_[set * kWays + chosen];
    flow = WatchedFlow{};
    return &flow;
  }
  void prefetch(uint64_t value) const { __builtin_prefetch(&keys_[set_of(value)]); }
  // nullptr: it isn't watched.
  WatchedFlow* find(uint64_t value) const {
    const size_t set = set_of(value);
    const size_t way = way_of(set, value);
    return way == kWays ? nullptr : &flows_[set * kWays + way];
  }
  void remove(uint64_t value) {
    const size_t set = set_of(value);
    const size_t way = way_of(set, value);
    if (way != kWays) keys_[set].of[way] = 0;
  }

 private:
  static constexpr size_t kWays = 4;
  struct Keys {
    std::array<uint64_t, kWays> of;
  };
  static constexpr size_t kSetBytes = kWays * sizeof(WatchedFlow) + sizeof(Keys);

  // kWays: it has none. A value of 0 finds one that is free.
  size_t way_of(size_t set, uint64_t value) const {
    for (size_t way = 0; way < kWays; ++way) {
      if (keys_[set].of[way] == value) return way;
    }
    return kWays;
  }
  size_t set_of(uint64_t value) const {
    return scale_to(static_cast<uint32_t>(hash_of_value(key_, value).low), static_cast<uint32_t>(sets_));
  }

  size_t sets_ = 0;
  WatchedFlow* flows_ = nullptr;
  Keys* keys_ = nullptr;
  HashKey key_;
};

}  // namespace shunt
