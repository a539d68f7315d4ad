// WorkerTables: the memory of one worker, as large and of the same kind as shuntd gives it (its
// control/packet_engine.cc), with or without telemetry's.
//
// Nobody reads the flow records: make_room() does what a reader that keeps up would, so that the worker never
// finds their ring full.
#pragma once

#include <memory>

#include "dataplane/table_memory.h"
#include "dataplane/worker_state.h"

namespace shunt::bench {

class WorkerTables {
 public:
  // Ends the program when there is no memory.
  WorkerTables(uint32_t connections, bool with_telemetry);

  // For one WorkerState; good as long as this.
  WorkerMemory memory() const;

  // Untimed: all flow records count as read.
  void make_room();
  // Records that found their ring full.
  uint64_t lost_records() const;

 private:
  struct OfTelemetry {
    explicit OfTelemetry(uint32_t connections);
    TelemetryMemory memory();

    TableMemory pairs;
    TableMemory services;
    TableMemory latency;
    TableMemory pauses;
    TableMemory notes;
    TableMemory watched;
    TableMemory records;
    RecentFailures failures;
    RingHead head;
    RingTail tail;
    RecordRing ring;
  };

  TableMemory flows_;
  TableMemory probation_;
  TableMemory fragments_;
  TableMemory pairs_;
  TableMemory services_;
  std::unique_ptr<OfTelemetry> telemetry_;  // nullptr: off
};

}  // namespace shunt::bench
