// ProbationTable remembers flows of one packet: the half-open TCP connections, and every other flow that no
// table knew. The client's next packet moves a flow to the connection table, so a flood, a scan or a DNS
// query never takes an entry there.
//
// Owner: one Worker, no locks. Bound: 65,536 entries, half TCP and half UDP, so that neither's flood forgets
// the other's flows; two entries share a 64-byte line, and a flow's line is the only place it may be in.
// Full: an opening that finds both alive overwrites what is lost at least cost, or is not remembered; see
// `open`. Nothing is dropped. The line is then *forgetting* for 10 s: what opens or misses there is chosen by
// slot and `accept` whatever the scheduler, so that a flow's packets agree with or without memory. Cost: one
// line per opening.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/backend_ref.h"
#include "dataplane/end_reason.h"
#include "dataplane/flow_key.h"
#include "dataplane/tcp_state.h"

namespace shunt {

inline constexpr uint32_t kProbationEntries = 65'536;
inline constexpr uint32_t kForgettingMs = 10'000;  // for how long a lost opening marks its line
inline constexpr uint32_t kChosenProtectedMs =
    10'000;  // for how long an entry not chosen by slot can't be overwritten
inline constexpr uint32_t kMidFlowLifetimeMs = 120'000;
inline constexpr uint32_t kSequenceAhead = 1U << 20U;

enum class ProbationKind : uint8_t { empty, syn, mid_flow, udp };
enum class ProbationHalf : uint8_t { tcp, udp };

struct ProbationEntry {
  uint64_t key = 0;        // FlowKey::value; 0: empty
  uint32_t opened_ms = 0;  // the first packet; a repeated SYN doesn't change it
  uint32_t sequence = 0;   // of the last SYN
  BackendRef backend;
  ProbationKind kind = ProbationKind::empty;
  uint8_t retransmissions = 0;  // repeated SYNs, at most 255
  bool chosen_by_slot : 1 = false;
  bool answered : 1 = false;     // nat: the backend's SYN-ACK has passed
  bool failed : 1 = false;       // telemetry has counted its end
  bool counted : 1 = false;      // in PairCounters::waiting
  uint32_t connect_us : 28 = 0;  // telemetry, nat: from the SYN to the SYN-ACK; 0: none yet
};
static_assert(sizeof(ProbationEntry) == 24);

// Telemetry's, of an entry: what nearly all openings need (opening_notes.h).
struct ShortNote {
  uint32_t is_aside : 1 = 0;      // it doesn't fit here
  uint32_t opened_us : 10 = 0;    // what `opened_ms` leaves out: 0 … 999
  uint32_t attempt : 5 = 0;       // 1: the first; else this client's, within 10 s of a failure
  uint32_t last_syn_ms : 16 = 0;  // since `opened_ms`
};
static_assert(sizeof(ShortNote) == 4);

struct alignas(64) ProbationLine {
  ProbationEntry entries[2];
  uint32_t forgot_ms;   // when an opening was last lost here
  uint16_t forgetting;  // 0: never, or long ago
  uint16_t counted;     // 0: none of its entries is
  ShortNote notes[2];
};
static_assert(sizeof(ProbationLine) == 64);

// Does this packet of the client, which found `entry`, move the flow to the connection table? After a SYN:
// one without SYN or RST, 1 to 2^20 ahead (who spoofs a SYN can't know the answer's number, but must not be
// able to guess the client's either). Else any second packet but a RST, and but a SYN, which begins another
// connection: remove the entry, open anew.
inline bool promotes(const ProbationEntry& entry, uint8_t tcp_flags, uint32_t sequence) {
  if (entry.kind == ProbationKind::udp) return true;
  if ((tcp_flags & (tcp_flag::kSyn | tcp_flag::kRst)) != 0) return false;
  return entry.kind != ProbationKind::syn || sequence - entry.sequence - 1 < kSequenceAhead;
}

// The SYN came again, or another one from the same port: the entry lives no longer for it.
inline void repeat_syn(ProbationEntry& entry, uint32_t sequence) {
  if (sequence != entry.sequence) {
    entry.sequence = sequence;
    entry.retransmissions = 0;
  } else if (entry.retransmissions < 255) {
    ++entry.retransmissions;
  }
}

// What the table asks its owner. `expired`: older than the service's `syn` or `udp`, or kMidFlowLifetimeMs.
template <typename P>
concept ProbationPolicy = requires(P& policy, const ProbationEntry& entry, uint32_t age_ms, EndReason why) {
  { policy.expired(entry, age_ms) } -> std::same_as<bool>;
  policy.ended(entry, why);
};

class ProbationTable {
 public:
  struct Opening {
    ProbationEntry* entry =
        nullptr;             // nothing: not remembered; the caller chooses this packet's backend by slot
    uint16_t forgotten = 0;  // the service whose live flow was overwritten; 0: none was
  };
  struct Swept {
    uint32_t lines = 0;
    uint32_t expired = 0;
  };

