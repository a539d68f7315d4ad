#include "bench/worker_tables.h"

#include <algorithm>

#include "bench/measure.h"
#include "bench/memory.h"
#include "control/memory_plan.h"

namespace shunt::bench {
namespace {

constexpr uint64_t kRecords = 65'536;
constexpr size_t kLatencyRows = kLatencyPairs + kMaxServices;

FragmentLimits default_fragment_limits() {
  return fragment_limits(Config{});
}

size_t notes_bytes() {
  return OpeningNotes::bytes_for(static_cast<uint32_t>(ProbationTable::bytes_for() / sizeof(ProbationLine)));
}

TableMemory ordinary(size_t bytes) {
  auto memory = TableMemory::allocate(bytes, false);
  prove(memory.ok(), "there is memory");
  return memory.take();
}

TableMemory sparse(size_t bytes) {
  auto memory = TableMemory::allocate_sparse(bytes);
  prove(memory.ok(), "there are addresses for what is seldom used");
  return memory.take();
}

// Every page is there before it is used, as in the segment that shuntd makes.
TableMemory written(TableMemory memory) {
  std::ranges::fill(memory.bytes(), std::byte{1});
  std::ranges::fill(memory.bytes(), std::byte{0});
  return memory;
}

template <typename T>
std::span<T> array_in(const TableMemory& memory) {
  return {reinterpret_cast<T*>(memory.bytes().data()), memory.bytes().size() / sizeof(T)};
}

}  // namespace

WorkerTables::OfTelemetry::OfTelemetry(uint32_t connections)
    : pairs(sparse(kMaxPairs * sizeof(PairOutcomes))),
      services(sparse(kMaxServices * sizeof(ServiceRetries))),
      latency(sparse(kLatencyRows * sizeof(PairLatency))),
      pauses(sparse(kLatencyRows * sizeof(InBandPauses))),
      notes(ordinary(notes_bytes())),
      watched(ordinary(WatchedFlows::bytes_for(std::max(connections / 32, 4'096U)))),
      records(written(sparse(kRecords * sizeof(FlowRecord)))),
      ring(head, tail, array_in<FlowRecord>(records).data(), kRecords) {}

TelemetryMemory WorkerTables::OfTelemetry::memory() {
  return {array_in<PairOutcomes>(pairs),
          array_in<ServiceRetries>(services),
          array_in<PairLatency>(latency),
          array_in<InBandPauses>(pauses),
          notes.bytes(),
          watched.bytes(),
          &failures,
          &ring};
}

WorkerTables::WorkerTables(uint32_t connections, bool with_telemetry)
    : flows_(table_memory(FlowTable::bytes_for(connections))),
      probation_(table_memory(ProbationTable::bytes_for())),
      fragments_(table_memory(FragmentTable::bytes_for(default_fragment_limits()))),
      pairs_(ordinary(kMaxPairs * sizeof(PairCounters))),
      services_(ordinary(kMaxServices * sizeof(ServiceCounters))),
      telemetry_(with_telemetry ? std::make_unique<OfTelemetry>(connections) : nullptr) {}

WorkerMemory WorkerTables::memory() const {
  return {flows_.bytes(),
          probation_.bytes(),
          array_in<PairCounters>(pairs_),
          array_in<ServiceCounters>(services_),
          fragments_.bytes(),
          default_fragment_limits(),
          telemetry_ ? telemetry_->memory() : TelemetryMemory{}};
}

void WorkerTables::make_room() {
  if (telemetry_) telemetry_->tail.read.store(telemetry_->head.pushed.load());
}

uint64_t WorkerTables::lost_records() const {
  return telemetry_ ? telemetry_->head.dropped.load() : 0;
}

}  // namespace shunt::bench
