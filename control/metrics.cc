#include "control/metrics.h"

#include <algorithm>
#include <set>
#include <utility>

#include "control/discovery_metrics.h"
#include "control/flow_metrics.h"
#include "control/metric_filler.h"
#include "control/metrics_text.h"

namespace shunt {
namespace {

using prometheus::MetricType;
using Families = std::vector<prometheus::MetricFamily>;
using Labels = MetricLabels;
using Filler = MetricFiller;

Filler counter(std::string name, std::string help) {
  return Filler::counter(std::move(name), std::move(help));
}
Filler gauge(std::string name, std::string help) {
  return Filler::gauge(std::move(name), std::move(help));
}

void add_node(Families& families, const NodeStatus& node) {
  gauge("shunt_build_info", "Versions of shuntd and DPDK; always 1.")
      .add({{"version", node.version}, {"dpdk", node.dpdk_version}}, 1)
      .into(families);
  const double started = std::chrono::duration<double>(node.started.time_since_epoch()).count();
  gauge("shunt_start_time_seconds", "When shuntd started, in seconds since 1970.")
      .add({}, started)
      .into(families);
  gauge("shunt_tsc_hz", "Ticks of the time stamp counter in a second.").add({}, node.tsc_hz).into(families);
  gauge("shunt_ready", "1 when /readyz says so.").add({}, node.ready ? 1 : 0).into(families);
  gauge("shunt_table_generation", "Generation of the published configuration.")
      .add({}, node.generation)
      .into(families);
  gauge("shunt_config_last_reload_successful", "1 when the last reload was accepted.")
      .add({}, node.last_reload.accepted ? 1 : 0)
      .into(families);
}

void add_balance(Families& families, const DropsReport& drops) {
  counter("shunt_packets_received_total", "Frames from ports and host interfaces.")
      .add({}, drops.received)
      .into(families);
  counter("shunt_packets_originated_total", "Packets that shunt made itself.")
      .add({}, drops.originated)
      .into(families);
  counter("shunt_packets_sent_total", "Frames taken by the ports' devices.")
      .add({}, drops.sent)
      .into(families);
  counter("shunt_packets_punted_total", "Frames given to the kernel.").add({}, drops.punted).into(families);
  gauge("shunt_packets_in_flight", "Packets in buffers and rings of shunt.")
      .add({}, drops.in_flight)
      .into(families);
}

void add_worker_packets(Families& families, const std::vector<WorkerStatus>& workers) {
  auto packets = counter("shunt_worker_packets_total", "Packets that a worker received.");
  auto bytes = counter("shunt_worker_bytes_total", "Bytes that a worker received.");
  auto loops = counter("shunt_worker_loops_total", "Turns of a worker's loop.");
  auto bursts = counter("shunt_worker_bursts_total", "Receive calls of a worker that brought packets.");
  auto busy_seconds = counter("shunt_worker_busy_seconds_total", "Time that a worker spent on packets.");
  auto busy =
      gauge("shunt_lcore_busy_ratio", "Share of its time that the worker on this CPU spent on packets.");
  for (const WorkerStatus& worker : workers) {
    const Labels labels = {{"worker", std::to_string(worker.index)}};
    packets.add(labels, worker.packets);
    bytes.add(labels, worker.bytes);
    loops.add(labels, worker.loops);
    bursts.add(labels, worker.bursts);
    busy_seconds.add(labels, worker.busy_seconds);
    busy.add({{"lcore", std::to_string(worker.cpu)}}, worker.busy);
  }
  packets.into(families);
  bytes.into(families);
  loops.into(families);
  bursts.into(families);
  busy_seconds.into(families);
  busy.into(families);
}

void add_worker_stages(Families& families, const std::vector<WorkerStatus>& workers) {
  auto ticks = counter("shunt_worker_stage_ticks_total",
                       "TSC ticks of a worker's stage, in the bursts that it measured.");
  auto packets = counter("shunt_worker_stage_packets_total", "Packets that a stage had in these bursts.");
  for (const WorkerStatus& worker : workers) {
    for (const StageStatus& stage : worker.stages) {
      const Labels labels = {{"worker", std::to_string(worker.index)}, {"stage", stage.name}};
      ticks.add(labels, stage.ticks);
      packets.add(labels, stage.packets);
    }
  }
  ticks.into(families);
  packets.into(families);
}

void add_tables(Families& families, const std::vector<WorkerStatus>& workers) {
  auto entries = gauge("shunt_flow_table_entries", "Flows in a worker's connection table.");
  auto capacity = gauge("shunt_flow_table_capacity", "Flows that a worker's connection table is made for.");
  auto probation = gauge("shunt_probation_entries", "Flows in a worker's probation table.");
  auto probation_capacity =
      gauge("shunt_probation_capacity", "Flows that a worker's probation table is made for.");
  std::map<std::string, uint64_t> lookups;
  for (const WorkerStatus& worker : workers) {
    const Labels labels = {{"worker", std::to_string(worker.index)}};
    entries.add(labels, worker.flow_entries);
    capacity.add(labels, worker.flow_capacity);
    probation.add(labels, worker.probation_entries);
    probation_capacity.add(labels, worker.probation_capacity);
    for (const auto& [result, count] : worker.lookups)
      lookups[result] += count;
  }
  entries.into(families);
  capacity.into(families);
  probation.into(families);
  probation_capacity.into(families);
  auto results = counter("shunt_flow_lookup_total", "Packets looked up, by where their flow was found.");
  for (const auto& [result, count] : lookups)
    results.add({{"result", result}}, count);
  results.into(families);
}

void add_port_traffic(Families& families, const std::vector<PortStatus>& ports) {
  auto packets = counter("shunt_port_packets_total", "Packets of a port, as the workers counted them.");
  auto bytes = counter("shunt_port_bytes_total", "Bytes of a port, as the workers counted them.");
  auto driver_packets = counter("shunt_nic_packets_total", "Packets of a port, as its driver counted them.");
  auto driver_bytes = counter("shunt_nic_bytes_total", "Bytes of a port, as its driver counted them.");
  for (const PortStatus& port : ports) {
    const Labels received = {{"port", port.name}, {"direction", "received"}};
    const Labels sent = {{"port", port.name}, {"direction", "sent"}};
    packets.add(received, port.received_packets).add(sent, port.sent_packets);
    bytes.add(received, port.received_bytes).add(sent, port.sent_bytes);
    driver_packets.add(received, port.driver_received_packets).add(sent, port.driver_sent_packets);
    driver_bytes.add(received, port.driver_received_bytes).add(sent, port.driver_sent_bytes);
  }
  packets.into(families);
  bytes.into(families);
  driver_packets.into(families);
  driver_bytes.into(families);
}

void add_port_state(Families& families, const std::vector<PortStatus>& ports) {
  auto missed =
      counter("shunt_nic_rx_missed_total", "Packets that a port's device lost for want of descriptors.");
  auto link = gauge("shunt_port_link_up", "1 while the port has link.");
  for (const PortStatus& port : ports) {
    missed.add({{"port", port.name}}, port.missed);
    link.add({{"port", port.name}}, port.link_up ? 1 : 0);
  }
  missed.into(families);
  link.into(families);
}

// What a service did by a backend, or by all backends of a pool together.
struct Traffic {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t reply_packets = 0;
  uint64_t reply_bytes = 0;
  uint64_t new_flows = 0;
  uint64_t active_flows = 0;

