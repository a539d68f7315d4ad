// FlowTable, the connection table: remembers which backend a flow was given.
//
// Owner: one Worker, no locks; another process may map the memory read-only (every entry is written key 0
// first, key last). Bound: fixed at start; `connections` fill half of it. A flow whose ten slots are all
// taken by live entries evicts the idlest one if that was idle for 10 s, else it isn't inserted and the
// caller is told. Cost: one cache line per hit and per miss; a second one for what spilled into its alternate
// bucket (2.4 % of the entries at half load) and for a miss whose hint says so. Why not rte_hash: two lines
// and no eviction in place. Why no displacement search: a full table would cost thousands of ticks per new
// flow.
//
// A bucket is one line of five entries. A flow's primary bucket comes from its key's index, its alternate one
// is (f(key) − bucket) mod their number, f being a keyed hash of the stored key alone, so that either names
// the other.
//
// Spill hint: 16 bits a bucket, two Bloom filters of 8 bits (one bit a key) over the entries that have this
// bucket as primary and live in their alternate. Lookups read `current`. A spilling insert sets its bit in
// both. The sweep's passes alternate: a *mark* pass sets each spilled entry's bit in its primary's `next`, a
// *retire* pass makes next current and clears it. What is live when a bucket retires was inserted since it
// last retired (and set `next` itself) or stood there during the whole mark pass, so no live entry is ever
// lost; bits of the dead go after two to four passes.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/backend_ref.h"
#include "dataplane/end_reason.h"
#include "dataplane/flow_key.h"
#include "dataplane/tcp_state.h"

namespace shunt {

// Seconds are kept in 13 bits and compared by difference. Timeouts are at most 7,200 s, and the caller sweeps
// every bucket at least once in 8,192 − 7,200 = 992 s (once in 60 s is cheap: a pass costs 4–10 ticks per
// bucket); then no entry is ever old enough to look young again.
inline constexpr uint32_t kFlowSecondWrap = 8192;
inline constexpr uint32_t kMaxFlowTimeoutSeconds = 7200;
inline constexpr uint32_t kMaxFlowSweepSeconds = kFlowSecondWrap - kMaxFlowTimeoutSeconds;
inline constexpr uint32_t kMinEvictIdleSeconds = 10;

struct alignas(64) FlowBucket {
  static constexpr unsigned kSlots = 5;
  uint64_t key[kSlots];
  uint16_t backend[kSlots];
  uint16_t age[kSlots];  // second (13 bits), then TCP state (3)
  uint32_t marks;        // hint current (8 bits), hint next (8), then three flags a slot
};
static_assert(sizeof(FlowBucket) == 64);

// What the table asks its owner: timeouts belong to services, counts to backends.
template <typename P>
concept FlowPolicy =
    requires(P& policy, uint64_t value, BackendRef backend, TcpState state, uint32_t idle, EndReason why) {
      { policy.expired(value, backend, state, idle) } -> std::same_as<bool>;
      policy.ended(value, backend, state, why);
    };

class FlowTable {
 public:
  // A place in the table; nothing, or valid until the next insert, erase or sweep.
  struct Entry {
    FlowBucket* bucket = nullptr;
    uint32_t slot = 0;

    explicit operator bool() const { return bucket != nullptr; }
    uint64_t key_value() const { return bucket->key[slot]; }
    bool operator==(const Entry&) const = default;
  };
  enum class Outcome : uint8_t { inserted, replaced, evicted, full };
  struct Insert {
    Entry entry;  // nothing when full
    Outcome outcome = Outcome::full;

    explicit operator bool() const { return static_cast<bool>(entry); }
  };
  struct Swept {
    uint32_t buckets = 0;
    uint32_t expired = 0;
  };
  enum class Flag : uint8_t { spilled = 0, sampled = 1, spare = 2 };

  static constexpr uint64_t buckets_for(uint32_t connections) {
    return std::max<uint64_t>((uint64_t{connections} * 2 + FlowBucket::kSlots - 1) / FlowBucket::kSlots, 1);
  }
  static size_t bytes_for(uint32_t connections) { return buckets_for(connections) * sizeof(FlowBucket); }

  // `memory`: 64-byte aligned, zeroed, a whole number of buckets, at least one; outlives the table. `key`:
  // random, the one that the flow keys were made with.
  FlowTable(std::span<std::byte> memory, const HashKey& key);
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  uint32_t buckets() const { return bucket_count_; }
  std::span<const FlowBucket> memory() const { return {buckets_, bucket_count_}; }
  uint64_t entries() const { return entries_; }  // expired ones count until they are reused or swept

