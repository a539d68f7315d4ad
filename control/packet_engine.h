// PacketEngine: the data plane as the control thread holds it: ports, workers with their tables, the punt
// thread, and the publication that they read.
//
// Owner: the daemon. Order of life: open (devices, memory), publish a first snapshot, start, …, stop.
// Everything it allocates, it allocates in open; nothing grows later.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "control/capture_taps.h"
#include "control/compiler.h"
#include "control/config.h"
#include "control/memory_plan.h"
#include "control/recent_flows.h"
#include "dataplane/dpdk_port.h"
#include "dataplane/dpdk_publication.h"
#include "dataplane/dpdk_worker_thread.h"
#include "dataplane/punt_thread.h"
#include "dataplane/table_memory.h"
#include "stats/ledger.h"
#include "stats/record_segment.h"

namespace shunt {

class PacketEngine {
 public:
  // EAL must run. `macs`: by port index, what the configuration or the device's kind prescribes; else the
  // device's own.
  static Result<std::unique_ptr<PacketEngine>> open(const Config& config, const MemoryPlan& plan,
                                                    const std::vector<std::optional<MacAddress>>& macs);
  ~PacketEngine();
  PacketEngine(const PacketEngine&) = delete;
  PacketEngine& operator=(const PacketEngine&) = delete;

  const std::vector<DpdkPort>& ports() const { return ports_; }
  // By worker; counters are read while the worker goes on.
  std::vector<const WorkerState*> workers() const;

  void publish(std::unique_ptr<const Snapshot> snapshot) {
    records_->set_generation(snapshot->generation);
    publication_->publish(std::move(snapshot));
  }
  size_t reclaim() { return publication_->reclaim(); }
  // What was published last; the control thread may use it until it publishes again.
  const Snapshot* current() const { return publication_->current(); }

  // `host_fds`: by port index, the host_interface's tap or −1. A snapshot must be published.
  Result<> start(const std::vector<int>& host_fds);
  void stop();

  Ledger account() const;
  // The instant by the workers' clock.
  static Now now();
  SweepProgress progress() const;
  void take_questions(const std::function<void(const NeighbourQuestion&)>& take);
  void take_narrow_paths(const std::function<void(const NarrowPath&)>& take);
  const std::shared_ptr<CaptureTaps>& capture_taps() const { return capture_taps_; }
  // Serves readers of flow records, tells workers what time it is, and gives up chains of attempts that
  // nobody went on with: a few times a second.
  void keep_telemetry();
  const RecordSegment& records() const { return *records_; }
  const RecentFlows& recent_flows() const { return recent_flows_; }
  // By service: chains of attempts that ended in failure, by length.
  const std::map<uint16_t, std::array<uint64_t, kChainLengths>>& given_up() const { return given_up_; }
  // Sets counter rows to zero that no worker writes any more.
  void zero_rows(const std::vector<PairRange>& rows);
  // The same of services' ids; and their clients' failures are forgotten.
  void zero_services(const std::vector<uint16_t>& ids);

 private:
  struct CoreTelemetry {
    TableMemory pairs;
    TableMemory services;
    TableMemory latency;
    TableMemory pauses;
    TableMemory notes;
    TableMemory watched;
  };
  struct Core {  // what one worker owns, but for its thread
    TableMemory flows;
    TableMemory probation;
    TableMemory fragments;
    TableMemory pairs;
    TableMemory services;
    TableMemory hints;
    CoreTelemetry telemetry;
    rte_mempool* pool = nullptr;
    std::unique_ptr<WorkerState> state;
    std::unique_ptr<PuntRings> punt;
  };

  PacketEngine() = default;
  Result<Core> make_core(unsigned index, const Config& config, const MemoryPlan& plan, const HashKey& key);
  static Result<CoreTelemetry> allocate_telemetry(const Config& config);
  Result<> open_ports(const Config& config, const std::vector<std::optional<MacAddress>>& macs);
  void make_workers(const Config& config);

  RecentFailures failures_;
  std::map<uint16_t, std::array<uint64_t, kChainLengths>> given_up_;
  std::unique_ptr<RecordSegment> records_;
  RecentFlows recent_flows_;
  std::vector<Core> cores_;
  std::shared_ptr<CaptureTaps> capture_taps_;
  std::vector<DpdkPort> ports_;
  std::unique_ptr<Publication> publication_;
  std::unique_ptr<HandOverRings> hand_over_;
  FrameRing from_host_{4 * 1024 * 1024};
  std::vector<std::unique_ptr<DpdkWorkerThread>> workers_;
  std::unique_ptr<PuntThread> punt_;
  bool running_ = false;
};

}  // namespace shunt
