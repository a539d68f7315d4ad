// A flow record into the shared memory that another process reads, beside the ring of dataplane/frame_ring.h
// on ordinary memory, which asks for the tail each time.
//
// `push`: the ring is empty at first and has room for all; a batch goes round it, so it is read in between by
// the same thread (untimed). `full`: nobody reads.
#include <array>
#include <memory>

#include "bench/measure.h"
#include "dataplane/frame_ring.h"
#include "stats/record_ring.h"

namespace shunt::bench {
namespace {

constexpr uint64_t kCapacity = 16'384;
constexpr uint64_t kBatchRecords = 1'000;
constexpr size_t kSources = 64;

// What a worker would push, still in its cache.
std::array<FlowRecord, kSources> make_sources() {
  std::array<FlowRecord, kSources> sources;
  for (size_t i = 0; i < kSources; ++i)
    sources[i].ended_us = i + 1;
  return sources;
}

// On the layout of the segment, in ordinary memory.
class Shunt {
 public:
  Shunt()
      : memory_(std::make_unique<Memory>()),
        ring_(memory_->head, memory_->tail, memory_->records.data(), kCapacity),
        reader_(memory_->head, memory_->tail, memory_->records.data(), kCapacity) {}

  bool push(const FlowRecord& record) { return ring_.push(record); }
  uint64_t drain() {
    std::array<FlowRecord, 64> out;
    uint64_t sum = 0;
    while (const size_t count = reader_.read(out)) {
      for (size_t i = 0; i < count; ++i)
        sum += out[i].ended_us;
    }
    return sum;
  }

 private:
  struct Memory {
    RingHead head;
    RingTail tail;
    std::array<FlowRecord, kCapacity> records;
  };
  std::unique_ptr<Memory> memory_;
  RecordRing ring_;
  RecordRingReader reader_;
};

class Plain {
 public:
  bool push(const FlowRecord& record) { return ring_->push(record); }
  uint64_t drain() {
    uint64_t sum = 0;
    while (const auto record = ring_->pop())
      sum += record->ended_us;
    return sum;
  }

 private:
  std::unique_ptr<SpscRing<FlowRecord, kCapacity>> ring_ =
      std::make_unique<SpscRing<FlowRecord, kCapacity>>();
};

template <typename Ring>
class Subject {
 public:
  // The sum of what came through.
  uint64_t prove_all_come() {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < 40; ++round) {
      for (uint64_t i = 0; i < kBatchRecords; ++i)
        prove(ring_.push(sources_[i % kSources]), "there is room");
      sum += ring_.drain();
    }
    return sum;
  }
  // How many fit.
  uint64_t fill() {
    ring_.drain();
    uint64_t taken = 0;
    while (ring_.push(sources_[0]))
      ++taken;
    return taken;
  }
  Candidate candidate(const char* name, bool full) {
    return {name,
            [this, full] {
              if (full)
                fill();
              else
                ring_.drain();
            },
            [this] {
              uint64_t taken = 0;
              for (uint64_t i = 0; i < kBatchRecords; ++i)
                taken += ring_.push(sources_[i % kSources]) ? 1U : 0U;
              keep(taken);
              return kBatchRecords;
            }};
  }

 private:
  std::array<FlowRecord, kSources> sources_ = make_sources();
  Ring ring_;
};

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "Flow records into a ring that another process reads.");
  Report report("record_ring", options);
  Subject<Shunt> ours;
  Subject<Plain> theirs;
  prove(ours.prove_all_come() == theirs.prove_all_come(), "all records come through");
  for (const bool full : {false, true}) {
    Row row;
    row.test_case = full ? "full" : "push";
    row.rival = "SpscRing";
    if (full) prove(ours.fill() == kCapacity && theirs.fill() == kCapacity, "a full ring refuses");
    if (!report.wants(row)) continue;
    const Candidate candidates[] = {ours.candidate("shunt", full), theirs.candidate("SpscRing", full)};
    report.measure(row, candidates, 20, 4);
  }
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