  // Where buckets are, for the registers of a loop that writes to memory: the table itself would be read
  // again each time.
  class Finder {
   public:
    void prefetch(const FlowKey& key) const { __builtin_prefetch(primary(key)); }
    Entry find_primary(const FlowKey& key) const { return find_in(primary(key), key.value); }

   private:
    friend class FlowTable;
    Finder(FlowBucket* buckets, uint32_t count) : buckets_(buckets), count_(count) {}
    FlowBucket* primary(const FlowKey& key) const { return &buckets_[scale_to(key.index, count_)]; }

    FlowBucket* buckets_;
    uint32_t count_;
  };
  Finder finder() const { return {buckets_, bucket_count_}; }
  void prefetch(const FlowKey& key) const { finder().prefetch(key); }

  // An entry may be found after its timeout. The caller asks `live` (it has the service's timeouts at hand,
  // the entry's line is loaded) and treats one that isn't as a miss; whoever then inserts the flow ends the
  // old entry.
  Entry find(const FlowKey& key) const;
  // The same in three steps, for a burst: all primary buckets (Finder), which were prefetched; then, of the
  // flows that weren't there, the alternate buckets of those whose hint says so (true: it is asked for); then
  // these.
  bool prefetch_spilled(const FlowKey& key) const;
  Entry find_alternate(const FlowKey& key) const;
  // Of a flow that isn't known and may be inserted soon: asks for the alternate bucket where the primary one,
  // which is loaded, has no room. (What was idle for longer than `least_timeout_s` is taken for expired.)
  void prefetch_room(const FlowKey& key, uint32_t now_second, uint32_t least_timeout_s) const;
  template <FlowPolicy Policy>
  static bool live(Entry entry, uint32_t now_second, Policy& policy);

  static BackendRef backend(Entry entry) { return {entry.bucket->backend[entry.slot]}; }
  static TcpState state(Entry entry) { return state_of(entry.bucket->age[entry.slot]); }
  // Since the last touch; right while every bucket is swept in time.
  static uint32_t idle_seconds(Entry entry, uint32_t now_second) {
    return idle_of(entry.bucket->age[entry.slot], now_second);
  }
  static bool flag(Entry entry, Flag flag) { return (entry.bucket->marks & flag_bit(entry.slot, flag)) != 0; }

  static void set_backend(Entry entry, BackendRef backend) {
    write(entry.bucket->backend[entry.slot], backend.raw);
  }
  static void set_sampled(Entry entry, bool on) { set_flag(entry, Flag::sampled, on); }
  // Writes only what differs: at most once a second per flow.
  static void touch(Entry entry, TcpState state, uint32_t now_second) {
    uint16_t& age = entry.bucket->age[entry.slot];
    const uint16_t fresh = age_of(state, now_second);
    if (age != fresh) write(age, fresh);
  }

  // The same for a packet on which nothing happens, in `state`. False, and nothing is written: the entry is
  // in another state, or was idle for longer than `timeout_s`.
  static bool refresh(Entry entry, TcpState state, const uint16_t& timeout_s, uint32_t now_second) {
    uint16_t& age = entry.bucket->age[entry.slot];
    const uint16_t fresh = age_of(state, now_second);
    if (age == fresh) [[likely]]
      return true;
    if (state_of(age) != state || idle_of(age, now_second) > timeout_s) return false;
    write(age, fresh);
    return true;
  }

  // Into a free or expired slot of the primary bucket, else of the alternate one, else over the idlest of the
  // ten if it was idle for 10 s. A flow that is in the table already keeps its slot (`replaced`, or
  // `inserted` over its own expired entry). Tells the policy of whatever ends.
  template <FlowPolicy Policy>
  Insert insert(const FlowKey& key, BackendRef backend, TcpState state, uint32_t now_second, Policy& policy);
  // The same where the caller knows that the flow isn't in the table.
  template <FlowPolicy Policy>
  Insert insert_new(const FlowKey& key, BackendRef backend, TcpState state, uint32_t now_second,
                    Policy& policy);
  // The same, but only into an empty slot of the primary bucket, or over its idlest entry if that is expired.
  // False: neither is.
  template <FlowPolicy Policy>
  bool insert_at_home(const FlowKey& key, BackendRef backend, TcpState state, uint32_t now_second,
                      Policy& policy);

  // The policy isn't told: the caller knows.
  void erase(Entry entry);

  // Expires entries and rebuilds hints in the next `count` buckets, from where the last call stopped.
  template <FlowPolicy Policy>
  Swept sweep(uint32_t count, uint32_t now_second, Policy& policy);
  // Whole passes done. Every bucket was swept since an instant at which this said n as soon as it says n + 2.
  uint64_t passes() const { return passes_; }

