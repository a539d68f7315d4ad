// The keyed hash of everything that an outsider may choose: flows, slots, permutations.
//
// A few AES rounds over 16-byte blocks under a secret key: 128 bits whose parts may be used as independent
// numbers, at the cost of a CRC. It is a keyed mixer (an outsider who doesn't know the key can't aim), not a
// proven PRF. Needs AES-NI, which shuntd checks for at start. Not CRC: it is linear, so collisions hold under
// every seed.
#pragma once

#include <smmintrin.h>
#include <wmmintrin.h>

#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"

namespace shunt {

struct alignas(16) HashKey {
  uint64_t words[4] = {};
};

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
};

namespace detail {
inline __m128i key_low(const HashKey& key) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(&key.words[0]));
}
inline __m128i key_high(const HashKey& key) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(&key.words[2]));
}
inline Hash128 finish(__m128i state) {
  return {static_cast<uint64_t>(_mm_cvtsi128_si64(state)),
          static_cast<uint64_t>(_mm_extract_epi64(state, 1))};
}

// The last 1 to 15 bytes, then zeros, made of reads that overlap. Copying them to the stack and reading 16
// back would wait for the stores: 20 ticks (bench/hash_bench.cc). `whole`: the bytes of the key that end with
// them.
inline __m128i last_block(const uint8_t* from, size_t size, size_t whole) {
  if (whole >= 16) {
    alignas(16) static constexpr int8_t kMoves[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                                      11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1,
                                                      -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    const auto* const end = reinterpret_cast<const __m128i*>(from + size - 16);
    const auto* const move = reinterpret_cast<const __m128i*>(kMoves + 16 - size);
    return _mm_shuffle_epi8(_mm_loadu_si128(end), _mm_loadu_si128(move));
  }
  uint64_t first = 0;
  uint64_t second = 0;
  if (size >= 8) {
    first = load<uint64_t>(from);
    if (size > 8) second = load<uint64_t>(from + size - 8) >> (8 * (16 - size));
  } else if (size >= 4) {
    first = load<uint32_t>(from) | uint64_t{load<uint32_t>(from + size - 4)} << (8 * (size - 4));
  } else {
    first =
        from[0] | uint64_t{from[size / 2]} << (8 * (size / 2)) | uint64_t{from[size - 1]} << (8 * (size - 1));
  }
  return _mm_set_epi64x(static_cast<int64_t>(second), static_cast<int64_t>(first));
}
}  // namespace detail

// One block of two words. Three rounds: after two every output bit depends on every input bit, the third
// hides the last round key's linearity.
inline Hash128 keyed_hash(const HashKey& key, uint64_t a, uint64_t b) {
  const __m128i low = detail::key_low(key);
  const __m128i high = detail::key_high(key);
  __m128i state = _mm_xor_si128(_mm_set_epi64x(static_cast<int64_t>(b), static_cast<int64_t>(a)), low);
  state = _mm_aesenc_si128(state, high);
  state = _mm_aesenc_si128(state, low);
  return detail::finish(_mm_aesenc_si128(state, high));
}

inline __m128i load_block(const void* bytes16) {
  return _mm_loadu_si128(static_cast<const __m128i*>(bytes16));
}

// Two blocks and a word: an IPv6 5-tuple. The blocks are mixed beside each other, so that a burst's hashes
// wait for six rounds and not for nine; one of them gets a round more, so that the same change in either
// never cancels.
inline Hash128 keyed_hash(const HashKey& key, __m128i a, __m128i b, uint64_t c) {
  const __m128i low = detail::key_low(key);
  const __m128i high = detail::key_high(key);
  const __m128i first = _mm_aesenc_si128(_mm_aesenc_si128(_mm_xor_si128(a, low), high), low);
  const __m128i second =
      _mm_aesenc_si128(_mm_aesenc_si128(_mm_aesenc_si128(_mm_xor_si128(b, high), low), high), low);
  __m128i state = _mm_xor_si128(first, second);
  state = _mm_xor_si128(state, _mm_set_epi64x(0, static_cast<int64_t>(c)));
  state = _mm_aesenc_si128(state, high);
  return detail::finish(_mm_aesenc_si128(_mm_aesenc_si128(state, low), high));
}

// Any number of bytes, read in blocks of 16; the length is part of the input.
inline Hash128 keyed_hash(const HashKey& key, const void* bytes, size_t size) {
  const __m128i low = detail::key_low(key);
  const __m128i high = detail::key_high(key);
  const auto* from = static_cast<const uint8_t*>(bytes);
  const size_t whole = size;
  __m128i state = _mm_xor_si128(low, _mm_set_epi64x(0, static_cast<int64_t>(size)));
  for (; size >= 16; size -= 16, from += 16) {
    state = _mm_xor_si128(state, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    state = _mm_aesenc_si128(_mm_aesenc_si128(state, high), low);
  }
  if (size > 0) {
    state = _mm_xor_si128(state, detail::last_block(from, size, whole));
    state = _mm_aesenc_si128(_mm_aesenc_si128(state, high), low);
  }
  state = _mm_aesenc_si128(state, high);
  return detail::finish(_mm_aesenc_si128(_mm_aesenc_si128(state, low), high));
}

// Maps 32 random bits onto 0 … range − 1 by multiplication (no division; range need not be a power of two).
inline uint32_t scale_to(uint32_t random, uint32_t range) {
  return static_cast<uint32_t>((static_cast<uint64_t>(random) * range) >> 32U);
}

}  // namespace shunt
