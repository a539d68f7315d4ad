// Pipeline: one worker's whole way of a packet in process: compiler, snapshot, stages, tables and the device
// edge in memory, under a clock that the test turns. No EAL, no root, no threads.
//
// After every step it checks what must hold always: the worker's ledger is balanced; received + originated =
// sent + punted + dropped + in flight; the ledger says what the device saw; every buffer is accounted for.
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/balance_keeper.h"
#include "dataplane/worker.h"
#include "tests/packet/fake_io.h"
#include "tests/packet/network.h"
#include "tests/packet/telemetry_bed.h"

namespace shunt::packet {

// As a worker gets it from the system, but of exactly these bytes and on the heap, where the address
// sanitizer sees its ends.
class ZeroedMemory {
 public:
  explicit ZeroedMemory(size_t bytes);
  std::span<std::byte> bytes() const { return {start_.get(), size_}; }
  template <typename T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(start_.get()), size_ / sizeof(T)};
  }

 private:
  struct Free {
    void operator()(std::byte* start) const { std::free(start); }
  };
  std::unique_ptr<std::byte, Free> start_;
  size_t size_;
};

struct Punted {
  uint8_t port = 0;
  bool urgent = false;
  bool restored = false;  // the mark: a client's packet for this host that came back through nat
  Bytes frame;
};

// What became of the packets of one step.
struct Outcome {
  std::vector<SentFrame> sent;
  std::vector<Punted> punted;
  std::vector<DropReason> dropped;

  // "sent", "punted", a drop reason's name, "nothing"; with several packets, all of them.
  std::string text() const;
  // Where a packet that was sent went: an IPIP packet's outer, or any other one's own destination. Else
  // text().
  std::string destination() const;
};

class Pipeline {
 public:
  struct Options {
    uint32_t connections = 4096;
    uint32_t probation = kProbationEntries;
    bool host_interfaces = true;
    FragmentLimits fragments{256, 512 * 1024, 1'000'000'000U};
    // Another network than network.h's.
    std::optional<std::vector<PortRuntime>> ports = {};
    std::optional<KernelView> kernel = {};
    HashKey table_key{{1, 2, 3, 4}};
    HashKey cluster_key{{5, 6, 7, 8}};
    size_t pair_rows = 4096;
    size_t service_rows = 256;
    uint64_t now_ns = 1'000'000'000'000;
    RecentFailures* failures = nullptr;  // of several pipelines; nullptr: its own
  };

  explicit Pipeline(Config config = mode_config()) : Pipeline(std::move(config), Options{}) {}
  Pipeline(Config config, Options options);
  ~Pipeline();

  // Changes. Each publishes a new snapshot and frees the old one.
  void reload(const Config& config);
  void set_health(const std::string& pool, const std::string& backend, bool up);
  void set_kernel(KernelView view);
  void publish();

  // The clock. `wait` only turns it; `run_for` turns it step by step with loops, as an idle worker would, and
  // lets the control side end drains.
  void wait(uint64_t milliseconds) { now_ns_ += milliseconds * 1'000'000U; }
  void run_for(uint64_t seconds);
  void set_clock(uint64_t now_ns) { now_ns_ = now_ns; }
  void hear_narrow_paths();
  void age();      // what the control side does now and then: ends drains, passes over who was down for long,
                   // and hears of narrow paths
  void balance();  // and tells workers what schedulers that go by load want to know
  Now now() const { return Now::from_ns(now_ns_); }

  // One step each.
  Outcome run(uint8_t port, const Bytes& frame) { return run_burst(port, {frame}); }
  Outcome run_burst(uint8_t port, const std::vector<Bytes>& frames);
  // By a snapshot of somebody else's, as a worker that shares a publication.
  Outcome run_by(const Snapshot& snapshot, uint8_t port, const std::vector<Bytes>& frames);
  Outcome from_host(uint8_t port, const Bytes& frame);  // the kernel sends it to its host_interface
  Outcome loop();                                       // nothing came in

  // Whether the punt rings are emptied after every step, as the punt thread would.
  void set_kernel_reads(bool reads) { kernel_reads_ = reads; }
  // A PuntThread of the test's own takes what is punted out of these rings, instead of the stand-in here.
  // `ledger` is its account; it outlives what is done with the pipeline.
  void set_punt_thread(const LedgerBlock* ledger);
  PuntRings& punt_rings() { return punt_; }
  FrameRing& to_worker() { return from_host_; }

  FakeIo& io() { return io_; }
  WorkerState& state() { return state_; }
  Worker<FakeIo>& worker() { return worker_; }
  const Snapshot& snapshot() const { return *snapshot_; }
  Compiler& compiler() { return compiler_; }
  Ledger total() const;
  // Frames that haven't left: in_flight, seen from here.
  size_t held() const { return io_.outstanding() + state_.fragments.held_frames(); }

  // Of a service of the last configuration.
  const Service& service(const std::string& vip, uint16_t port, Protocol protocol = Protocol::tcp) const;
  const ServiceCounters& counters(const Service& service) const { return state_.services[service.id]; }
  // Tracked − ended over all of a service's backends: the flows that are active now.
  int64_t active(const Service& service) const;
  // What telemetry counted for a service and a backend, that name of its pool.
  const PairOutcomes& outcomes(const Service& service, const std::string& backend) const;
  const ServiceRetries& retries(const Service& service) const;
  const PairLatency& latency(const Service& service, const std::string& backend) const;
  std::vector<FlowRecord> records() { return telemetry_.records(); }
  TelemetryBed& telemetry() { return telemetry_; }
  uint64_t tracked_entries() const { return state_.flows.entries(); }
  uint64_t waiting_entries() const { return state_.probation.entries(); }

 private:
  Outcome collect(const Ledger& before);
  uint32_t pair_of(const Service& service, const std::string& backend) const;
  void check_ledger() const;

  ZeroedMemory flow_memory_;
  ZeroedMemory probation_memory_;
  ZeroedMemory pair_memory_;
  ZeroedMemory service_memory_;
  ZeroedMemory fragment_memory_;
  ZeroedMemory hint_memory_;
  TelemetryBed telemetry_;
  FakeIo io_;
  WorkerState state_;
  PuntRings punt_;
  HandOverRings hand_over_{1};
  FrameRing from_host_{256 * 1024};
  Worker<FakeIo> worker_;
  Compiler compiler_;
  BalanceKeeper keeper_;
  std::unique_ptr<const Snapshot> snapshot_;
  Ledger kernel_;  // of the punt thread's stand-in
  const LedgerBlock* punt_thread_ = nullptr;
  bool kernel_reads_ = true;
  uint64_t sent_seen_ = 0;
  uint64_t now_ns_;
};

}  // namespace shunt::packet
