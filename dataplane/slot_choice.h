// SlotChoice: which backend of a pool a flow gets, from the pool's slot table and what its backends accept.
//
// The slot table is a pure function of the configured backends (control/maglev.h); health, drain, slow start
// and load only change `accept`. So a backend that goes down moves its own flows and no others, and
// publishing that costs nothing. Deterministic over all shunts with one cluster key: `hash` is the 5-tuple's
// hash under that key, computed on misses only, and whatever orders backends here orders them by address and
// port, never by number. All arrays belong to the snapshot. Cost: one slot, one `accept`; more only where
// something doesn't accept all.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/byte_order.h"
#include "common/keyed_hash.h"

namespace shunt {

inline constexpr uint16_t kNoBackend = 0xffff;  // no number: these have 14 bits
inline constexpr uint16_t kAcceptAll = 256;
inline constexpr unsigned kSlotProbes =
    8;  // with half of a pool refusing, 1 flow in 256 goes on to the running sum

struct SlotChoice {
  const uint16_t* owner = nullptr;       // a backend's number by slot
  uint32_t slots = 0;                    // 0: an empty pool
  const uint16_t* accept = nullptr;      // 0 … 256 by number; 0 where the weight is 0
  const uint8_t* passed_over = nullptr;  // by number: 1 if it accepted nobody for longer than `drain`
  const uint64_t* running_sum =
      nullptr;  // of weight × accept, in the order of address and port, own share included
  const uint16_t* numbers = nullptr;  // whose place in running_sum it is
  uint32_t count = 0;                 // of running_sum and numbers
};

// The 5-tuple's hash that chooses, the same on all shunts of a cluster. `addresses`: source and destination
// side by side, as in a packet (8 bytes or 32). `ports`: both, raw, as they begin a segment.
inline Hash128 slot_hash_v4(const HashKey& cluster_key, const uint8_t* addresses, uint32_t ports,
                            uint8_t protocol) {
  return keyed_hash(cluster_key, load<uint64_t>(addresses), ports | (uint64_t{protocol} << 32U));
}
inline Hash128 slot_hash_v6(const HashKey& cluster_key, const uint8_t* addresses, uint32_t ports,
                            uint8_t protocol) {
  return keyed_hash(cluster_key, load_block(addresses), load_block(addresses + 16),
                    ports | (uint64_t{protocol} << 32U));
}

struct ChosenBackend {
  uint16_t number = kNoBackend;

  explicit operator bool() const { return number != kNoBackend; }
  bool operator==(const ChosenBackend&) const = default;
};

namespace detail {
inline uint32_t slot_at(const SlotChoice& pool, const Hash128& probe) {
  return scale_to(static_cast<uint32_t>(probe.low >> 32U), pool.slots);
}

inline ChosenBackend place_in_sum(const SlotChoice& pool, uint64_t random) {
  __extension__ using uint128 = unsigned __int128;
  const uint64_t total = pool.running_sum[pool.count - 1];
  const auto place = static_cast<uint64_t>((uint128{random} * total) >> 64U);
  const uint64_t* const at = std::upper_bound(pool.running_sum, pool.running_sum + pool.count, place);
  return {pool.numbers[at - pool.running_sum]};
}

// The slot's owner, if it accepts this one.
inline ChosenBackend probe_slot(const SlotChoice& pool, const Hash128& probe) {
  const uint16_t number = pool.owner[slot_at(pool, probe)];
  return (probe.low & 0xffU) < pool.accept[number] ? ChosenBackend{number} : ChosenBackend{};
}

// Behind a first probe that was refused.
[[gnu::noinline]] inline ChosenBackend choose_again(const SlotChoice& pool, const HashKey& cluster_key,
                                                    const Hash128& hash) {
  if (pool.count == 0 || pool.running_sum[pool.count - 1] == 0) return {};
  for (unsigned i = 1; i < kSlotProbes; ++i) {
    const ChosenBackend next = probe_slot(pool, keyed_hash(cluster_key, hash.low, hash.high + i));
    if (next) return next;
  }
  return place_in_sum(pool, hash.high);
}
}  // namespace detail

// A burst's misses fetch their slots together: a table is 128 KiB, a hundred pools' are out of the second
// cache level.
inline void prefetch_slot(const SlotChoice& pool, const Hash128& hash) {
  if (pool.slots != 0) __builtin_prefetch(&pool.owner[detail::slot_at(pool, hash)]);
}

// For a packet that opens a flow. Nobody: no backend accepts anything.
inline ChosenBackend choose(const SlotChoice& pool, const HashKey& cluster_key, const Hash128& hash) {
  if (pool.slots == 0) return {};
  const ChosenBackend first = detail::probe_slot(pool, hash);
  return first ? first : detail::choose_again(pool, cluster_key, hash);
}

// For a packet that opens nothing and that no table knows (its flow began at a peer, or before a restart):
// the slot's owner whatever it accepts now, because that is who was chosen then. One that was out for longer
// than `drain` has no flows left; who opened since was chosen past it, so this one is too.
inline ChosenBackend slot_owner(const SlotChoice& pool, const HashKey& cluster_key, const Hash128& hash) {
  if (pool.slots == 0) return {};
  const uint16_t number = pool.owner[detail::slot_at(pool, hash)];
  return pool.passed_over[number] == 0 ? ChosenBackend{number} : choose(pool, cluster_key, hash);
}

}  // namespace shunt
