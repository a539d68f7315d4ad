#include "control/status_view.h"

#include <algorithm>
#include <chrono>

#include "control/daemon.h"
#include "control/edits.h"
#include "control/option_rows.h"
#include "control/service_words.h"
#include "dataplane/cpu_variant.h"
#include "dataplane/dpdk_eal.h"
#include "dataplane/probation_table.h"
#include "dataplane/rehearsal.h"

namespace shunt {
namespace {

const char* announce_text(Announce announce) {
  switch (announce) {
    case Announce::arp:
      return "arp";
    case Announce::route:
      return "route";
    default:
      return "none";
  }
}

WallTime wall_time(uint64_t steady_ns) {
  const auto steady_now = std::chrono::steady_clock::now().time_since_epoch();
  const auto ago = steady_now - std::chrono::nanoseconds(steady_ns);
  return std::chrono::system_clock::now() -
         std::chrono::duration_cast<std::chrono::system_clock::duration>(ago);
}

uint64_t steady_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

}  // namespace

StatusView::StatusView(Daemon& daemon) : daemon_(daemon) {}
StatusView::~StatusView() = default;

StatusView::PairSums& StatusView::PairSums::operator+=(const PairSums& other) {
  packets += other.packets;
  bytes += other.bytes;
  reply_packets += other.reply_packets;
  reply_bytes += other.reply_bytes;
  flows += other.flows;
  tracked += other.tracked;
  ended += other.ended;
  return *this;
}

StatusView::PairSums StatusView::row(uint32_t index) const {
  PairSums sums;
  for (const WorkerState* worker : daemon_.engine_->workers()) {
    const PairCounters& pair = worker->pairs[index];
    sums += {pair.packets.read(), pair.bytes.read(),   pair.reply_packets.read(), pair.reply_bytes.read(),
             pair.flows.read(),   pair.tracked.read(), pair.ended.read()};
  }
  return sums;
}

StatusView::PairSums StatusView::number_sums(const PoolPosition& position, uint16_t number) const {
  PairSums sums;
  if (number < position.pairs.capacity) sums += row(position.pairs.first + number);
  for (const PairRange& range : position.before) {
    if (number < range.capacity) sums += row(range.first + number);
  }
  return sums;
}

StatusView::PairSums StatusView::position_sums(const PoolPosition& position) const {
  PairSums sums;
  for (uint16_t number = 0; number < position.pairs.capacity; ++number)
    sums += number_sums(position, number);
  return sums;
}

NodeStatus StatusView::node() {
  NodeStatus status;
  status.name = daemon_.config_.node.name;
  status.version = SHUNT_VERSION;
  status.dpdk_version = eal_version();
  status.config_file = daemon_.config_.file;
  status.memory = daemon_.memory_.hugepages ? "hugepages" : "ordinary";
  status.cpu_level = cpu_variant().level;
  status.generation = daemon_.compiler_->generation();
  status.started = daemon_.started_at_;
  status.uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - daemon_.started_);
  status.not_ready = daemon_.not_ready();
  status.ready = status.not_ready.empty();
  status.last_reload = daemon_.last_reload_;
  status.tsc_hz = eal_tsc_hz();
  return status;
}

void StatusView::sample() {
  const auto workers = daemon_.engine_->workers();
  rates_.resize(workers.size());
  const uint64_t now = steady_ns();
  for (size_t i = 0; i < workers.size(); ++i)
    rates_[i].read(workers[i]->counters, now);
}

void StatusView::add_costs(WorkerStatus& status, const WorkerCounters& counters) const {
  status.loops = counters.loops.read();
  status.bursts = counters.bursts.read();
  status.busy_seconds = static_cast<double>(counters.busy_ns.read()) / 1e9;
  for (size_t i = 0; i < kStages; ++i) {
    const StageCost& cost = counters.stages[i];
    status.stages.push_back({std::string(kStageNames[i]), cost.ticks.read(), cost.packets.read(), 0});
  }
  if (status.index >= rates_.size()) return;
  const WorkerRates& rates = rates_[status.index];
  status.busy = rates.busy();
  status.packets_per_burst = rates.packets_per_burst();
  status.ticks_per_packet = rates.ticks_per_packet();
  for (size_t i = 0; i < kStages; ++i)
    status.stages[i].ticks_per_packet = rates.ticks_per_packet(static_cast<Stage>(i));
}

