// RteHashPipeline: the rival that anybody would write first: the same stages, with DPDK's own hash table
// asked in bulk in place of the connection table.
//
// It is spared what the product's lookup does beside finding the backend: idle time, TCP state, probation,
// telemetry. It pays for the product's flow key, made by classify and of no use here (about two ticks). Its
// keys are 5-tuples of 16 or 40 bytes.
#pragma once

#include <memory>

#include "bench/pipeline_runner.h"

struct rte_hash;

namespace shunt::bench {

class HandWalk;

class RteHashPipeline {
 public:
  // MiB of EAL's memory that a table for so many flows takes.
  static uint64_t mib_for(uint64_t flows) { return flows * 64 >> 20U; }

  static Result<std::unique_ptr<RteHashPipeline>> make(const PipelineWorld& world, RingDevice& device,
                                                       uint32_t flows);
  ~RteHashPipeline();
  RteHashPipeline(const RteHashPipeline&) = delete;
  RteHashPipeline& operator=(const RteHashPipeline&) = delete;

  // With the backends that the product chooses. False: no room.
  bool add(const Traffic& traffic, uint32_t flow);
  // Until the device has nothing more. The number of packets; ends the program at a miss.
  uint64_t run();

 private:
  RteHashPipeline(const PipelineWorld& world, RingDevice& device, rte_hash* table);
  void look_up();

  const PipelineWorld& world_;
  rte_hash* table_;
  TableMemory small_tables_;
  std::vector<PairCounters> pairs_;
  std::vector<ServiceCounters> services_;
  DpdkFrameIo io_;
  std::unique_ptr<WorkerState> state_;
  std::unique_ptr<HandWalk> walk_;
};

}  // namespace shunt::bench
