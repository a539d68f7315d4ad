// Internet checksums: full sums (RFC 1071) and incremental edits (RFC 1624, equation 3).
//
// Sums are of 16-bit words as they lie in memory, so no byte swapping is needed anywhere: the ones'
// complement sum commutes with it (RFC 1071 section 2 B).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"

namespace shunt {

// A sum that fits 32 bits: both halves added to each other at once, the carry comes out of the lower one.
inline uint16_t fold_checksum32(uint32_t sum) {
  return static_cast<uint16_t>((sum + std::rotl(sum, 16)) >> 16U);
}

inline uint16_t fold_checksum(uint64_t sum) {
  sum = (sum & 0xffffffffU) + (sum >> 32U);
  sum = (sum & 0xffffffffU) + (sum >> 32U);
  return fold_checksum32(static_cast<uint32_t>(sum));
}

// Does this sum of 16-bit words fold to 0xffff, as that of a whole header with a right checksum does? It does
// where 65,535 divides it: for the odd divisor d = 65,535, x is a multiple exactly where x · d⁻¹ mod 2^64 is
// at most (2^64 − 1) / d (Granlund, Montgomery 1994). `sum` isn't 0: no header is.
inline bool folds_to_ones(uint64_t sum) {
  constexpr uint64_t kInverse = 0xfffefffefffeffffU;
  static_assert(kInverse * 65'535U == 1U);
  return sum * kInverse <= ~uint64_t{0} / 65'535U;
}

// Sums of 64-bit words with the carry added back in: 2^64 is 1 mod 65,535.
inline uint64_t add_with_carry(uint64_t sum, uint64_t word) {
  sum += word;
  return sum + (sum < word ? 1U : 0U);
}

// Unfolded sum of `size` bytes starting at an even offset of what is summed; an odd last byte is padded with
// zero.
inline uint64_t checksum_sum(const void* bytes, size_t size, uint64_t sum = 0) {
  const auto* from = static_cast<const uint8_t*>(bytes);
  for (; size >= 4; size -= 4, from += 4)
    sum += load<uint32_t>(from);
  if (size >= 2) {
    sum += load<uint16_t>(from);
    from += 2;
    size -= 2;
  }
  if (size == 1) sum += *from;  // little-endian: the low byte of a word is the first one in memory
  return sum;
}

inline uint16_t checksum(const void* bytes, size_t size) {
  return static_cast<uint16_t>(~fold_checksum(checksum_sum(bytes, size)));
}

// What has to be added to a checksum's complement when `before` becomes `after` (both raw packet words).
// Deltas of several edits may be added up, then applied once.
inline uint64_t checksum_delta(uint16_t before, uint16_t after) {
  return static_cast<uint64_t>(static_cast<uint16_t>(~before)) + after;
}
inline uint64_t checksum_delta(uint32_t before, uint32_t after) {
  return static_cast<uint64_t>(~before) + after;
}

// HC' = ~(~HC + ~m + m'). Gives 0x0000 where a full computation might give 0xffff only for a sum of zero
// words, which no IP header or pseudo-header has.
inline uint16_t apply_delta(uint16_t old_checksum, uint64_t delta) {
  return static_cast<uint16_t>(
      ~fold_checksum(static_cast<uint64_t>(static_cast<uint16_t>(~old_checksum)) + delta));
}

// An IPv4 header's checksum when TTL, the high byte of its word, goes down by one.
inline uint16_t checksum_after_hop(uint16_t old_checksum) {
  // HC' = HC + 0x0100 in packet order, which is 1 in memory order; 0xffff goes on to 0x0000 (RFC 1624).
  return static_cast<uint16_t>(old_checksum + 1U + ((old_checksum + 2U) >> 16U));
}

}  // namespace shunt