  static size_t bytes_for(uint32_t entries = kProbationEntries);

  // `memory`: 64-byte aligned, zeroed, at least two lines; outlives the table.
  explicit ProbationTable(std::span<std::byte> memory);
  ProbationTable(const ProbationTable&) = delete;
  ProbationTable& operator=(const ProbationTable&) = delete;

  uint64_t entries() const { return entries_; }  // expired ones count until they are met or swept

  void prefetch(const FlowKey& key, ProbationHalf half) const { __builtin_prefetch(&line(key, half)); }

  // Valid until the next open, remove or sweep. An entry that is too old is cleared, the policy told, nothing
  // returned.
  template <ProbationPolicy Policy>
  ProbationEntry* find(const FlowKey& key, ProbationHalf half, uint32_t now_ms, Policy& policy);

  // The flow's entry, expired or not. Ends nothing.
  ProbationEntry* peek(const FlowKey& key, ProbationHalf half) const {
    return peek_in(line(key, half), key.value);
  }
  static ProbationEntry* peek_in(ProbationLine& line, uint64_t value) {
    for (ProbationEntry& entry : line.entries) {
      if (entry.key == value) return &entry;
    }
    return nullptr;
  }
  bool holds(const FlowKey& key, ProbationHalf half) const { return peek(key, half) != nullptr; }

  // The flow's place.
  ProbationLine& line(const FlowKey& key, ProbationHalf half) const {
    const uint32_t first = half == ProbationHalf::tcp ? 0 : lines_per_half_;
    return lines_[first + scale_to(key.index, lines_per_half_)];
  }

  // For a flow that `find` didn't find. Of two live entries it overwrites the older one that was chosen by
  // slot or is in mid-flow (its next packet will be chosen alike); else the older one, if that is 10 s old;
  // else nothing is remembered. Both kinds of loss mark the line. The policy is told what expired and what
  // was forgotten.
  template <ProbationPolicy Policy>
  Opening open(const FlowKey& key, ProbationHalf half, ProbationKind kind, BackendRef backend,
               uint32_t sequence, bool chosen_by_slot, uint32_t now_ms, Policy& policy) {
    return open_in(line(key, half), key.value, kind, backend, sequence, chosen_by_slot, now_ms, policy);
  }
  template <ProbationPolicy Policy>
  Opening open_in(ProbationLine& line, uint64_t value, ProbationKind kind, BackendRef backend,
                  uint32_t sequence, bool chosen_by_slot, uint32_t now_ms, Policy& policy);

  // The flow moved to the connection table, or opens anew. The policy isn't told: the caller knows.
  void remove(ProbationEntry* entry) {
    write(entry->key, uint64_t{0});
    std::atomic_signal_fence(std::memory_order_seq_cst);  // no later field is written before the key
    entry->kind = ProbationKind::empty;
    --entries_;
  }

  // Choose by slot and `accept` here?
  bool forgetting(const FlowKey& key, ProbationHalf half, uint32_t now_ms) const {
    return forgetting(line(key, half), now_ms);
  }
  static bool forgetting(const ProbationLine& line, uint32_t now_ms) {
    return line.forgetting != 0 && now_ms - line.forgot_ms < kForgettingMs;
  }
  // A flow was lost that `open` doesn't know of: one that stays here because the connection table is full.
  void mark_forgetting(const FlowKey& key, ProbationHalf half, uint32_t now_ms);

  // Clears what is too old in the next `count` lines, from where the last call stopped. Milliseconds wrap
  // after 49 days: a pass a minute is plenty.
  template <ProbationPolicy Policy>
  Swept sweep(uint32_t count, uint32_t now_ms, Policy& policy);
  // Whole passes done. Every line was swept since an instant at which this said n as soon as it says n + 2.
  uint64_t passes() const { return passes_; }
  uint32_t lines() const { return 2 * lines_per_half_; }
  std::span<const ProbationLine> memory() const { return {lines_, lines()}; }
  const std::byte* first_entry() const { return reinterpret_cast<const std::byte*>(lines_); }

