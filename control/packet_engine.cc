#include "control/packet_engine.h"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "dataplane/dpdk_eal.h"
#include "dataplane/tsc_clock.h"
#include "stats/traffic_counters.h"

namespace shunt {
namespace {

Result<HashKey> random_key() {
  HashKey key;
  if (getrandom(key.words, sizeof key.words, 0) != static_cast<ssize_t>(sizeof key.words)) {
    return Error{"random key", std::strerror(errno)};
  }
  return key;
}

// Of a worker, on their way to a reader: 4 MiB, which hold 0.6 s of 100,000 records a second.
constexpr uint64_t kRecordsOfWorker = 65'536;
// How many lines of recent failures are looked at in one go: all of them within 2 s.
constexpr size_t kFailureLines = 256;

// A worker's: twice what a full connection table would have at the default sample.
uint32_t watched_flows(const Config& config) {
  return std::max(config.dataplane.connections / 32, 4'096U);
}

template <typename T>
std::span<T> array_in(const TableMemory& memory, size_t count) {
  return {reinterpret_cast<T*>(memory.bytes().data()), count};
}

}  // namespace

Result<PacketEngine::CoreTelemetry> PacketEngine::allocate_telemetry(const Config& config) {
  constexpr size_t kLatencyRows = kLatencyPairs + kMaxServices;
  auto pairs = TableMemory::allocate_sparse(kMaxPairs * sizeof(PairOutcomes));
  auto services = TableMemory::allocate_sparse(kMaxServices * sizeof(ServiceRetries));
  auto latency = TableMemory::allocate_sparse(kLatencyRows * sizeof(PairLatency));
  auto pauses = TableMemory::allocate_sparse(kLatencyRows * sizeof(InBandPauses));
  auto notes = TableMemory::allocate(
      OpeningNotes::bytes_for(static_cast<uint32_t>(ProbationTable::bytes_for() / sizeof(ProbationLine))),
      false);
  auto watched = TableMemory::allocate(WatchedFlows::bytes_for(watched_flows(config)), false);
  for (auto* memory : {&pairs, &services, &latency, &pauses, &notes, &watched}) {
    if (!*memory) return memory->error();
  }
  return CoreTelemetry{pairs.take(),  services.take(), latency.take(),
                       pauses.take(), notes.take(),    watched.take()};
}

// All bits zero is a valid state of counters and tables, so fresh pages need no construction.
Result<PacketEngine::Core> PacketEngine::make_core(unsigned index, const Config& config,
                                                   const MemoryPlan& plan, const HashKey& key) {
  uint16_t mtu = 0;
  for (const PortConfig& port : config.ports)
    mtu = std::max(mtu, port.mtu);
  auto flows = TableMemory::allocate(FlowTable::bytes_for(config.dataplane.connections), plan.hugepages);
  auto probation = TableMemory::allocate(ProbationTable::bytes_for(), plan.hugepages);
  const FragmentLimits limits = fragment_limits(config);
  auto fragments = TableMemory::allocate(FragmentTable::bytes_for(limits), plan.hugepages);
  auto pairs = TableMemory::allocate(kMaxPairs * sizeof(PairCounters), false);
  auto services = TableMemory::allocate(kMaxServices * sizeof(ServiceCounters), false);
  auto hints = TableMemory::allocate_sparse(kMaxPairs * sizeof(PairHint));
  for (auto* memory : {&flows, &probation, &fragments, &pairs, &services, &hints}) {
    if (!*memory) return memory->error();
  }
  auto pool = make_buffer_pool(index, worker_buffers(config, index), mtu);
  if (!pool) return pool.error();
  auto telemetry = allocate_telemetry(config);
  if (!telemetry) return telemetry.error();
  Core core{flows.take(), probation.take(), fragments.take(), pairs.take(), services.take(),
            hints.take(), telemetry.take(), pool.value(),     nullptr,      std::make_unique<PuntRings>()};
  const WorkerMemory memory{
      core.flows.bytes(),
      core.probation.bytes(),
      array_in<PairCounters>(core.pairs, kMaxPairs),
      array_in<ServiceCounters>(core.services, kMaxServices),
      core.fragments.bytes(),
      limits,
      {array_in<PairOutcomes>(core.telemetry.pairs, kMaxPairs),
       array_in<ServiceRetries>(core.telemetry.services, kMaxServices),
       array_in<PairLatency>(core.telemetry.latency, kLatencyPairs + kMaxServices),
       array_in<InBandPauses>(core.telemetry.pauses, kLatencyPairs + kMaxServices),
       core.telemetry.notes.bytes(), core.telemetry.watched.bytes(), &failures_, &records_->ring(index)},
      array_in<PairHint>(core.hints, kMaxPairs)};
  core.state = std::make_unique<WorkerState>(index, memory, key);
  return core;
}

Result<> PacketEngine::open_ports(const Config& config, const std::vector<std::optional<MacAddress>>& macs) {
  std::vector<rte_mempool*> pools;
  for (const Core& core : cores_)
    pools.push_back(core.pool);
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    PortRequest request{port.name, port.device,         static_cast<uint16_t>(i),
                        port.mtu,  macs[i].has_value(), macs[i].value_or(MacAddress{})};
    auto opened = DpdkPort::open(request, pools);
    if (!opened) return opened.error();
    ports_.push_back(opened.take());
  }
  return Ok{};
}

void PacketEngine::make_workers(const Config& config) {
  std::vector<uint16_t> device_ids;
  for (const DpdkPort& port : ports_)
    device_ids.push_back(port.device_id());
  for (unsigned i = 0; i < cores_.size(); ++i) {
    DpdkWorkerThread::Settings settings;
    settings.index = i;
    settings.cpu = config.dataplane.workers[i];
    settings.sleeps = config.dataplane.idle == IdleMode::sleep;
    settings.device_ids = device_ids;
    settings.pool = cores_[i].pool;
    settings.state = cores_[i].state.get();
    settings.punt = cores_[i].punt.get();
    settings.hand_over = hand_over_.get();
    settings.from_host = i == 0 ? &from_host_ : nullptr;
    settings.publication = publication_.get();
    workers_.push_back(std::make_unique<DpdkWorkerThread>(settings));
  }
}

Result<std::unique_ptr<PacketEngine>> PacketEngine::open(const Config& config, const MemoryPlan& plan,
                                                         const std::vector<std::optional<MacAddress>>& macs) {
  auto key = random_key();
  if (!key) return key.error();
  std::unique_ptr<PacketEngine> engine(new PacketEngine);
  const auto workers = static_cast<unsigned>(config.dataplane.workers.size());
  auto records = RecordSegment::create(config.node.runtime_dir, workers, kRecordsOfWorker);
  if (!records) return records.error();
  engine->records_ = std::make_unique<RecordSegment>(records.take());
  for (unsigned i = 0; i < workers; ++i) {
    auto core = engine->make_core(i, config, plan, key.value());
    if (!core) return core.error();
    engine->cores_.push_back(core.take());
  }
  std::vector<WorkerState*> states;
  for (const Core& core : engine->cores_)
    states.push_back(core.state.get());
  engine->capture_taps_ = std::make_shared<CaptureTaps>(std::move(states));
  if (auto opened = engine->open_ports(config, macs); !opened) return opened.error();
  engine->hand_over_ = std::make_unique<HandOverRings>(workers);
  engine->publication_ = std::make_unique<Publication>(workers + 1);
  engine->make_workers(config);
  return engine;
}

PacketEngine::~PacketEngine() {
  stop();
  if (capture_taps_) capture_taps_->close();
  for (DpdkPort& port : ports_)
    port.close();
}

std::vector<const WorkerState*> PacketEngine::workers() const {
  std::vector<const WorkerState*> states;
  for (const Core& core : cores_)
    states.push_back(core.state.get());
  return states;
}

Result<> PacketEngine::start(const std::vector<int>& host_fds) {
  running_ = true;
  PuntThread::Settings settings;
  settings.host_fds = host_fds;
  for (const Core& core : cores_)
    settings.from_workers.push_back(core.punt.get());
  settings.to_worker = &from_host_;
  const auto reader = static_cast<unsigned>(cores_.size());
  settings.snapshot = [this] { return publication_->current(); };
  settings.done = [this, reader] { publication_->quiescent(reader); };
  publication_->online(reader);
  punt_ = std::make_unique<PuntThread>(std::move(settings));
  punt_->start();
  for (auto& worker : workers_) {
    if (auto started = worker->start(); !started) return started;
  }
  return Ok{};
}

void PacketEngine::stop() {
  if (!running_) return;
  running_ = false;
  for (auto& worker : workers_)
    worker->stop();
  capture_taps_->close();
  punt_->stop();
  publication_->offline(static_cast<unsigned>(cores_.size()));
}

// Each block is balanced by itself, so any order of reading gives a sum that is. The punt thread's first:
// what it took out was put in before, so that in_flight is seldom seen below zero.
Ledger PacketEngine::account() const {
  Ledger sum = punt_ ? punt_->ledger().read() : Ledger{};
  for (const auto& worker : workers_)
    sum += worker->ledger().read();
  return sum;
}

SweepProgress PacketEngine::progress() const {
  SweepProgress progress;
  for (const Core& core : cores_) {
    const WorkerCounters& counters = core.state->counters;
    progress.workers.push_back(
        {counters.generation.read(), counters.sweeps.read(), counters.probation_sweeps.read()});
  }
  return progress;
}

void PacketEngine::take_questions(const std::function<void(const NeighbourQuestion&)>& take) {
  for (Core& core : cores_) {
    while (const auto question = core.state->questions.pop())
      take(*question);
  }
}

void PacketEngine::take_narrow_paths(const std::function<void(const NarrowPath&)>& take) {
  for (Core& core : cores_) {
    while (const auto path = core.state->narrow_paths.pop())
      take(*path);
  }
}

Now PacketEngine::now() {
  return TscClock(eal_tsc_hz()).now();
}

void PacketEngine::keep_telemetry() {
  records_->serve();
  records_->follow([this](const FlowRecord& record) { recent_flows_.add(record); });
  records_->make_room();
  const Now now = PacketEngine::now();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const int64_t epoch_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count() -
                           static_cast<int64_t>(now.ns / 1'000);
  for (Core& core : cores_)
    core.state->telemetry.set_epoch(epoch_us);
  failures_.sweep(kFailureLines, now.millisecond, [this](uint16_t service, uint8_t attempts) {
    ++given_up_[service][std::min<size_t>(attempts, kChainLengths) - 1];
  });
}

void PacketEngine::zero_rows(const std::vector<PairRange>& rows) {
  for (Core& core : cores_) {
    for (const PairRange& range : rows) {
      for (uint32_t row = range.first; row < range.first + range.capacity; ++row) {
        PairCounters& pair = core.state->pairs[row];
        for (Counter* counter : {&pair.packets, &pair.bytes, &pair.reply_packets, &pair.reply_bytes,
                                 &pair.flows, &pair.tracked, &pair.ended, &pair.waiting}) {
          counter->set(0);
        }
        core.state->telemetry.zero_row(row);
      }
    }
  }
}

void PacketEngine::zero_services(const std::vector<uint16_t>& ids) {
  for (const uint16_t id : ids) {
    failures_.forget_service(id);
    given_up_.erase(id);
    for (Core& core : cores_)
      core.state->telemetry.zero_service(id);
  }
}

}  // namespace shunt
