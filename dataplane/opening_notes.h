// OpeningNotes: what telemetry keeps of a TCP connection that is opening.
//
// Of a service of one IPv4 address and port, whose keys name the client, four bytes in the entry's own line
// of probation are enough. What doesn't fit there (another service's client, a second connection from the
// same port, a SYN repeated after more than a minute, the 32nd attempt) has a note aside: a line more.
//
// Owner: one Worker. Bound: a note for each entry of probation's TCP half, at the same place. A note means
// something only while its entry is of kind `syn`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/byte_order.h"
#include "dataplane/flow_client.h"
#include "dataplane/probation_table.h"

namespace shunt {

struct alignas(32) OpeningNote {
  FlowClient client;
  uint8_t attempt;
  uint8_t spare;
  uint32_t last_syn_ms;  // of Now
  uint64_t opened_us;    // monotonic
};
static_assert(sizeof(OpeningNote) == 32);

class OpeningNotes {
 public:
  // An instant, in the units of the notes. `us`: monotonic; `ms`: of the same clock, wraps.
  struct Instant {
    uint64_t us = 0;
    uint32_t ms = 0;
    uint32_t us_of_ms = 0;  // us % 1,000
  };
  struct Opening {
    uint64_t since_us = 0;
    uint8_t attempt = 1;
  };

  OpeningNotes() = default;
  // `memory`: bytes_for(probation.lines()), aligned to a line; zeroed or not.
  OpeningNotes(std::span<std::byte> memory, const ProbationTable& probation)
      : aside_(reinterpret_cast<OpeningNote*>(memory.data())), first_(probation.first_entry()) {}

  static size_t bytes_for(uint32_t probation_lines) { return size_t{probation_lines} * sizeof(OpeningNote); }

  // A note aside may be wanted.
  void prefetch(const ProbationLine& line) const { __builtin_prefetch(&aside(line.entries[0]), 1); }

  // `entry` was opened now, by a SYN of a client that its key names. `attempt` fits.
  static void begin(const ProbationEntry& entry, const Instant& now, uint8_t attempt) {
    short_note(entry) = {0, now.us_of_ms & 0x3ffU, uint32_t{attempt} & kMostShort, 0};
  }
  static bool fits(uint8_t attempt) { return attempt <= kMostShort; }
  // By any client; or it is another connection's since now, though its entry isn't new.
  void begin_aside(const ProbationEntry& entry, const FlowClient& client, const Instant& now,
                   uint8_t attempt) const {
    short_note(entry).is_aside = 1;
    aside(entry) = {client, attempt, 0, now.ms, now.us};
  }

  Opening of(const ProbationEntry& entry, const Instant& now) const {
    const ShortNote note = short_note(entry);
    if (note.is_aside != 0) [[unlikely]]
      return {now.us - aside(entry).opened_us, aside(entry).attempt};
    return {uint64_t{now.ms - entry.opened_ms} * 1'000 + now.us_of_ms - note.opened_us,
            static_cast<uint8_t>(note.attempt)};
  }
  FlowClient client(const ProbationEntry& entry) const {
    return short_note(entry).is_aside != 0 ? aside(entry).client : FlowClient::of_exact_key(entry.key);
  }
  // The SYN came again. Milliseconds since it came last.
  uint32_t syn_again(const ProbationEntry& entry, const Instant& now) const {
    ShortNote& note = short_note(entry);
    const uint32_t since_opened_ms = now.ms - entry.opened_ms;
    if (note.is_aside == 0) {
      const uint32_t gap = since_opened_ms - note.last_syn_ms;
      if (since_opened_ms <= kLongestShortMs) {
        note.last_syn_ms = since_opened_ms & kLongestShortMs;
      } else {
        const uint64_t opened_us = now.us - of(entry, now).since_us;
        aside(entry) = {FlowClient::of_exact_key(entry.key), static_cast<uint8_t>(note.attempt), 0, now.ms,
                        opened_us};
        note.is_aside = 1;
      }
      return gap;
    }
    const uint32_t gap = now.ms - aside(entry).last_syn_ms;
    aside(entry).last_syn_ms = now.ms;
    return gap;
  }

 private:
  static constexpr uint32_t kMostShort = 31;
  static constexpr uint32_t kLongestShortMs = 0xffff;

  // An entry lies in its line.
  static ShortNote& short_note(const ProbationEntry& entry) {
    const auto at = reinterpret_cast<uintptr_t>(&entry);
    const uintptr_t in_line = at % sizeof(ProbationLine);
    auto* const line = reinterpret_cast<ProbationLine*>(at - in_line);
    return line->notes[in_line == 0 ? 0 : 1];
  }
  OpeningNote& aside(const ProbationEntry& entry) const {
    const auto offset = static_cast<size_t>(reinterpret_cast<const std::byte*>(&entry) - first_);
    return aside_[offset / sizeof(ProbationLine) * 2 + (offset % sizeof(ProbationLine) != 0 ? 1 : 0)];
  }

  OpeningNote* aside_ = nullptr;
  const std::byte* first_ = nullptr;
};

}  // namespace shunt