 private:
  template <typename T>
  static void write(T& field, T value) {
    std::atomic_ref<T>(field).store(value, std::memory_order_release);
  }
  static void mark(ProbationLine& line, uint32_t now_ms) {
    line.forgot_ms = now_ms;
    line.forgetting = 1;
  }
  // What to overwrite of two live entries; nothing if neither may be.
  static ProbationEntry* victim(ProbationLine& line, uint32_t now_ms) {
    const auto age = [&](unsigned i) { return now_ms - line.entries[i].opened_ms; };
    // Which one is older is anybody's guess, the CPU's too: no branch.
    const unsigned older = age(1) > age(0) ? 1 : 0;
    for (const unsigned i : {older, 1 - older}) {
      if (chosen_again_alike(line.entries[i])) [[likely]]
        return &line.entries[i];
    }
    return age(older) >= kChosenProtectedMs ? &line.entries[older] : nullptr;
  }
  static bool counts(const ProbationEntry& entry) { return entry.key != 0 && entry.counted; }
  static bool chosen_again_alike(const ProbationEntry& entry) {
    return entry.chosen_by_slot || entry.kind == ProbationKind::mid_flow;
  }
  // Key 0 first and the real key last: a process that ends in between leaves no entry of two flows.
  static void fill(ProbationEntry& entry, const ProbationEntry& fresh) {
    write(entry.key, uint64_t{0});
    std::atomic_signal_fence(std::memory_order_seq_cst);  // no later field is written before the key
    entry.opened_ms = fresh.opened_ms;
    entry.sequence = fresh.sequence;
    entry.backend = fresh.backend;
    entry.kind = fresh.kind;
    entry.retransmissions = 0;
    entry.chosen_by_slot = fresh.chosen_by_slot;
    entry.answered = false;
    entry.failed = false;
    entry.counted = false;
    entry.connect_us = 0;
    write(entry.key, fresh.key);
  }

  template <ProbationPolicy Policy>
  void end(ProbationEntry& entry, EndReason why, Policy& policy);
  template <ProbationPolicy Policy>
  bool end_if_expired(ProbationEntry& entry, uint32_t now_ms, Policy& policy);

  ProbationLine* lines_;
  uint32_t lines_per_half_;
  uint32_t position_ = 0;  // the sweep's
  uint64_t passes_ = 0;
  uint64_t entries_ = 0;
};

template <ProbationPolicy Policy>
void ProbationTable::end(ProbationEntry& entry, EndReason why, Policy& policy) {
  policy.ended(entry, why);
  remove(&entry);
}

template <ProbationPolicy Policy>
bool ProbationTable::end_if_expired(ProbationEntry& entry, uint32_t now_ms, Policy& policy) {
  if (!policy.expired(entry, now_ms - entry.opened_ms)) return false;
  end(entry, EndReason::expired, policy);
  return true;
}

template <ProbationPolicy Policy>
ProbationEntry* ProbationTable::find(const FlowKey& key, ProbationHalf half, uint32_t now_ms,
                                     Policy& policy) {
  for (ProbationEntry& entry : line(key, half).entries) {
    if (entry.key == key.value) return end_if_expired(entry, now_ms, policy) ? nullptr : &entry;
  }
  return nullptr;
}

template <ProbationPolicy Policy>
inline ProbationTable::Opening ProbationTable::open_in(ProbationLine& line, uint64_t value,
                                                       ProbationKind kind, BackendRef backend,
                                                       uint32_t sequence, bool chosen_by_slot,
                                                       uint32_t now_ms, Policy& policy) {
  const ProbationEntry fresh{value,          now_ms, sequence, backend, kind, 0,
                             chosen_by_slot, false,  false,    false,   0};
  for (ProbationEntry& entry : line.entries) {
    if (entry.key != 0 && !end_if_expired(entry, now_ms, policy)) continue;
    fill(entry, fresh);
    ++entries_;
    return {&entry, 0};
  }
  mark(line, now_ms);
  ProbationEntry* const entry = victim(line, now_ms);
  if (entry == nullptr) return {};
  const uint16_t forgotten = service_of(entry->key);
  policy.ended(*entry, EndReason::forgotten);
  fill(*entry, fresh);
  return {entry, forgotten};
}

template <ProbationPolicy Policy>
ProbationTable::Swept ProbationTable::sweep(uint32_t count, uint32_t now_ms, Policy& policy) {
  Swept swept{count, 0};
  for (; count > 0; --count) {
    ProbationLine& line = lines_[position_];
    for (ProbationEntry& entry : line.entries) {
      if (entry.key != 0 && end_if_expired(entry, now_ms, policy)) ++swept.expired;
    }
    if (line.forgetting != 0 && now_ms - line.forgot_ms >= kForgettingMs) line.forgetting = 0;
    if (line.counted != 0) line.counted = counts(line.entries[0]) || counts(line.entries[1]) ? 1 : 0;
    if (++position_ < lines()) continue;
    position_ = 0;
    ++passes_;
  }
  return swept;
}

}  // namespace shunt