 private:
  static constexpr uint32_t kCurrentMask = 0xff;
  static constexpr unsigned kNextShift = 8;
  static constexpr unsigned kFlagShift = 16;
  static constexpr unsigned kFlagsPerSlot = 3;
  static constexpr uint32_t kAllSlots = (1U << FlowBucket::kSlots) - 1;
  static constexpr uint32_t kAllSpilled = 0b001'001'001'001'001U << kFlagShift;

  friend class FlowReader;
  static constexpr uint16_t age_of(TcpState state, uint32_t second) {
    return static_cast<uint16_t>(((second % kFlowSecondWrap) << 3U) | static_cast<uint32_t>(state));
  }
  static constexpr TcpState state_of(uint16_t age) { return static_cast<TcpState>(age & 7U); }
  static constexpr uint32_t idle_of(uint16_t age, uint32_t now_second) {
    return (now_second - (uint32_t{age} >> 3U)) % kFlowSecondWrap;
  }
  static constexpr uint32_t flag_bit(uint32_t slot, Flag flag) {
    return 1U << (kFlagShift + kFlagsPerSlot * slot + static_cast<uint32_t>(flag));
  }
  static constexpr uint32_t flag_bits(uint32_t slot) { return 7U << (kFlagShift + kFlagsPerSlot * slot); }

  // For the process that may be reading along. A release store is a plain one on x86; it only keeps the
  // compiler's order.
  template <typename T>
  static void write(T& field, T value) {
    std::atomic_ref<T>(field).store(value, std::memory_order_release);
  }
  static void set_flag(Entry entry, Flag flag, bool on) {
    const uint32_t bit = flag_bit(entry.slot, flag);
    write(entry.bucket->marks, on ? entry.bucket->marks | bit : entry.bucket->marks & ~bit);
  }
  // A bit for each slot that holds `value`; the first such slot, or kSlots.
  static uint32_t slots_with(const FlowBucket& bucket, uint64_t value);
  static uint32_t slot_of(const FlowBucket& bucket, uint64_t value);
  static uint32_t hint_bit(const Hash128& hash) { return 1U << (hash.high & 7U); }

  FlowBucket* primary(const FlowKey& key) const { return finder().primary(key); }
  static Entry find_in(FlowBucket* bucket, uint64_t value);
  FlowBucket* other_bucket(const FlowBucket* bucket, const Hash128& hash) const;
  FlowBucket* spilled_to(const FlowKey& key) const;
  void mark_spilled_entries(const FlowBucket& bucket);
  void clear(Entry entry) {
    write(entry.bucket->key[entry.slot], uint64_t{0});
    const uint32_t marks = entry.bucket->marks & ~flag_bits(entry.slot);
    if (entry.bucket->marks != marks) write(entry.bucket->marks, marks);
    --entries_;
  }
  static uint32_t idlest_slot(const FlowBucket& bucket, uint32_t now_second);
  void fill(Entry entry, uint64_t value, BackendRef backend, uint16_t age, const FlowBucket* home,
            const Hash128& hash);

  template <FlowPolicy Policy>
  static Entry vacancy(FlowBucket* bucket, uint32_t now_second, Policy& policy);
  static Entry idler(Entry idlest, FlowBucket* bucket, uint32_t now_second);
  template <FlowPolicy Policy>
  void end(Entry entry, EndReason why, Policy& policy);

  FlowBucket* buckets_;
  uint32_t bucket_count_;
  uint32_t position_ = 0;  // the sweep's
  bool marking_ = true;    // the kind of its pass
  uint64_t passes_ = 0;
  uint64_t entries_ = 0;
  HashKey key_;
};

// Five compares: with one instruction of AVX-512, two of AVX2, or in three SSE registers (keys 3 and 4 share
// one with an overlap: key 3 is compared twice).
inline uint32_t FlowTable::slots_with(const FlowBucket& bucket, uint64_t value) {
#if defined(__AVX512F__)
  return _mm512_mask_cmpeq_epi64_mask(kAllSlots, _mm512_load_si512(&bucket),
                                      _mm512_set1_epi64(static_cast<long long>(value)));
#elif defined(__AVX2__)
  const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&bucket.key[0]));
  const __m256i equal = _mm256_cmpeq_epi64(first, _mm256_set1_epi64x(static_cast<long long>(value)));
  const auto four = static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(equal)));
  return four | (bucket.key[4] == value ? 1U << 4U : 0U);