  void operator+=(const BackendStatus& backend) {
    packets += backend.packets;
    bytes += backend.bytes;
    reply_packets += backend.reply_packets;
    reply_bytes += backend.reply_bytes;
    new_flows += backend.new_flows;
    active_flows += backend.active_flows;
  }
};

// By pool and backend name: a name is unique in its pool only, and a service may have two pools.
using TrafficByBackend = std::map<std::pair<std::string, std::string>, Traffic>;

TrafficByBackend traffic_of(const ServiceStatus& service, bool collapse) {
  TrafficByBackend traffic;
  for (const BackendStatus& backend : service.backends) {
    traffic[{backend.pool, collapse ? std::string() : backend.name}] += backend;
  }
  return traffic;
}

size_t pairs_of(const std::vector<ServiceStatus>& services) {
  size_t pairs = 0;
  for (const ServiceStatus& service : services)
    pairs += service.backends.size();
  return pairs;
}

Labels with_direction(Labels labels, const char* direction) {
  labels.push_back({"direction", direction});
  return labels;
}

void add_service_traffic(Families& families, const std::vector<ServiceStatus>& services) {
  const size_t pairs = pairs_of(services);
  auto packets = counter("shunt_packets_total", "Packets between clients and a backend.");
  auto bytes = counter("shunt_bytes_total", "Bytes of the frames between clients and a backend.");
  auto flows = counter("shunt_flows_total", "Flows given to a backend.");
  auto active = gauge("shunt_active_flows", "Flows of a backend that are open.");
  for (const ServiceStatus& service : services) {
    for (const auto& [who, traffic] : traffic_of(service, pairs > kMaxBackendSeries)) {
      const Labels labels = {{"service", service.name}, {"pool", who.first}, {"backend", who.second}};
      packets.add(with_direction(labels, "to_backend"), traffic.packets);
      bytes.add(with_direction(labels, "to_backend"), traffic.bytes);
      if (service.sees_replies) {
        packets.add(with_direction(labels, "to_client"), traffic.reply_packets);
        bytes.add(with_direction(labels, "to_client"), traffic.reply_bytes);
      }
      flows.add(labels, traffic.new_flows);
      active.add(labels, traffic.active_flows);
    }
  }
  packets.into(families);
  bytes.into(families);
  flows.into(families);
  active.into(families);
}

void add_services(Families& families, const std::vector<ServiceStatus>& services) {
  auto events = counter("shunt_flow_events_total", "What became of a service's flows in the tables.");
  auto fit = gauge("shunt_service_fit", "1 while enough backends are up to announce the service.");
  auto up = gauge("shunt_service_backends_up", "Backends of the service that are up.");
  auto panic = gauge("shunt_pool_panic",
                     "1 while so many of the service's pool are down that new flows go to all of it.");
  for (const ServiceStatus& service : services) {
    const auto event = [&](const char* name, uint64_t count) {
      events.add({{"service", service.name}, {"event", name}}, count);
    };
    event("opened", service.opened);
    event("tracked", service.tracked);
    event("forgotten", service.forgotten);
    event("untracked", service.untracked);
    event("panic", service.panic_flows);
    panic.add({{"service", service.name}, {"pool", service.pool}}, service.panic ? 1 : 0);
    fit.add({{"service", service.name}}, service.fit ? 1 : 0);
    up.add({{"service", service.name}}, service.backends_up);
  }
  events.into(families);
  fit.into(families);
  up.into(families);
  panic.into(families);
}

// Services share pools; each backend of a pool once.
std::vector<const BackendStatus*> pool_backends(const std::vector<ServiceStatus>& services) {
  std::vector<const BackendStatus*> found;
  std::set<std::pair<std::string, std::string>> seen;
  for (const ServiceStatus& service : services) {
    for (const BackendStatus& backend : service.backends) {
      if (seen.insert({backend.pool, backend.name}).second) found.push_back(&backend);
    }
  }
  return found;
}

void add_backends(Families& families, const std::vector<const BackendStatus*>& backends) {
  constexpr std::pair<BackendState, const char*> kStates[] = {{BackendState::unknown, "unknown"},
                                                              {BackendState::up, "up"},
                                                              {BackendState::down, "down"},
                                                              {BackendState::disabled, "disabled"}};
  auto up = gauge("shunt_backend_up", "1 while the backend is up.");
  auto state = gauge("shunt_backend_state", "1 for the state that the backend is in, 0 for the others.");
  auto weight = gauge("shunt_backend_weight", "Configured weight.");
  auto accept =
      gauge("shunt_backend_accept_ratio", "Share of the new flows of its slots that the backend takes.");
  auto share = gauge("shunt_backend_slots_ratio", "Share of its pool's slots that the backend has.");
  for (const BackendStatus* backend : backends) {
    const Labels labels = {{"pool", backend->pool}, {"backend", backend->name}};
    up.add(labels, backend->state == BackendState::up ? 1 : 0);
    for (const auto& [value, name] : kStates) {
      Labels of_state = labels;
      of_state.push_back({"state", name});
      state.add(std::move(of_state), backend->state == value ? 1 : 0);
    }
    weight.add(labels, backend->weight);
    accept.add(labels, backend->accept / 256.0);
    share.add(labels, backend->share);
  }
  up.into(families);
  state.into(families);
  weight.into(families);
  accept.into(families);
  share.into(families);
}

void add_health_checks(Families& families, const std::vector<const BackendStatus*>& backends) {
  auto checks = counter("shunt_health_checks_total", "Finished health checks by result.");
  Filler duration(MetricType::Summary, "shunt_health_check_duration_seconds", "How long health checks took.");
  for (const BackendStatus* backend : backends) {
    const Labels labels = {{"pool", backend->pool}, {"backend", backend->name}};
    for (const auto& [result, count] : backend->checks.results) {
      Labels of_result = labels;
      of_result.push_back({"result", result});
      checks.add(std::move(of_result), count);
    }
    if (!backend->checks.results.empty()) {
      duration.add_summary(labels, backend->checks.count, backend->checks.total_seconds);
    }
  }
  checks.into(families);
  duration.into(families);
}

}  // namespace

// The sum over all series is what was dropped: each drop is under its service, or under service="" when none
// owns it.
void StatusMetrics::add_drops(Families& families, const std::vector<ServiceStatus>& services,
                              const DropsReport& drops) const {
  auto dropped =
      counter("shunt_drops_total", "Packets dropped, by reason; service is empty where none was found.");
  std::map<std::string, uint64_t> attributed;
  for (const ServiceStatus& service : services) {
    for (const auto& [reason, count] : service.dropped) {
      attributed[reason] += count;
      // Zeros would be services × reasons series.
      if (count > 0) dropped.add({{"service", service.name}, {"reason", reason}}, count);
    }
  }
  for (const auto& [reason, total] : drops.dropped) {
    const uint64_t known = std::min(attributed[reason], total);
    uint64_t& rest = unattributed_[reason];
    rest = std::max(rest, total - known);
    dropped.add({{"service", ""}, {"reason", reason}}, rest);
  }
  dropped.into(families);
}

// The least important last: that is where the bound on series cuts.
Families StatusMetrics::Collect() const {
  const std::vector<ServiceStatus> services = source_.services();  // before drops(): see unattributed_
  const DropsReport drops = source_.drops();
  const std::vector<WorkerStatus> workers = source_.workers();
  const std::vector<PortStatus> ports = source_.ports();
  Families families;
  add_node(families, source_.node());
  add_balance(families, drops);
  add_drops(families, services, drops);
  add_worker_packets(families, workers);
  add_worker_stages(families, workers);
  add_tables(families, workers);
  add_port_traffic(families, ports);
  add_port_state(families, ports);
  add_records(families, source_.records());
  add_service_traffic(families, services);
  add_services(families, services);
  const auto backends = pool_backends(services);
  add_backends(families, backends);
  add_discovery(families, source_.discovery());
  add_health_checks(families, backends);
  const size_t pairs = pairs_of(services);
  const std::vector<ServiceOutcomes> outcomes = source_.outcomes({});
  add_outcomes(families, outcomes, pairs > kMaxBackendSeries);
  add_retries(families, outcomes);
  add_latency(families, source_.latency({}), pairs > kMaxBackendHistograms);
  series_dropped_ += keep_series(families, kMaxSeries);
  counter("shunt_series_dropped_total", "Series left out of pages that had too many.")
      .add({}, series_dropped_)
      .into(families);
  return families;
}

std::shared_ptr<const std::string> StatusMetrics::text() {
  const uint64_t begin = clock_();
  if (!text_ || begin >= stale_at_) {
    std::string room;
    if (text_ && text_.use_count() == 1) room = std::move(*text_);
    text_ = std::make_shared<std::string>(metrics_text(Collect(), std::move(room)));
    const uint64_t end = clock_();
    stale_at_ = end + kRestFactor * (end - begin);
  }
  return text_;
}

}  // namespace shunt
