// FlowKey: how the tables name a flow. Made once per packet, asked for by both tables.
//
// `value` is what a table stores: the service's id in the top 16 bits (from 1, so that 0 is an empty slot),
// then 48 bits of flow. They are the client's IPv4 address and port, exact, for a service of one IPv4 address
// and port (its id stands for the rest of the 5-tuple); a keyed digest of the 5-tuple for every other
// service. A new flow is compared with at most ten entries of its own service: odds of a false match 10 ·
// 2^-48 = 4e-14. `index` chooses the primary bucket. It is independent of the digest, so that what shares a
// bucket shares no key bits. Cost: one AES block per exact key (1–2 ticks), three per IPv6 digest.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"
#include "common/keyed_hash.h"

namespace shunt {

struct FlowKey {
  uint64_t value = 0;
  uint32_t index = 0;

  bool operator==(const FlowKey&) const = default;
};

inline constexpr unsigned kFlowBits = 48;

inline constexpr uint16_t service_of(uint64_t value) {
  return static_cast<uint16_t>(value >> kFlowBits);
}

// All that a table derives from a stored value alone: the alternate bucket and the spill hint. Exact keys
// take their index from it too (the low word; the tables use the high one).
inline Hash128 hash_of_value(const HashKey& key, uint64_t value) {
  return keyed_hash(key, value, 0);
}

// For IPv4 services of one address and one port.
inline FlowKey exact_flow_key(const HashKey& key, uint16_t service, be32 source, be16 sport) {
  const uint64_t value = (uint64_t{service} << kFlowBits) | (uint64_t{source.host()} << 16U) | sport.host();
  return {value, static_cast<uint32_t>(hash_of_value(key, value).low >> 32U)};
}

// `tuple_bytes`: the 5-tuple packed in one canonical form: source, destination (4 or 16 bytes each), sport,
// dport, protocol. Two families never meet in one service, so the size needs no field of its own.
inline FlowKey digest_flow_key(const HashKey& key, uint16_t service, const void* tuple_bytes, size_t size) {
  const Hash128 hash = keyed_hash(key, tuple_bytes, size);
  return {(uint64_t{service} << kFlowBits) | (hash.low >> 16U), static_cast<uint32_t>(hash.high >> 32U)};
}

}  // namespace shunt
