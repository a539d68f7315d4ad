// The state of a running shuntd as plain values: what /metrics, the API and shuntctl show, and nothing they
// may change.
//
// Owner: the control thread makes a copy for each question and hands it out; nothing here points into live
// state. Bound: one entry for each worker, port, service and (service, backend).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "control/capture_status.h"
#include "control/discovery_status.h"
#include "control/finding.h"
#include "control/flow_status.h"
#include "control/route_status.h"
#include "control/trace_status.h"

namespace shunt {

class ChangeControl;

using WallTime = std::chrono::system_clock::time_point;  // the epoch: never

// How often each named thing happened, in the order to show it.
using NamedCounts = std::vector<std::pair<std::string, uint64_t>>;

struct LastReload {
  WallTime at;  // the start counts as the first one
  bool accepted = true;
  std::string text;  // one line for a person: what changed, or the first error
};

struct NodeStatus {
  std::string name;
  std::string version;
  std::string dpdk_version;
  std::string config_file;
  std::string memory;       // hugepages | ordinary: what is in use, never "auto"
  std::string cpu_level;    // x86-64-v2 | -v3 | -v4: which build of the packet path runs
  uint64_t generation = 0;  // of the published snapshot
  WallTime started;
  std::chrono::seconds uptime{0};
  bool ready = false;
  std::vector<std::string> not_ready;  // the reasons, while not
  LastReload last_reload;
  uint64_t tsc_hz = 0;  // ticks of the CPU's time stamp counter in a second
};

struct StageStatus {
  std::string name;
  uint64_t ticks = 0;  // of the TSC, in the bursts that were measured
  uint64_t packets = 0;
  double ticks_per_packet = 0;  // of late; 0 before the first
};

struct WorkerStatus {
  uint32_t index = 0;
  uint32_t cpu = 0;
  uint64_t packets = 0;  // received
  uint64_t bytes = 0;
  uint64_t loops = 0;
  uint64_t bursts = 0;           // non-empty receive calls
  double busy_seconds = 0;       // spent on packets since the start
  double busy = 0;               // share of the last second spent on packets, 0 to 1
  double packets_per_burst = 0;  // of late: in the last second in which packets came
  double ticks_per_packet = 0;   // of late: all stages, for each packet received
  std::vector<StageStatus> stages;
  uint64_t flow_entries = 0;
  uint64_t flow_capacity = 0;
  uint64_t probation_entries = 0;
  uint64_t probation_capacity = 0;
  NamedCounts lookups;  // hit, probation, miss
};

struct PortStatus {
  std::string name;
  std::string device;
  std::string host_interface;  // empty: none
  MacAddress mac;
  bool link_up = false;
  uint32_t mtu = 0;
  uint64_t received_packets = 0;  // as the workers counted them
  uint64_t received_bytes = 0;
  uint64_t sent_packets = 0;
  uint64_t sent_bytes = 0;
  uint64_t transmit_full = 0;
  uint64_t driver_received_packets = 0;  // as the device's driver counted them
  uint64_t driver_received_bytes = 0;
  uint64_t driver_sent_packets = 0;
  uint64_t driver_sent_bytes = 0;
  uint64_t missed = 0;  // lost by the device for want of a free descriptor
};

enum class BackendState : uint8_t { unknown, up, down, disabled };

struct HealthCheckStatus {
  NamedCounts results;       // ok, timeout, refused, …
  uint64_t count = 0;        // finished checks
  double total_seconds = 0;  // that they took
};

struct BackendStatus {
  std::string pool;
  std::string name;
  uint16_t number = 0;  // by which flow records name it: its pool's position and its number there
  IpAddress address;
  uint16_t port = 0;
  uint32_t weight = 0;
  uint32_t accept = 0;  // 0 (no new flows) to 256 (all that its slots give it)
  BackendState state = BackendState::unknown;
  std::string reason;  // of the state, for a person
  std::string admin;   // enabled | draining | disabled: what people want of it
  WallTime since;      // of the state
  double share = 0;    // of the pool's slots, 0 to 1
  bool mac_known = false;
  uint64_t packets = 0;  // client to backend, of this service
  uint64_t bytes = 0;
  uint64_t reply_packets = 0;  // backend to client; 0 where replies don't pass here
  uint64_t reply_bytes = 0;
  uint64_t new_flows = 0;
  uint64_t active_flows = 0;
  HealthCheckStatus checks;  // of the pool's backend: the same in every service that has it
};

struct ServiceStatus {
  std::string name;
  uint16_t number = 0;  // by which flow records name it
  Prefix address;
  uint16_t port = 0;  // 0: any
  std::string protocol;
  std::string forward;
  std::string pool;
  std::string scheduler;
  std::string announced;      // arp | route | none
  bool fit = false;           // enough backends are up to announce it
  bool sees_replies = false;  // they pass here (nat)
  uint32_t sample = 0;        // one flow in so many is watched; 0: none
  uint64_t packets = 0;       // client to backend, removed backends included
  uint64_t bytes = 0;
  uint64_t reply_packets = 0;  // backend to client, the same; 0 where replies don't pass here
  uint64_t reply_bytes = 0;
  uint64_t new_flows = 0;
  uint64_t active_flows = 0;
  uint64_t opened = 0;       // flows that probation remembered
  uint64_t tracked = 0;      // that moved on to the connection table
  uint64_t forgotten = 0;    // that probation lost while they lived
  uint64_t untracked = 0;    // that the full connection table had no room for
  NamedCounts dropped;       // by reason
  bool panic = false;        // so many of the pool are down that all of it is used
  bool on_backup = false;    // the backup pool is used
  uint64_t panic_flows = 0;  // opened while all of the pool was used
  uint32_t backends_up = 0;
  std::vector<BackendStatus> backends;  // the pool's, then the backup pool's
};

// received + originated = sent + punted + in_flight + the sum of dropped.
struct DropsReport {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t punted = 0;
  uint64_t originated = 0;
  int64_t in_flight = 0;
  NamedCounts dropped;  // every reason, zeros too
};

struct ReloadReport {
  bool accepted = false;
  uint64_t generation = 0;  // in use afterwards, whether accepted or not
  std::string text;         // one line for a person: what changed
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// What the API asks. The control loop implements it; all calls are made on the control thread.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual NodeStatus node() = 0;
  virtual std::vector<WorkerStatus> workers() = 0;
  virtual std::vector<PortStatus> ports() = 0;
  virtual std::vector<ServiceStatus> services() = 0;
  virtual std::vector<std::string> service_names() = 0;
  // Of one service, or of all where `service` is empty; nothing where none has the name.
  virtual std::vector<ServiceOutcomes> outcomes(const std::string& service) = 0;
  virtual std::vector<ServiceLatency> latency(const std::string& service) = 0;
  // Newest first.
  virtual std::vector<FlowStatus> flows(const FlowQuestion& question) = 0;
  virtual ConnectionPage connections(const ConnectionQuestion& question) = 0;
  // What would become of a client's packet now, and why.
  virtual Result<TraceReport> trace(const TraceQuestion& question) = 0;
  virtual std::vector<RecordStatus> records() = 0;
  virtual std::vector<DiscoveryStatus> discovery() = 0;  // by pool
  // Copies packets from now on; an error: it doesn't begin. `who` asked for it.
  virtual Result<std::shared_ptr<CaptureStream>> capture(const CaptureQuestion& question,
                                                         const std::string& who) = 0;
  virtual DropsReport drops() = 0;
  virtual std::vector<Finding> findings() = 0;  // what is set up wrong
  virtual RoutesStatus routes() = 0;            // the VIPs, and how they are announced
  // Ends or begins standby: ARP, ND and routes of all VIPs. `who` asked for it.
  virtual void set_announcing(bool on, const std::string& who) = 0;
  // Reads the configuration file again, as SIGHUP does. `who` asked for it.
  virtual ReloadReport reload(const std::string& who) = 0;
  // What may be changed; nullptr where nothing may.
  virtual ChangeControl* changes() { return nullptr; }

  virtual uint64_t generation() = 0;  // of the published snapshot
  // Names the desired state: another one after each accepted change by file or API (never by health), also
  // over restarts. No quotes, blanks or commas.
  virtual std::string desired_tag() = 0;
  virtual std::vector<std::string> schedulers() = 0;  // that set_scheduler() takes
  // Of one service, or of all where `service` is empty; live flows stay where they are. Until the file is
  // read again.
  virtual ReloadReport set_scheduler(const std::string& service, const std::string& scheduler,
                                     const std::string& who) = 0;
};

}  // namespace shunt
