// Internet checksums: full sums (RFC 1071) and incremental edits (RFC 1624, equation 3).
//
// Sums are of 16-bit words as they lie in memory, so no byte swapping is needed anywhere: the ones'
// complement sum commutes with it (RFC 1071 section 2 B).
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"

namespace shunt {

inline uint16_t fold_checksum(uint64_t sum) {
  sum = (sum & 0xffffffffU) + (sum >> 32U);
  sum = (sum & 0xffffffffU) + (sum >> 32U);
  sum = (sum & 0xffffU) + (sum >> 16U);
  sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>((sum & 0xffffU) + (sum >> 16U));
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

}  // namespace shunt
