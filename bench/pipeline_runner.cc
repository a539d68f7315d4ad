#include "bench/pipeline_runner.h"

#include "bench/measure.h"

namespace shunt::bench {
namespace {

constexpr HashKey kTableKey{{1, 2, 3, 4}};
// Waiting in probation at a time: few enough that its lines of two don't overflow.
constexpr uint32_t kOpenedTogether = kPacketsInRotation / 2;

// TSC ticks as nanoseconds: one multiplication, as the worker's thread has it.
uint64_t nanoseconds(uint64_t ticks) {
  static const auto scale = static_cast<uint64_t>(static_cast<double>(1U << 30U) / tsc_ghz());
  return ticks * scale >> 30U;
}

}  // namespace

PipelineRunner::PipelineRunner(const PipelineWorld& world, RingDevice& device, uint32_t connections,
                               bool with_telemetry)
    : world_(world),
      device_(device),
      tables_(connections, with_telemetry),
      state_(std::make_unique<WorkerState>(0, tables_.memory(), kTableKey)),
      io_({device.device_id()}, 0, device.pool()) {
  worker_ = std::make_unique<Worker<DpdkFrameIo>>(*state_, io_, 1, punt_, hand_over_, nullptr);
}

PipelineRunner::~PipelineRunner() {
  worker_->finish();
  device_.unload();
}

std::unique_ptr<PipelineRunner> PipelineRunner::make(const PipelineWorld& world, RingDevice& device,
                                                     uint32_t connections, bool with_telemetry) {
  return std::unique_ptr<PipelineRunner>(new PipelineRunner(world, device, connections, with_telemetry));
}

void PipelineRunner::load(const Traffic& traffic, std::span<const Wanted> batch) {
  device_.unload();
  tables_.make_room();
  for (unsigned i = 0; i < batch.size(); ++i)
    traffic.write(device_.frame(i), batch[i].flow, batch[i].segment);
  device_.load(static_cast<unsigned>(batch.size()), traffic.frame_bytes());
}

uint64_t PipelineRunner::run() {
  const uint64_t began = __rdtsc();
  uint64_t packets = 0;
  for (;;) {
    const unsigned handled =
        worker_->run_once(world_.snapshot(), Now::from_ns(clock_ns_ + nanoseconds(__rdtsc() - began)));
    if (handled == 0) break;
    packets += handled;
  }
  clock_ns_ += nanoseconds(__rdtsc() - began);
  return packets;
}

// Without time passing: filling a large table takes longer than an entry must be idle to make room.
void PipelineRunner::run_packets(const Traffic& traffic, std::span<const Wanted> batch) {
  load(traffic, batch);
  while (worker_->run_once(world_.snapshot(), Now::from_ns(clock_ns_)) > 0) {
  }
}

// Packets of flows that are in the table hit; the others are found by halving.
void PipelineRunner::find_lost(const Traffic& traffic, std::span<const Wanted> flows,
                               std::vector<bool>& kept) {
  const uint64_t before = state_->counters.lookup_hit.read();
  run_packets(traffic, flows);
  if (state_->counters.lookup_hit.read() - before == flows.size()) return;
  if (flows.size() == 1) {
    kept[flows[0].flow] = false;
    return;
  }
  find_lost(traffic, flows.first(flows.size() / 2), kept);
  find_lost(traffic, flows.subspan(flows.size() / 2), kept);
}

void PipelineRunner::open_flows(const Traffic& traffic, uint32_t first, uint32_t count,
                                std::vector<bool>& kept) {
  kept.resize(first + count, true);
  std::vector<Wanted> batch;
  for (uint32_t flow = first; flow < first + count; flow += static_cast<uint32_t>(batch.size())) {
    batch.clear();
    for (uint32_t i = flow; i < std::min(first + count, flow + kOpenedTogether); ++i)
      batch.push_back({i, Segment::syn});
    const uint64_t entries = state_->flows.entries();
    run_packets(traffic, batch);
    for (Wanted& packet : batch)
      packet.segment = Segment::ack;
    // A second ACK moves those on whose SYN probation had forgotten.
    for (int attempt = 0; attempt < 2 && state_->flows.entries() - entries < batch.size(); ++attempt)
      run_packets(traffic, batch);
    if (state_->flows.entries() - entries < batch.size()) find_lost(traffic, batch, kept);
  }
}

bool PipelineRunner::sent_everything() const {
  return state_->ledger.received == state_->ledger.sent && state_->ledger.dropped_total() == 0;
}

uint64_t PipelineRunner::watched_flows() const {
  if (!state_->telemetry.is_on()) return 0;
  uint64_t flows = 0;
  for (unsigned number = 0; number < kServices; ++number) {
    const Service& service = world_.service(number);
    for (uint16_t backend = 0; backend < kBackendsPerService; ++backend) {
      const uint32_t pair = service.pair(BackendRef::of(service.choice_pool, backend));
      flows += state_->telemetry.pair(pair).watched.read();
    }
  }
  return flows;
}

}  // namespace shunt::bench
