// StatusView: the running daemon as the plain values of status.h. Reads counters and the compiler; changes
// nothing.
//
// Owner: the daemon; control thread only. Cost: sums over workers, rows and backends, for each question
// asked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/doctor.h"
#include "control/registry.h"
#include "control/status.h"
#include "control/worker_rates.h"
#include "stats/flow_record.h"
#include "stats/traffic_counters.h"

namespace shunt {

class Daemon;
class Rehearsal;
struct ReadFlow;

class StatusView : public StatusSource {
 public:
  explicit StatusView(Daemon& daemon);
  ~StatusView() override;

  NodeStatus node() override;
  std::vector<WorkerStatus> workers() override;
  std::vector<PortStatus> ports() override;
  std::vector<ServiceStatus> services() override;
  // flow_view.cc
  std::vector<std::string> service_names() override;
  std::vector<ServiceOutcomes> outcomes(const std::string& service) override;
  std::vector<ServiceLatency> latency(const std::string& service) override;
  std::vector<FlowStatus> flows(const FlowQuestion& question) override;
  std::vector<RecordStatus> records() override;
  ConnectionPage connections(const ConnectionQuestion& question) override;  // connection_view.cc
  Result<TraceReport> trace(const TraceQuestion& question) override;        // trace_view.cc
  // capture_view.cc
  Result<std::shared_ptr<CaptureStream>> capture(const CaptureQuestion& question,
                                                 const std::string& who) override;

  std::vector<DiscoveryStatus> discovery() override;
  DropsReport drops() override;
  std::vector<Finding> findings() override;  // doctor_view.cc
  RoutesStatus routes() override;
  void set_announcing(bool on, const std::string& who) override;
  ReloadReport reload(const std::string& who) override;
  ChangeControl* changes() override;
  uint64_t generation() override;
  std::string desired_tag() override;
  std::vector<std::string> schedulers() override;
  ReloadReport set_scheduler(const std::string& service, const std::string& scheduler,
                             const std::string& who) override;

  // Ten times a second: what rates are measured from.
  void sample();

 private:
  struct PairSums {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    uint64_t reply_packets = 0;
    uint64_t reply_bytes = 0;
    uint64_t flows = 0;
    uint64_t tracked = 0;
    uint64_t ended = 0;

    PairSums& operator+=(const PairSums& other);
    uint64_t active() const { return tracked > ended ? tracked - ended : 0; }
  };
  void add_costs(WorkerStatus& status, const WorkerCounters& counters) const;
  PairSums row(uint32_t index) const;
  // Of one backend number in one position, over all rows that it ever had.
  PairSums number_sums(const PoolPosition& position, uint16_t number) const;
  PairSums position_sums(const PoolPosition& position) const;
  void add_counters(ServiceStatus& status, const ServiceRecord& record) const;
  void add_backends(ServiceStatus& status, const ServiceRecord& record, const std::string& pool) const;
  BackendStatus backend_status(const ServiceRecord& service, uint8_t position,
                               const BackendRecord& backend) const;

  using ServiceVisit = std::function<void(const ServiceConfig&, const ServiceRecord&)>;
  // In the file's order; all of them where `name` is empty.
  void each_service(const std::string& name, const ServiceVisit& visit) const;
  using BackendVisit = std::function<void(const PoolPosition&, const BackendRecord&)>;
  // The pool's, then the backup pool's, but for those on their way out.
  void each_backend(const ServiceConfig& config, const ServiceRecord& record,
                    const BackendVisit& visit) const;
  FlowCounts flow_counts(const PoolPosition& position, uint16_t number) const;
  ServiceOutcomes service_outcomes(const ServiceConfig& config, const ServiceRecord& record) const;
  ServiceLatency service_latency(const ServiceConfig& config, const ServiceRecord& record) const;
  FlowStatus flow_status(const FlowRecord& record) const;
  class ConnectionNames;
  std::optional<ConnectionStatus> connection(const ConnectionNames& names, const ReadFlow& flow) const;
  DoctorService doctor_service(const ServiceConfig& config, const ServiceRecord& record) const;
  std::vector<DoctorVip> doctor_vips() const;

  Daemon& daemon_;
  std::vector<WorkerRates> rates_;        // by worker
  std::unique_ptr<Rehearsal> rehearsal_;  // since the first trace
};

}  // namespace shunt