#else
  const auto compare = [&bucket, wanted = _mm_set1_epi64x(static_cast<int64_t>(value))](unsigned first) {
    const auto* const from = reinterpret_cast<const __m128i*>(&bucket.key[first]);
    return _mm_cmpeq_epi64(_mm_loadu_si128(from), wanted);
  };
  const __m128 first_four = _mm_shuffle_ps(_mm_castsi128_ps(compare(0)), _mm_castsi128_ps(compare(2)), 0x88);
  const int last_two = _mm_movemask_pd(_mm_castsi128_pd(compare(3)));
  return static_cast<uint32_t>(_mm_movemask_ps(first_four) | (last_two << 3));
#endif
}

inline uint32_t FlowTable::slot_of(const FlowBucket& bucket, uint64_t value) {
  const uint32_t slots = slots_with(bucket, value);
  return slots != 0 ? static_cast<uint32_t>(std::countr_zero(slots)) : FlowBucket::kSlots;
}

inline FlowTable::Entry FlowTable::find_in(FlowBucket* bucket, uint64_t value) {
  const uint32_t slots = slots_with(*bucket, value);
  if (slots == 0) return {};
  return {bucket, static_cast<uint32_t>(std::countr_zero(slots))};
}

// Where the flow is if it spilled; nullptr: it didn't, or never was here.
inline FlowBucket* FlowTable::spilled_to(const FlowKey& key) const {
  const FlowBucket* const home = primary(key);
  if ((home->marks & kCurrentMask) == 0) [[likely]]
    return nullptr;
  const Hash128 hash = hash_of_value(key_, key.value);
  return (home->marks & hint_bit(hash)) != 0 ? other_bucket(home, hash) : nullptr;
}

inline bool FlowTable::prefetch_spilled(const FlowKey& key) const {
  FlowBucket* const bucket = spilled_to(key);
  if (bucket != nullptr) __builtin_prefetch(bucket);
  return bucket != nullptr;
}

inline FlowTable::Entry FlowTable::find_alternate(const FlowKey& key) const {
  FlowBucket* const bucket = spilled_to(key);
  return bucket != nullptr ? find_in(bucket, key.value) : Entry{};
}

inline FlowTable::Entry FlowTable::find(const FlowKey& key) const {
  const Entry entry = finder().find_primary(key);
  return entry ? entry : find_alternate(key);
}

// Of a full bucket.
inline uint32_t FlowTable::idlest_slot(const FlowBucket& bucket, uint32_t now_second) {
  // The five ages stand in lanes 1 to 5 of the line's last 16 bytes, seconds above three bits of state, so
  // that their differences wrap as seconds do. phminposuw finds the least of eight, so they are looked at
  // upside down, without their lowest bits: the other lanes are always more.
  static_assert(offsetof(FlowBucket, age) == 50);
  const __m128i ages = load_block(&bucket.backend[4]);
  const __m128i stamps = _mm_and_si128(ages, _mm_set1_epi16(static_cast<int16_t>(~7)));
  const __m128i now = _mm_set1_epi16(static_cast<int16_t>(age_of(TcpState::none, now_second)));
  const __m128i idle = _mm_sub_epi16(now, stamps);
  const __m128i others = _mm_setr_epi16(-1, 0, 0, 0, 0, 0, -1, -1);
  const __m128i least = _mm_minpos_epu16(_mm_or_si128(_mm_xor_si128(idle, _mm_set1_epi16(~7)), others));
  return static_cast<uint32_t>(_mm_extract_epi16(least, 1)) - 1;
}

inline void FlowTable::prefetch_room(const FlowKey& key, uint32_t now_second,
                                     uint32_t least_timeout_s) const {
  FlowBucket* const home = primary(key);
  if (slots_with(*home, 0) != 0) return;
  if (idle_seconds({home, idlest_slot(*home, now_second)}, now_second) > least_timeout_s) return;
  __builtin_prefetch(other_bucket(home, hash_of_value(key_, key.value)));
}

// The bucket that a flow uses beside `bucket`; for some flows it is the same one.
inline FlowBucket* FlowTable::other_bucket(const FlowBucket* bucket, const Hash128& hash) const {
  const uint32_t sum = scale_to(static_cast<uint32_t>(hash.high >> 32U), bucket_count_);
  const auto index = static_cast<uint32_t>(bucket - buckets_);
  return &buckets_[sum >= index ? sum - index : sum + bucket_count_ - index];
}

template <FlowPolicy Policy>
bool FlowTable::live(Entry entry, uint32_t now_second, Policy& policy) {
  return !policy.expired(entry.key_value(), backend(entry), state(entry), idle_seconds(entry, now_second));
}

