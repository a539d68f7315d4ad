// FlowReader: what stands in a worker's tables, read by another thread while the worker goes on.
//
// An entry is written key 0 first, key last; here its key is read before and after the rest, so that what is
// handed on belonged together at one instant. What moves from one table to the other meanwhile may be seen
// twice or not at all. Cost: a line for each place; a caller who must not be long takes a slice of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "dataplane/flow_table.h"
#include "dataplane/probation_table.h"

namespace shunt {

struct ReadFlow {
  uint64_t key_value = 0;
  BackendRef backend;
  // Of the connection table.
  TcpState state = TcpState::none;
  uint32_t idle_seconds = 0;
  // Of probation; `empty`: it isn't there.
  ProbationKind waiting_as = ProbationKind::empty;
  uint32_t waiting_ms = 0;
  uint8_t syn_retransmits = 0;
};

class FlowReader {
 public:
  FlowReader(const FlowTable& flows, const ProbationTable& probation)
      : flows_(flows), probation_(probation) {}

  // The two buckets that a flow may be in, by their index; for some flows it is one.
  static std::array<uint32_t, 2> buckets_of(const FlowTable& flows, const FlowKey& key) {
    const FlowBucket* const home = flows.primary(key);
    const FlowBucket* const other = flows.other_bucket(home, hash_of_value(flows.key_, key.value));
    return {static_cast<uint32_t>(home - flows.buckets_), static_cast<uint32_t>(other - flows.buckets_)};
  }

  // The places of both tables, one behind the other: buckets, then lines.
  uint64_t places() const { return uint64_t{flows_.buckets()} + probation_.lines(); }

  // Hands `visit(const ReadFlow&)` what stands in the places from `first` on, until it says false or `count`
  // are done. The place to go on from.
  template <typename Visit>
  uint64_t read(uint64_t first, uint64_t count, uint32_t now_second, uint32_t now_ms, Visit&& visit) const {
    const uint64_t end = std::min(places(), first + count);
    for (; first < end; ++first) {
      const bool goes_on = first < flows_.buckets()
                               ? read_bucket(flows_.memory()[first], now_second, visit)
                               : read_line(probation_.memory()[first - flows_.buckets()], now_ms, visit);
      if (!goes_on) return first + 1;
    }
    return first;
  }

 private:
  template <typename T>
  static T load_from(const T& field) {
    T value;
    __atomic_load(&field, &value, __ATOMIC_ACQUIRE);
    return value;
  }
  template <typename Visit>
  static bool read_bucket(const FlowBucket& bucket, uint32_t now_second, Visit& visit) {
    bool goes_on = true;
    for (uint32_t slot = 0; slot < FlowBucket::kSlots; ++slot) {
      ReadFlow flow;
      flow.key_value = load_from(bucket.key[slot]);
      if (flow.key_value == 0) continue;
      flow.backend.raw = load_from(bucket.backend[slot]);
      const uint16_t age = load_from(bucket.age[slot]);
      if (load_from(bucket.key[slot]) != flow.key_value) continue;
      flow.state = FlowTable::state_of(age);
      flow.idle_seconds = FlowTable::idle_of(age, now_second);
      goes_on = visit(std::as_const(flow)) && goes_on;
    }
    return goes_on;
  }
  template <typename Visit>
  static bool read_line(const ProbationLine& line, uint32_t now_ms, Visit& visit) {
    bool goes_on = true;
    for (const ProbationEntry& entry : line.entries) {
      ReadFlow flow;
      flow.key_value = load_from(entry.key);
      if (flow.key_value == 0) continue;
      flow.backend.raw = load_from(entry.backend.raw);
      flow.waiting_as = load_from(entry.kind);
      flow.waiting_ms = now_ms - load_from(entry.opened_ms);
      flow.syn_retransmits = load_from(entry.retransmissions);
      if (load_from(entry.key) != flow.key_value || flow.waiting_as == ProbationKind::empty) continue;
      goes_on = visit(std::as_const(flow)) && goes_on;
    }
    return goes_on;
  }

  const FlowTable& flows_;
  const ProbationTable& probation_;
};

}  // namespace shunt
