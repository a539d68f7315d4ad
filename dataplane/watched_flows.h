// WatchedFlows: the flows that telemetry looks at packet by packet, a sample of all of them.
//
// Owner: one Worker. Bound: fixed at start; a flow whose four places are taken isn't watched. An entry of the
// connection table says that its flow is watched (Flag::sampled), so nothing here is asked for others. Cost:
// a line of keys and three of the flow for each of its packets.
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

// One direction of a TCP connection.
struct SentData {
  uint32_t next_sequence = 0;  // behind the last byte that was sent
  bool known = false;
};

// Times are monotonic microseconds; 0: not yet.
struct WatchedFlow {
  uint64_t opened_us = 0;
  uint64_t packets = 0;  // client to backend; bytes of whole frames
  uint64_t bytes = 0;
  uint64_t reply_packets = 0;
  uint64_t reply_bytes = 0;
  uint64_t asked_us = 0;  // the client's first data, until it is answered
  uint32_t connect_us = 0;
  uint32_t first_byte_us = 0;
  SentData client_data;
  SentData backend_data;
  uint8_t client[16] = {};  // as in FlowRecord
  be16 client_port;
  BackendRef backend;
  uint8_t attempt = 1;
  uint8_t syn_retransmits = 0;
  bool is_udp = false;
  InBandFlow in_band;
};

class WatchedFlows {
 public:
  WatchedFlows() = default;
  // `memory`: bytes_for(flows), aligned to a line, zeroed. `key`: of the flow keys.
  WatchedFlows(std::span<std::byte> memory, const HashKey& key)
      : sets_(memory.size() / (sizeof(Keys) + kWays * sizeof(WatchedFlow))),
        keys_(reinterpret_cast<Keys*>(memory.data())),
        flows_(reinterpret_cast<WatchedFlow*>(memory.data() + sets_ * sizeof(Keys))),
        key_(key) {}

  static size_t bytes_for(uint32_t flows) {
    return std::max<size_t>(flows / kWays, 1) * (sizeof(Keys) + kWays * sizeof(WatchedFlow));
  }

  // nullptr: all its places are taken.
  WatchedFlow* add(uint64_t value) {
    const size_t set = set_of(value);
    for (size_t way = 0; way < kWays; ++way) {
      if (keys_[set].of[way] != 0 && keys_[set].of[way] != value) continue;
      keys_[set].of[way] = value;
      WatchedFlow& flow = flows_[set * kWays + way];
      flow = WatchedFlow{};
      return &flow;
    }
    return nullptr;
  }
  WatchedFlow* find(uint64_t value) const {
    const size_t set = set_of(value);
    for (size_t way = 0; way < kWays; ++way) {
      if (keys_[set].of[way] == value) return &flows_[set * kWays + way];
    }
    return nullptr;
  }
  void remove(uint64_t value) {
    for (uint64_t& key : keys_[set_of(value)].of) {
      if (key == value) key = 0;
    }
  }

 private:
  static constexpr size_t kWays = 4;
  struct Keys {
    std::array<uint64_t, kWays> of;
  };

  size_t set_of(uint64_t value) const {
    return scale_to(static_cast<uint32_t>(hash_of_value(key_, value).low), static_cast<uint32_t>(sets_));
  }

  size_t sets_ = 0;
  Keys* keys_ = nullptr;
  WatchedFlow* flows_ = nullptr;
  HashKey key_;
};

}  // namespace shunt