std::vector<WorkerStatus> StatusView::workers() {
  std::vector<WorkerStatus> all;
  for (const WorkerState* worker : daemon_.engine_->workers()) {
    const WorkerCounters& counters = worker->counters;
    WorkerStatus status;
    status.index = worker->index;
    status.cpu = daemon_.config_.dataplane.workers[worker->index];
    status.packets = counters.packets.read();
    for (const PortCounters& port : counters.ports)
      status.bytes += port.received_bytes.read();
    add_costs(status, counters);
    status.flow_entries = counters.flow_entries.read();
    status.flow_capacity = daemon_.config_.dataplane.connections;
    status.probation_entries = counters.probation_entries.read();
    status.probation_capacity = kProbationEntries;
    status.lookups = {{"hit", counters.lookup_hit.read()},
                      {"probation", counters.lookup_probation.read()},
                      {"miss", counters.lookup_miss.read()}};
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<PortStatus> StatusView::ports() {
  std::vector<PortStatus> all;
  for (size_t i = 0; i < daemon_.config_.ports.size(); ++i) {
    const PortConfig& config = daemon_.config_.ports[i];
    const DpdkPort& port = daemon_.engine_->ports()[i];
    const PortDriverCounts driver = port.counts();
    PortStatus status;
    status.name = config.name;
    status.device = config.device;
    status.host_interface = config.host_interface;
    status.mac = port.mac();
    status.link_up = driver.link_up;
    status.mtu = config.mtu;
    for (const WorkerState* worker : daemon_.engine_->workers()) {
      const PortCounters& counters = worker->counters.ports[i];
      status.received_packets += counters.received_packets.read();
      status.received_bytes += counters.received_bytes.read();
      status.sent_packets += counters.sent_packets.read();
      status.sent_bytes += counters.sent_bytes.read();
      status.transmit_full += counters.transmit_full.read();
    }
    status.driver_received_packets = driver.received_packets;
    status.driver_received_bytes = driver.received_bytes;
    status.driver_sent_packets = driver.sent_packets;
    status.driver_sent_bytes = driver.sent_bytes;
    status.missed = driver.missed;
    all.push_back(std::move(status));
  }
  return all;
}

void StatusView::add_counters(ServiceStatus& status, const ServiceRecord& record) const {
  PairSums sums;
  for (const PoolPosition& position : record.positions)
    sums += position_sums(position);
  status.packets = sums.packets;
  status.bytes = sums.bytes;
  status.reply_packets = sums.reply_packets;
  status.reply_bytes = sums.reply_bytes;
  status.new_flows = sums.flows;
  status.active_flows = sums.active();
  std::array<uint64_t, kDropReasons> dropped{};
  for (const WorkerState* worker : daemon_.engine_->workers()) {
    const ServiceCounters& counters = worker->services[record.id];
    status.opened += counters.opened.read();
    status.tracked += counters.tracked.read();
    status.forgotten += counters.forgotten.read();
    status.untracked += counters.untracked.read();
    status.panic_flows += counters.panic.read();
    for (size_t i = 0; i < kDropReasons; ++i)
      dropped[i] += counters.dropped[i].read();
  }
  for (size_t i = 0; i < kDropReasons; ++i)
    status.dropped.emplace_back(kDropReasonNames[i], dropped[i]);
}

BackendStatus StatusView::backend_status(const ServiceRecord& service, uint8_t position,
                                         const BackendRecord& backend) const {
  const std::string& pool = service.positions[position].pool;
  const Compiler& compiler = *daemon_.compiler_;
  BackendStatus status;
  status.pool = pool;
  status.name = backend.config.name;
  status.address = backend.config.address;
  status.port = backend.config.port != 0 ? backend.config.port : service.config.port;
  status.weight = backend.config.weight;
  const Snapshot& snapshot = *daemon_.engine_->current();
  status.admin = admin_text(backend.config.admin);
  const BackendRef ref = BackendRef::of(position, backend.number);
  status.number = ref.raw;
  if (const Service* compiled = snapshot.service(service.id)) {
    status.accept = compiled->accept(ref);
    status.mac_known = compiled->destination(ref).has_mac;
  }
  const auto [slots, of] = compiler.slots_of(pool, backend.number);
  if (of != 0) status.share = static_cast<double>(slots) / of;
  const PairSums sums = number_sums(service.positions[position], backend.number);
  status.packets = sums.packets;
  status.bytes = sums.bytes;
  status.reply_packets = sums.reply_packets;
  status.reply_bytes = sums.reply_bytes;
  status.new_flows = sums.flows;
  status.active_flows = sums.active();
  status.since = daemon_.started_at_;
  if (const auto health = daemon_.health_->status(pool, backend.config.name)) {
    status.state = health->state == HealthState::up     ? BackendState::up
                   : health->state == HealthState::down ? BackendState::down
                                                        : BackendState::unknown;
    status.reason = health->last_reason;
    if (health->since_ns != 0) status.since = wall_time(health->since_ns);
    status.checks.results = {{"ok", health->successes}, {"failed", health->failures}};
    status.checks.count = health->successes + health->failures;
    status.checks.total_seconds = std::chrono::duration<double>(health->total_duration).count();
  } else {
    status.state = BackendState::up;
    status.reason = "no health check";
  }
  if (const std::string evidence = daemon_.passive_->reason(pool, backend.config.name); !evidence.empty())
    status.reason += "; given less: " + evidence;
  if (backend.config.weight == 0) status.reason = "weight 0: no new flows";
  if (backend.config.admin == AdminState::draining) status.reason = "draining: no new flows";
  if (backend.config.admin == AdminState::disabled) status.reason = "disabled";
  return status;
}

void StatusView::add_backends(ServiceStatus& status, const ServiceRecord& record,
                              const std::string& pool) const {
  const auto position = record.position_of(pool);
  const auto found = daemon_.compiler_->registry().pools().find(pool);
  if (!position || found == daemon_.compiler_->registry().pools().end()) return;
  for (const auto& backend : found->second.backends) {
    if (!backend || !backend->is_active()) continue;
    status.backends.push_back(backend_status(record, *position, *backend));
    if (status.backends.back().state != BackendState::down && backend->is_member()) ++status.backends_up;
  }
}

std::vector<ServiceStatus> StatusView::services() {
  std::vector<ServiceStatus> all;
  for (const ServiceConfig& config : daemon_.config_.services) {  // in the file's order
    const auto& services = daemon_.compiler_->registry().services();
    const auto record = services.find({config.address, config.protocol, config.port});
    if (record == services.end()) continue;
    ServiceStatus status;
    status.name = config.name;
    status.address = config.address;
    status.port = config.port;
    status.protocol = protocol_text(config.protocol);
    status.forward = forward_text(config.forward);
    status.pool = config.pool;
    status.scheduler = scheduler_text(config.scheduler);
    status.announced = announce_text(config.announce);
    status.fit = daemon_.fitness(config).fit();
    status.sees_replies = config.forward == Forward::nat;
    status.number = record->second.id;
    status.sample = config.sample.value_or(daemon_.config_.telemetry.sample);
    if (const ServiceCondition* condition = daemon_.compiler_->condition(record->first)) {
      status.panic = condition->rule.mode == ChoiceMode::everybody;
      status.on_backup = condition->rule.use_backup;
    }
    add_counters(status, record->second);
    add_backends(status, record->second, config.pool);
    if (!config.backup_pool.empty()) add_backends(status, record->second, config.backup_pool);
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<DiscoveryStatus> StatusView::discovery() {
  std::vector<DiscoveryStatus> all = daemon_.discovery_->statuses();
  for (DiscoveryStatus& status : all) {
    for (const RefusedBackend& backend : daemon_.reconciler_->refused()) {
      if (backend.pool == status.pool) status.refused.push_back(backend.backend + ": " + backend.reason);
    }
  }
  return all;
}

DropsReport StatusView::drops() {
  const Ledger ledger = daemon_.engine_->account();
  DropsReport report{ledger.received, ledger.sent, ledger.punted, ledger.originated, ledger.in_flight(), {}};
  for (size_t i = 0; i < kDropReasons; ++i)
    report.dropped.emplace_back(kDropReasonNames[i], ledger.dropped[i]);
  return report;
}

RoutesStatus StatusView::routes() {
  const Announcer& announcer = *daemon_.announcer_;
  return {announcer.on(), announcer.stopping(),
          static_cast<uint32_t>(daemon_.config_.dataplane.restart_grace.count()),
          daemon_.config_.routes.exabgp, announcer.vips()};
}

void StatusView::set_announcing(bool on, const std::string& who) {
  daemon_.set_announcing(on, who);
}

ChangeControl* StatusView::changes() {
  return daemon_.reconciler_.get();
}

ReloadReport StatusView::reload(const std::string& who) {
  return daemon_.reload(who);
}

uint64_t StatusView::generation() {
  return daemon_.compiler_->generation();
}

std::string StatusView::desired_tag() {
  const auto start =
      std::chrono::duration_cast<std::chrono::milliseconds>(daemon_.started_at_.time_since_epoch());
  return std::to_string(start.count()) + "-" + std::to_string(daemon_.reconciler_->desired_generation());
}

std::vector<std::string> StatusView::schedulers() {
  std::vector<std::string> names;
  for (const Choice& choice : find_option("service", "scheduler")->choices) {
    if (choice.supported) names.emplace_back(choice.name);
  }
  return names;
}

ReloadReport StatusView::set_scheduler(const std::string& service, const std::string& scheduler,
                                       const std::string& who) {
  return daemon_.set_scheduler(service, scheduler, who);
}

}  // namespace shunt
