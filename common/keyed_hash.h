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
#include <cstring>

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

// Two blocks and a word: an IPv6 5-tuple.
inline Hash128 keyed_hash(const HashKey& key, __m128i a, __m128i b, uint64_t c) {
  const __m128i low = detail::key_low(key);
  const __m128i high = detail::key_high(key);
  __m128i state = _mm_xor_si128(a, low);
  state = _mm_aesenc_si128(_mm_aesenc_si128(state, high), low);
  state = _mm_xor_si128(state, b);
  state = _mm_aesenc_si128(_mm_aesenc_si128(state, high), low);
  state = _mm_xor_si128(state, _mm_set_epi64x(0, static_cast<int64_t>(c)));
  state = _mm_aesenc_si128(_mm_aesenc_si128(state, high), low);
  state = _mm_aesenc_si128(state, high);
  return detail::finish(_mm_aesenc_si128(_mm_aesenc_si128(state, low), high));
}

// Any number of bytes, read in blocks of 16; the length is part of the input.
inline Hash128 keyed_hash(const HashKey& key, const void* bytes, size_t size) {
  const __m128i low = detail::key_low(key);
  const __m128i high = detail::key_high(key);
  const auto* from = static_cast<const uint8_t*>(bytes);
  __m128i state = _mm_xor_si128(low, _mm_set_epi64x(0, static_cast<int64_t>(size)));
  for (; size >= 16; size -= 16, from += 16) {
    state = _mm_xor_si128(state, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    state = _mm_aesenc_si128(_mm_aesenc_si128(state, high), low);
  }
  if (size > 0) {
    alignas(16) uint8_t last[16] = {};
    std::memcpy(last, from, size);
    state = _mm_xor_si128(state, _mm_load_si128(reinterpret_cast<const __m128i*>(last)));
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
