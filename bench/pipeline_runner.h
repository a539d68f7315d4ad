// PipelineRunner: the product's worker on a RingDevice, with tables for so many connections and, as in the
// product, with telemetry, under a clock of its own.
//
// The clock stands still while the bench prepares the next batch, so that as much time passes for the tables
// as at full load without pauses; a bench that makes flows expire turns it itself.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "bench/pipeline_world.h"
#include "bench/ring_device.h"
#include "bench/traffic.h"
#include "bench/worker_tables.h"
#include "dataplane/dpdk_frame_io.h"
#include "dataplane/worker.h"

namespace shunt::bench {

// A packet of a batch: whose, and which.
struct Wanted {
  uint32_t flow = 0;
  Segment segment = Segment::ack;
};

class PipelineRunner {
 public:
  static std::unique_ptr<PipelineRunner> make(const PipelineWorld& world, RingDevice& device,
                                              uint32_t connections, bool with_telemetry = true);
  ~PipelineRunner();
  PipelineRunner(const PipelineRunner&) = delete;
  PipelineRunner& operator=(const PipelineRunner&) = delete;

  // Untimed: takes back what is out and loads these packets.
  void load(const Traffic& traffic, std::span<const Wanted> batch);
  // Timed: until the device has nothing more. The number of packets.
  uint64_t run();

  // Opens flows first … first + count − 1 with a SYN and an ACK each, by the way that packets go. `kept`, by
  // flow, gets a false for those that the table has no room for.
  void open_flows(const Traffic& traffic, uint32_t first, uint32_t count, std::vector<bool>& kept);

  void turn_clock(uint64_t nanoseconds) { clock_ns_ += nanoseconds; }
  const WorkerState& state() const { return *state_; }
  WorkerState& state() { return *state_; }
  const Snapshot& snapshot() const { return world_.snapshot(); }
  RingDevice& device() { return device_; }
  DpdkFrameIo& io() { return io_; }
  Now now() const { return Now::from_ns(clock_ns_); }

  // The ends of all packets since the start: equal in `received` and `sent`, or this is no figure to show.
  bool sent_everything() const;
  // Flows that telemetry has watched since the start, and flow records that were lost.
  uint64_t watched_flows() const;
  uint64_t lost_records() const { return tables_.lost_records(); }

 private:
  PipelineRunner(const PipelineWorld& world, RingDevice& device, uint32_t connections, bool with_telemetry);

  void run_packets(const Traffic& traffic, std::span<const Wanted> batch);
  void find_lost(const Traffic& traffic, std::span<const Wanted> flows, std::vector<bool>& kept);

  const PipelineWorld& world_;
  RingDevice& device_;
  WorkerTables tables_;
  std::unique_ptr<WorkerState> state_;
  DpdkFrameIo io_;
  PuntRings punt_;
  HandOverRings hand_over_{1};
  std::unique_ptr<Worker<DpdkFrameIo>> worker_;
  uint64_t clock_ns_ = 1'000'000'000'000;
};

}  // namespace shunt::bench
