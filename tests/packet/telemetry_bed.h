// TelemetryBed: the memory that a worker's telemetry needs, with a ring of records that the test reads.
#pragma once

#include <cstdlib>
#include <vector>

#include "dataplane/table_memory.h"
#include "dataplane/telemetry.h"
#include "stats/traffic_counters.h"

namespace shunt::packet {

class TelemetryBed {
 public:
  // Of a worker whose probation table has so many lines. `shared`: several workers have one.
  explicit TelemetryBed(uint32_t probation_lines, RecentFailures* shared = nullptr)
      : notes_(sparse(OpeningNotes::bytes_for(probation_lines))),
        failures_(shared != nullptr ? shared : &own_failures_) {}

  TelemetryMemory memory() {
    return {array<PairOutcomes>(pairs_, kMaxPairs),
            array<ServiceRetries>(services_, kMaxServices),
            array<PairLatency>(latency_, kRows),
            array<InBandPauses>(pauses_, kRows),
            notes_.bytes(),
            watched_.bytes(),
            failures_,
            &ring_};
  }
  // What was written since the last call.
  std::vector<FlowRecord> records() {
    std::vector<FlowRecord> read(kRecords);
    read.resize(reader_.read(read));
    return read;
  }
  std::span<const PairOutcomes> pairs() const { return array<PairOutcomes>(pairs_, kMaxPairs); }
  std::span<const ServiceRetries> services() const { return array<ServiceRetries>(services_, kMaxServices); }
  std::span<const PairLatency> latency() const { return array<PairLatency>(latency_, kRows); }
  RecentFailures& failures() { return *failures_; }

 private:
  static constexpr size_t kRows = kLatencyPairs + kMaxServices;
  static constexpr size_t kRecords = 1024;

  static TableMemory sparse(size_t bytes) {
    auto memory = TableMemory::allocate_sparse(bytes);
    if (!memory) std::abort();
    return memory.take();
  }
  template <typename T>
  static std::span<T> array(const TableMemory& memory, size_t count) {
    return {reinterpret_cast<T*>(memory.bytes().data()), count};
  }

  TableMemory pairs_ = sparse(kMaxPairs * sizeof(PairOutcomes));
  TableMemory services_ = sparse(kMaxServices * sizeof(ServiceRetries));
  TableMemory latency_ = sparse(kRows * sizeof(PairLatency));
  TableMemory pauses_ = sparse(kRows * sizeof(InBandPauses));
  TableMemory notes_;
  TableMemory watched_ = sparse(WatchedFlows::bytes_for(4'096));
  RecentFailures own_failures_;
  RecentFailures* failures_;
  RingHead head_;
  RingTail tail_;
  std::vector<FlowRecord> records_ = std::vector<FlowRecord>(kRecords);
  RecordRing ring_{head_, tail_, records_.data(), kRecords};
  RecordRingReader reader_{head_, tail_, records_.data(), kRecords};
};

}  // namespace shunt::packet
