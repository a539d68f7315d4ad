// The maps that ours are compared with, each made to look its best, behind one interface: DPDK's rte_hash
// (whole bursts, CRC32), Abseil's and Boost's flat maps, and std::unordered_map.
//
// All hold 16-bit values and answer kNone for what they don't know. The last three hash with AES rounds
// as we do, the fastest at hand, so that what differs is the table.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <rte_errno.h>
#include <rte_hash.h>

#include <algorithm>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <unordered_map>

#include "bench/memory.h"
#include "common/keyed_hash.h"

namespace shunt::bench {

inline constexpr uint16_t kNone = 0xffff;
inline constexpr size_t kBurst = 64;
inline constexpr HashKey kBenchKey{
    {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};

// Keys are plain bytes without padding, at least 16. The last block overlaps the one before: quicker than
// ours, which takes any size.
template <typename Key>
struct KeyHash {
  static_assert(sizeof(Key) >= 16);
  using is_avalanching = void;  // Boost: every bit is good

  size_t operator()(const Key& key) const {
    const auto* const from = reinterpret_cast<const uint8_t*>(&key);
    const __m128i low = detail::key_low(kBenchKey);
    const __m128i high = detail::key_high(kBenchKey);
    __m128i state = low;
    for (size_t at = 0; at < sizeof(Key); at += 16) {
      const auto* const block = reinterpret_cast<const __m128i*>(from + std::min(at, sizeof(Key) - 16));
      state = _mm_aesenc_si128(_mm_xor_si128(state, _mm_loadu_si128(block)), high);
    }
    return detail::finish(_mm_aesenc_si128(_mm_aesenc_si128(state, low), high)).low;
  }
};

template <typename Key>
class RteHash {
 public:
  static constexpr const char* kName = "rte_hash";

  explicit RteHash(size_t entries) {
    static int number = 0;
    const std::string name = "bench" + std::to_string(number++);
    rte_hash_parameters parameters{};
    parameters.name = name.c_str();
    parameters.entries = static_cast<uint32_t>(std::max<size_t>(entries * 4 / 3, 64));
    parameters.key_len = sizeof(Key);
    parameters.socket_id = SOCKET_ID_ANY;
    hash_ = rte_hash_create(&parameters);
  }
  ~RteHash() { rte_hash_free(hash_); }
  RteHash(const RteHash&) = delete;
  RteHash& operator=(const RteHash&) = delete;

  bool usable() const { return hash_ != nullptr; }  // there was memory

  void prefetch(std::span<const Key>) const {}  // lookups do it themselves, the rest can't
  // At most a burst.
  void find(std::span<const Key> keys, uint16_t* out) const {
    const void* pointers[kBurst];
    void* values[kBurst];
    uint64_t hits = 0;
    for (size_t i = 0; i < keys.size(); ++i)
      pointers[i] = &keys[i];
    rte_hash_lookup_bulk_data(hash_, pointers, static_cast<uint32_t>(keys.size()), &hits, values);
    for (size_t i = 0; i < keys.size(); ++i)
      out[i] = (hits >> i & 1U) != 0 ? static_cast<uint16_t>(reinterpret_cast<uintptr_t>(values[i])) : kNone;
  }
  bool insert(const Key& key, uint16_t value) {
    return rte_hash_add_key_data(hash_, &key, reinterpret_cast<void*>(uintptr_t{value})) == 0;
  }
  bool erase(const Key& key) { return rte_hash_del_key(hash_, &key) >= 0; }

 private:
  rte_hash* hash_ = nullptr;
};

template <typename Map, typename Key>
class StandardMap {
 public:
  explicit StandardMap(size_t entries) { map_.reserve(entries); }

  static constexpr bool usable() { return true; }
  void prefetch(std::span<const Key> keys) const {
    if constexpr (requires { map_.prefetch(keys[0]); }) {  // Abseil's
      for (const Key& key : keys)
        map_.prefetch(key);
    }
  }
  void find(std::span<const Key> keys, uint16_t* out) const {
    prefetch(keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto found = map_.find(keys[i]);
      out[i] = found != map_.end() ? found->second : kNone;
    }
  }
  bool insert(const Key& key, uint16_t value) { return map_.emplace(key, value).second; }
  bool erase(const Key& key) { return map_.erase(key) == 1; }

 private:
  Map map_;
};

template <typename Key>
struct AbslFlatMap : StandardMap<absl::flat_hash_map<Key, uint16_t, KeyHash<Key>>, Key> {
  static constexpr const char* kName = "absl::flat_hash_map";
  using StandardMap<absl::flat_hash_map<Key, uint16_t, KeyHash<Key>>, Key>::StandardMap;
};

template <typename Key>
struct BoostFlatMap : StandardMap<boost::unordered_flat_map<Key, uint16_t, KeyHash<Key>>, Key> {
  static constexpr const char* kName = "boost::unordered_flat_map";
  using StandardMap<boost::unordered_flat_map<Key, uint16_t, KeyHash<Key>>, Key>::StandardMap;
};

template <typename Key>
struct StdMap : StandardMap<std::unordered_map<Key, uint16_t, KeyHash<Key>>, Key> {
  static constexpr const char* kName = "std::unordered_map";
  using StandardMap<std::unordered_map<Key, uint16_t, KeyHash<Key>>, Key>::StandardMap;
};

}  // namespace shunt::bench
