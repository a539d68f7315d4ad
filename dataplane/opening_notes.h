// OpeningNotes: what telemetry keeps of a TCP connection that is opening, beside its entry in probation.
//
// Owner: one Worker. Bound: a note for each entry of probation's TCP half, at the same place. Cost: a line is
// written when a SYN opens a flow. A note means something only while its entry is of kind `syn`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/byte_order.h"
#include "dataplane/probation_table.h"

namespace shunt {

struct OpeningNote {
  uint8_t client[16];         // as in FlowRecord
  uint64_t opened_us : 48;    // monotonic: the first SYN; 8 years
  uint64_t client_port : 16;  // host order
  uint32_t connect_us;        // nat: from there to the SYN-ACK; 0: none yet
  uint32_t last_syn_ms : 24;  // of the same clock, which wraps after 4 hours
  uint32_t attempt : 8;       // 1: the first; else this client's, within 10 s of a failure

  void set_opened(uint64_t us) { opened_us = us & kOpenedMask; }
  void set_last_syn(uint32_t ms) { last_syn_ms = ms & kLastSynMask; }
  uint64_t since_opened_us(uint64_t now_us) const { return (now_us - opened_us) & kOpenedMask; }
  uint32_t since_last_syn_ms(uint32_t now_ms) const { return (now_ms - last_syn_ms) & kLastSynMask; }

 private:
  static constexpr uint64_t kOpenedMask = (uint64_t{1} << 48U) - 1;
  static constexpr uint32_t kLastSynMask = (1U << 24U) - 1;
};
static_assert(sizeof(OpeningNote) == 32);

class OpeningNotes {
 public:
  OpeningNotes() = default;
  // `memory`: bytes_for(probation.lines()), aligned to a line; zeroed or not.
  OpeningNotes(std::span<std::byte> memory, const ProbationTable& probation)
      : notes_(reinterpret_cast<OpeningNote*>(memory.data())), first_(probation.first_entry()) {}

  static size_t bytes_for(uint32_t probation_lines) { return size_t{probation_lines} * sizeof(OpeningNote); }

  // Of an entry in the TCP half, which comes first.
  OpeningNote& of(const ProbationEntry& entry) const { return notes_[place_of(entry)]; }
  void prefetch(const ProbationLine& line) const { __builtin_prefetch(&of(line.entries[0]), 1); }

 private:
  size_t place_of(const ProbationEntry& entry) const {
    const auto offset = static_cast<size_t>(reinterpret_cast<const std::byte*>(&entry) - first_);
    const size_t line = offset / sizeof(ProbationLine);
    return 2 * line + (offset % sizeof(ProbationLine) != 0 ? 1 : 0);
  }

  OpeningNote* notes_ = nullptr;
  const std::byte* first_ = nullptr;
};

}  // namespace shunt
