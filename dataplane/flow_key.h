// FlowKey: how the tables name a flow. Made once per packet, asked for by both tables.
//
// `value` is what a table stores: the service's id in the top 16 bits (from 1, so that 0 is an empty slot),
// then 48 bits of flow. They are the client's IPv4 port and address, exact and as they stand in the packet,
// for a service of one IPv4 address and port (its id stands for the rest of the 5-tuple); a keyed digest of
// the 5-tuple for every other service. A new flow is compared with at most ten entries of its own service:
// odds of a false match 10 · 2^-48 = 4e-14. `index` chooses the primary bucket. It is independent of the
// digest, so that what shares a bucket shares no key bits. Cost: three AES rounds per exact key, eight per
// IPv6 digest (bench/hash_bench.cc).
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

// For IPv4 services of one address and one port. `value`: service, source port and address.
inline FlowKey exact_flow_key(const HashKey& key, uint64_t value) {
  return {value, static_cast<uint32_t>(hash_of_value(key, value).low >> 32U)};
}
inline FlowKey exact_flow_key(const HashKey& key, uint16_t service, be32 source, be16 sport) {
  return exact_flow_key(key,
                        (uint64_t{service} << kFlowBits) | (uint64_t{sport.raw()} << 32U) | source.raw());
}

namespace detail {
inline FlowKey digest_key_of(const Hash128& hash, uint16_t service) {
  return {(uint64_t{service} << kFlowBits) | (hash.low >> 16U), static_cast<uint32_t>(hash.high >> 32U)};
}
inline uint64_t ports_and_protocol(be16 sport, be16 dport, uint8_t protocol) {
  return sport.raw() | (uint64_t{dport.raw()} << 16U) | (uint64_t{protocol} << 32U);
}
}  // namespace detail

// For every other service: the whole 5-tuple. Two families never meet in one service.
inline FlowKey digest_flow_key_v4(const HashKey& key, uint16_t service, be32 source, be32 destination,
                                  be16 sport, be16 dport, uint8_t protocol) {
  const uint64_t addresses = source.raw() | (uint64_t{destination.raw()} << 32U);
  return detail::digest_key_of(keyed_hash(key, addresses, detail::ports_and_protocol(sport, dport, protocol)),
                               service);
}
// Addresses of 16 bytes.
inline FlowKey digest_flow_key_v6(const HashKey& key, uint16_t service, const uint8_t* source,
                                  const uint8_t* destination, be16 sport, be16 dport, uint8_t protocol) {
  const Hash128 hash = keyed_hash(key, load_block(source), load_block(destination),
                                  detail::ports_and_protocol(sport, dport, protocol));
  return detail::digest_key_of(hash, service);
}

}  // namespace shunt
