// What StatusView shows of flows: sums over workers, and over the rows that a backend had before its pool
// grew.
#include <algorithm>
#include <array>
#include <chrono>

#include "control/daemon.h"
#include "control/status_view.h"

namespace shunt {
namespace {

// The sums of a backend's histograms, or of those that share a row.
struct LatencySums {
  HistogramSum connect;
  HistogramSum response;
  HistogramSum duration;

  void add(const PairLatency& row) {
    connect += row.connect_us;
    response += row.response_us;
    duration += row.duration_ms;
  }
  BackendLatency summary(std::string pool, std::string name, Forward forward) const {
    const bool sees_replies = forward == Forward::nat;
    return {std::move(pool), std::move(name),
            LatencySummary::of(connect, TimeUnit::microsecond, sees_replies ? "synack" : "ack"),
            LatencySummary::of(response, TimeUnit::microsecond, sees_replies ? "ttfb" : "inband"),
            LatencySummary::of(duration, TimeUnit::millisecond)};
  }
};

// Every row that the backend `number` of a position ever had.
template <typename Visit>
void each_row(const PoolPosition& position, uint16_t number, Visit visit) {
  if (number < position.pairs.capacity) visit(position.pairs.first + number);
  for (const PairRange& range : position.before) {
    if (number < range.capacity) visit(range.first + number);
  }
}

}  // namespace

void StatusView::each_service(const std::string& name, const ServiceVisit& visit) const {
  const auto& services = daemon_.compiler_->registry().services();
  for (const ServiceConfig& config : daemon_.config_.services) {
    if (!name.empty() && config.name != name) continue;
    const auto record = services.find({config.address, config.protocol, config.port});
    if (record != services.end()) visit(config, record->second);
  }
}

void StatusView::each_backend(const ServiceConfig& config, const ServiceRecord& record,
                              const BackendVisit& visit) const {
  const auto& pools = daemon_.compiler_->registry().pools();
  for (const std::string& pool : {config.pool, config.backup_pool}) {
    const auto position = pool.empty() ? std::nullopt : record.position_of(pool);
    const auto found = pools.find(pool);
    if (!position || found == pools.end()) continue;
    for (const auto& backend : found->second.backends) {
      if (backend && backend->is_active()) visit(record.positions[*position], *backend);
    }
  }
}

FlowCounts StatusView::flow_counts(const PoolPosition& position, uint16_t number) const {
  FlowCounts counts;
  each_row(position, number, [&](uint32_t row) {
    for (const WorkerState* worker : daemon_.engine_->workers()) {
      const PairOutcomes& pair = worker->telemetry.pair(row);
      for (size_t i = 0; i < kOutcomes; ++i)
        counts.outcomes[i] += pair.outcomes[i].read();
      counts.revived += pair.revived.read();
      counts.syn_retransmits += pair.syn_retransmits.read();
      counts.reconnects += pair.reconnects.read();
      counts.data_retransmits += pair.data_retransmits.read();
      counts.watched += pair.watched.read();
      counts.unwatched += pair.unwatched.read();
    }
  });
  return counts;
}

ServiceOutcomes StatusView::service_outcomes(const ServiceConfig& config, const ServiceRecord& record) const {
  ServiceOutcomes status;
  status.name = config.name;
  for (const PoolPosition& position : record.positions) {
    for (uint16_t number = 0; number < position.pairs.capacity; ++number)
      status.total += flow_counts(position, number);
  }
  HistogramSum syn_gaps;
  HistogramSum reconnect_gaps;
  for (const WorkerState* worker : daemon_.engine_->workers()) {
    const ServiceRetries& retries = worker->telemetry.service(record.id);
    status.total.outcomes[static_cast<size_t>(FlowOutcome::no_backend)] += retries.no_backend.read();
    status.total.outcomes[static_cast<size_t>(FlowOutcome::shed)] += retries.shed.read();
    for (size_t i = 0; i < kChainLengths; ++i)
      status.chains[i] += retries.chains[i].read();
    syn_gaps += retries.syn_gaps_ms;
    reconnect_gaps += retries.reconnect_gaps_ms;
  }
  const auto given_up = daemon_.engine_->given_up().find(record.id);
  if (given_up != daemon_.engine_->given_up().end()) {
    for (size_t i = 0; i < kChainLengths; ++i)
      status.chains[i] += given_up->second[i];
  }
  status.syn_gaps = LatencySummary::of(syn_gaps, TimeUnit::millisecond);
  status.reconnect_gaps = LatencySummary::of(reconnect_gaps, TimeUnit::millisecond);
  each_backend(config, record, [&](const PoolPosition& position, const BackendRecord& backend) {
    status.backends.push_back({position.pool, backend.config.name, flow_counts(position, backend.number)});
  });
  return status;
}

ServiceLatency StatusView::service_latency(const ServiceConfig& config, const ServiceRecord& record) const {
  ServiceLatency status;
  status.name = config.name;
  const auto workers = daemon_.engine_->workers();
  Service service;  // as far as Telemetry looks at it
  service.id = record.id;
  bool some_share = false;
  each_backend(config, record, [&](const PoolPosition& position, const BackendRecord& backend) {
    LatencySums sums;
    bool own = false;
    each_row(position, backend.number, [&](uint32_t row) {
      const bool has_row = row < kLatencyPairs;
      own = own || has_row;
      some_share = some_share || !has_row;
      if (!has_row) return;
      for (const WorkerState* worker : workers)
        sums.add(worker->telemetry.latency_of(service, row));
    });
    if (own) status.backends.push_back(sums.summary(position.pool, backend.config.name, config.forward));
  });
  if (!some_share) return status;
  LatencySums shared;
  for (const WorkerState* worker : workers)
    shared.add(worker->telemetry.latency_of(service, kLatencyPairs));
  status.backends.push_back(shared.summary({}, {}, config.forward));
  return status;
}

std::vector<std::string> StatusView::service_names() {
  std::vector<std::string> names;
  each_service({}, [&](const ServiceConfig& config, const ServiceRecord&) { names.push_back(config.name); });
  return names;
}

std::vector<ServiceOutcomes> StatusView::outcomes(const std::string& service) {
  std::vector<ServiceOutcomes> all;
  each_service(service, [&](const ServiceConfig& config, const ServiceRecord& record) {
    all.push_back(service_outcomes(config, record));
  });
  return all;
}

std::vector<ServiceLatency> StatusView::latency(const std::string& service) {
  std::vector<ServiceLatency> all;
  each_service(service, [&](const ServiceConfig& config, const ServiceRecord& record) {
    all.push_back(service_latency(config, record));
  });
  return all;
}

FlowStatus StatusView::flow_status(const FlowRecord& record) const {
  FlowStatus flow;
  flow.ended = WallTime(std::chrono::microseconds(record.ended_us));
  flow.client = record.client_address();
  flow.client_port = record.client_port;
  flow.service_number = record.service;
  flow.udp = (record.flags & kFlowUdp) != 0;
  flow.sampled = (record.flags & kFlowSampled) != 0;
  flow.outcome = static_cast<FlowOutcome>(record.outcome);
  flow.connect_method = (record.flags & kFlowConnectAck) != 0 ? "ack" : "synack";
  flow.connect_us = record.connect_us;
  flow.first_byte_us = record.first_byte_us;
  flow.duration_ms = record.duration_ms;
  flow.packets = record.packets;
  flow.bytes = record.bytes.get();
  flow.reply_packets = record.reply_packets;
  flow.reply_bytes = record.reply_bytes.get();
  flow.syn_retransmits = record.syn_retransmits;
  flow.attempt = record.attempt;
  flow.has_backend = flow.outcome != FlowOutcome::no_backend && flow.outcome != FlowOutcome::shed;
  const BackendRef backend{record.backend};
  if (flow.has_backend) flow.backend_number = backend.number();
  const auto& services = daemon_.compiler_->registry().services();
  const auto service =
      std::ranges::find_if(services, [&](const auto& entry) { return entry.second.id == record.service; });
  if (service == services.end()) return flow;
  flow.service = service->second.config.name;
  if (!flow.has_backend) return flow;
  const auto& pools = daemon_.compiler_->registry().pools();
  const auto pool = pools.find(service->second.positions[backend.position()].pool);
  if (pool == pools.end() || backend.number() >= pool->second.backends.size()) return flow;
  flow.pool = pool->first;
  if (const auto& found = pool->second.backends[backend.number()]) flow.backend = found->config.name;
  return flow;
}

std::vector<FlowStatus> StatusView::flows(const FlowQuestion& question) {
  std::optional<uint16_t> only;
  each_service(question.service,
               [&](const ServiceConfig&, const ServiceRecord& record) { only = record.id; });
  const auto wanted = [&](const FlowRecord& record) {
    return question.service.empty() || record.service == only;
  };
  std::vector<FlowStatus> all;
  for (const FlowRecord& record :
       daemon_.engine_->recent_flows().newest(question.failed_only, question.limit, wanted)) {
    all.push_back(flow_status(record));
  }
  return all;
}

std::vector<RecordStatus> StatusView::records() {
  std::vector<RecordStatus> all;
  const RecordSegment& segment = daemon_.engine_->records();
  for (uint32_t ring = 0; ring < segment.layout().rings; ++ring) {
    const RecordSegment::Counts counts = segment.counts(ring);
    all.push_back({ring, counts.pushed, counts.dropped});
  }
  return all;
}

}  // namespace shunt
