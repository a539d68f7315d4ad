// What both tests of the connection table stand on: a policy that logs, a table of few buckets, and where a
// flow may stand, computed from the description in flow_table.h and not by its code.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/flow_table.h"

namespace shunt::flow_table_test {

inline constexpr HashKey kKey{{101, 102, 103, 104}};
inline constexpr uint32_t kEstablishedSeconds = 900;
inline constexpr uint32_t kFinSeconds = 30;
inline constexpr uint32_t kLongestSeconds = kMaxFlowTimeoutSeconds;  // of service 2
inline constexpr TcpState kUp = TcpState::established;

inline uint32_t timeout_of(uint64_t value, TcpState state) {
  if (state == TcpState::reset) return kResetTimeoutSeconds;
  if (is_closing(state)) return kFinSeconds;
  return service_of(value) == 2 ? kLongestSeconds : kEstablishedSeconds;
}

struct Ended {
  uint64_t value;
  BackendRef backend;
  TcpState state;
  EndReason why;
  bool operator==(const Ended&) const = default;
};

struct Policy {
  static bool expired(uint64_t value, BackendRef, TcpState state, uint32_t idle) {
    return idle >= timeout_of(value, state);
  }
  void ended(uint64_t value, BackendRef backend, TcpState state, EndReason why) {
    log.push_back({value, backend, state, why});
  }
  std::vector<Ended> log;
};

inline FlowKey flow(uint32_t i, uint16_t service = 1) {
  return exact_flow_key(kKey, service, be32(0xc6336400U + i), be16(static_cast<uint16_t>(i)));
}

inline BackendRef ref(unsigned number) {
  return BackendRef::of(1, number);
}

inline uint32_t primary_of(const FlowKey& key, uint32_t buckets) {
  return static_cast<uint32_t>((uint64_t{key.index} * buckets) >> 32U);
}
inline uint32_t alternate_of(const FlowKey& key, uint32_t buckets) {
  const uint64_t sum = ((keyed_hash(kKey, key.value, 0).high >> 32U) * buckets) >> 32U;
  return static_cast<uint32_t>((sum + buckets - primary_of(key, buckets)) % buckets);
}

struct Fixture {
  explicit Fixture(uint32_t buckets)
      : memory(buckets), table(std::as_writable_bytes(std::span(memory)), kKey) {}

  FlowTable::Insert insert(const FlowKey& key, unsigned backend, uint32_t now, TcpState state = kUp) {
    return table.insert(key, ref(backend), state, now, policy);
  }
  uint32_t bucket_of(FlowTable::Entry entry) const {
    return static_cast<uint32_t>(entry.bucket - memory.data());
  }
  // `count` flows with this primary and alternate bucket.
  std::vector<FlowKey> flows_of(uint32_t primary, uint32_t alternate, size_t count) const {
    const auto buckets = static_cast<uint32_t>(memory.size());
    std::vector<FlowKey> flows;
    for (uint32_t i = 0; flows.size() < count; ++i) {
      if (primary_of(flow(i), buckets) == primary && alternate_of(flow(i), buckets) == alternate)
        flows.push_back(flow(i));
    }
    return flows;
  }

  std::vector<FlowBucket> memory;
  FlowTable table;
  Policy policy;
};

// As the lookup stage asks for a burst.
inline void find_all(const FlowTable& table, const std::vector<FlowKey>& keys, FlowTable::Entry* out) {
  for (size_t i = 0; i < keys.size(); ++i) {
    out[i] = table.finder().find_primary(keys[i]);
    if (!out[i] && table.prefetch_spilled(keys[i])) out[i] = table.find_alternate(keys[i]);
  }
}

}  // namespace shunt::flow_table_test
