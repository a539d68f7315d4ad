// The layout of flow records in shared memory, the same for shuntd and whoever reads (docs/records.md).
//
// Two pieces of memory. `records`: a header, then for each ring, on pages of its own, a RingHead and its
// records; only shuntd can write it. `tails`: a RingTail for each ring; the reader writes it.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "stats/flow_record.h"
#include "stats/record_ring.h"

namespace shunt {

inline constexpr std::string_view kRecordMagic = "shuntrec";
inline constexpr uint32_t kRecordLayoutVersion = 1;
inline constexpr uint32_t kMaxRecordRings = 256;
inline constexpr uint64_t kMaxRingCapacity = uint64_t{1} << 22U;

// Whatever changes the meaning of a byte here or in FlowRecord changes the version.
struct RecordHeader {
  std::array<char, 8> magic{};  //  0: "shuntrec"
  uint32_t version = 0;         //  8: of the layout
  uint32_t header_bytes = 0;    // 12: where the first ring begins
  uint32_t record_bytes = 0;    // 16: 64
  uint32_t rings = 0;           // 20: one for each worker
  uint64_t capacity = 0;        // 24: records in each ring, a power of two
  uint64_t ring_bytes = 0;      // 32: from one ring to the next
  uint64_t started_us = 0;      // 40: wall clock when the segment was made, µs since 1970
  uint32_t pid = 0;             // 48: of shuntd, as it sees itself
  uint32_t unused = 0;          // 52
  std::atomic<uint64_t> generation =
      0;  // 56: of the configuration in use: names of numbers may change with it
};

static_assert(sizeof(RecordHeader) == 64);
static_assert(offsetof(RecordHeader, capacity) == 24 && offsetof(RecordHeader, started_us) == 40 &&
              offsetof(RecordHeader, generation) == 56);

// Where everything is, for a number of rings and a capacity within the limits above.
struct RecordLayout {
  uint32_t rings = 0;
  uint64_t capacity = 0;

  static constexpr uint64_t kPage = 4096;
  static constexpr uint64_t whole_pages(uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

  constexpr bool valid() const {
    return rings >= 1 && rings <= kMaxRecordRings && std::has_single_bit(capacity) &&
           capacity <= kMaxRingCapacity;
  }
  constexpr uint64_t header_bytes() const { return kPage; }
  constexpr uint64_t ring_bytes() const {
    return whole_pages(sizeof(RingHead) + capacity * sizeof(FlowRecord));
  }
  constexpr uint64_t ring_offset(uint32_t ring) const { return header_bytes() + ring * ring_bytes(); }
  constexpr uint64_t records_bytes() const { return ring_offset(rings); }
  constexpr uint64_t tails_bytes() const { return whole_pages(rings * sizeof(RingTail)); }
};

// The mapped bytes as the objects that lie there.
struct RecordPlaces {
  RingHead* head;
  RingTail* tail;
  FlowRecord* records;

  static RecordPlaces of(const RecordLayout& layout, uint8_t* records, uint8_t* tails, uint32_t ring) {
    uint8_t* begin = records + layout.ring_offset(ring);
    return {reinterpret_cast<RingHead*>(begin), reinterpret_cast<RingTail*>(tails) + ring,
            reinterpret_cast<FlowRecord*>(begin + sizeof(RingHead))};
  }
};

}  // namespace shunt