template <FlowPolicy Policy>
void FlowTable::end(Entry entry, EndReason why, Policy& policy) {
  const uint64_t value = entry.key_value();
  const BackendRef was = backend(entry);
  const TcpState last = state(entry);
  clear(entry);
  policy.ended(value, was, last, why);
}

// A free slot, else an expired one, else nothing.
template <FlowPolicy Policy>
FlowTable::Entry FlowTable::vacancy(FlowBucket* bucket, uint32_t now_second, Policy& policy) {
  const uint32_t empty = slot_of(*bucket, 0);
  if (empty < FlowBucket::kSlots) return {bucket, empty};
  for (uint32_t slot = 0; slot < FlowBucket::kSlots; ++slot) {
    if (!live({bucket, slot}, now_second, policy)) return {bucket, slot};
  }
  return {};
}

template <FlowPolicy Policy>
FlowTable::Insert FlowTable::insert(const FlowKey& key, BackendRef backend, TcpState state,
                                    uint32_t now_second, Policy& policy) {
  const Entry known = find(key);
  if (!known) return insert_new(key, backend, state, now_second, policy);
  const bool replaces = live(known, now_second, policy);
  FlowBucket* const home = primary(key);
  end(known, replaces ? EndReason::replaced : EndReason::expired, policy);
  fill(known, key.value, backend, age_of(state, now_second), home,
       known.bucket != home ? hash_of_value(key_, key.value) : Hash128{});
  return {known, replaces ? Outcome::replaced : Outcome::inserted};
}

template <FlowPolicy Policy>
FlowTable::Insert FlowTable::insert_new(const FlowKey& key, BackendRef backend, TcpState state,
                                        uint32_t now_second, Policy& policy) {
  FlowBucket* const home = primary(key);
  Outcome outcome = Outcome::inserted;
  EndReason why = EndReason::expired;
  Hash128 hash;
  Entry place = vacancy(home, now_second, policy);
  if (!place) [[unlikely]] {
    hash = hash_of_value(key_, key.value);
    FlowBucket* const second = other_bucket(home, hash);
    place = vacancy(second, now_second, policy);
    if (!place) {
      place = idler(idler({}, home, now_second), second, now_second);
      if (idle_seconds(place, now_second) < kMinEvictIdleSeconds) return {};
      outcome = Outcome::evicted;
      why = EndReason::evicted;
    }
  }
  if (place.key_value() != 0) end(place, why, policy);
  fill(place, key.value, backend, age_of(state, now_second), home, hash);
  return {place, outcome};
}

template <FlowPolicy Policy>
inline bool FlowTable::insert_at_home(const FlowKey& key, BackendRef backend, TcpState state,
                                      uint32_t now_second, Policy& policy) {
  FlowBucket* const home = primary(key);
  uint32_t slot = slot_of(*home, 0);
  if (slot >= FlowBucket::kSlots) {
    slot = idlest_slot(*home, now_second);
    if (live({home, slot}, now_second, policy)) return false;
    end({home, slot}, EndReason::expired, policy);
  }
  write(home->backend[slot], backend.raw);
  write(home->age[slot], age_of(state, now_second));
  const uint32_t marks = home->marks & ~flag_bits(slot);  // see `fill`
  if (home->marks != marks) [[unlikely]]
    write(home->marks, marks);
  write(home->key[slot], key.value);
  ++entries_;
  return true;
}

template <FlowPolicy Policy>
FlowTable::Swept FlowTable::sweep(uint32_t count, uint32_t now_second, Policy& policy) {
  Swept swept{count, 0};
  for (; count > 0; --count) {
    FlowBucket* const bucket = &buckets_[position_];
    for (uint32_t used = ~slots_with(*bucket, 0) & kAllSlots; used != 0; used &= used - 1) {
      const Entry entry{bucket, static_cast<uint32_t>(std::countr_zero(used))};
      if (live(entry, now_second, policy)) continue;
      end(entry, EndReason::expired, policy);
      ++swept.expired;
    }
    if (marking_) {
      if ((bucket->marks & kAllSpilled) != 0) mark_spilled_entries(*bucket);
    } else if ((bucket->marks & 0xffffU) != 0) {
      write(bucket->marks, (bucket->marks & ~0xffffU) | ((bucket->marks >> kNextShift) & kCurrentMask));
    }
    if (++position_ < bucket_count_) continue;
    position_ = 0;
    marking_ = !marking_;
    ++passes_;
  }
  return swept;
}

}  // namespace shunt
