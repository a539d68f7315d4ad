#include "tests/packet/pipeline.h"

#include <cstring>
#include <new>

#include "tests/packet/packet_reader.h"

namespace shunt::packet {

ZeroedMemory::ZeroedMemory(size_t bytes) : size_(bytes) {
  constexpr size_t kLine = 64;
  void* start = nullptr;
  if (posix_memalign(&start, kLine, bytes) != 0) throw std::bad_alloc();
  std::memset(start, 0, bytes);
  start_.reset(static_cast<std::byte*>(start));
}

std::string Outcome::text() const {
  std::string text;
  const auto add = [&text](std::string_view word) {
    if (!text.empty()) text += ' ';
    text += word;
  };
  for (size_t i = 0; i < sent.size(); ++i)
    add("sent");
  for (size_t i = 0; i < punted.size(); ++i)
    add("punted");
  for (const DropReason reason : dropped)
    add(name_of(reason));
  return text.empty() ? "nothing" : text;
}

std::string Outcome::destination() const {
  if (sent.size() != 1 || !punted.empty() || !dropped.empty()) return text();
  return address4(sent[0].frame, l3_offset(sent[0].frame) + 16).text();
}

Pipeline::Pipeline(Config config, Options options)
    : flow_memory_(FlowTable::bytes_for(options.connections)),
      probation_memory_(ProbationTable::bytes_for(options.probation)),
      pair_memory_(options.pair_rows * sizeof(PairCounters)),
      service_memory_(options.service_rows * sizeof(ServiceCounters)),
      fragment_memory_(FragmentTable::bytes_for(options.fragments)),
      hint_memory_(options.pair_rows * sizeof(PairHint)),
      telemetry_(static_cast<uint32_t>(probation_memory_.bytes().size() / sizeof(ProbationLine)),
                 options.failures),
      state_(0,
             {flow_memory_.bytes(), probation_memory_.bytes(), pair_memory_.as<PairCounters>(),
              service_memory_.as<ServiceCounters>(), fragment_memory_.bytes(), options.fragments,
              telemetry_.memory(), hint_memory_.as<PairHint>()},
             options.table_key),
      worker_(state_, io_, static_cast<unsigned>(config.ports.size()), punt_, hand_over_, &from_host_),
      compiler_(options.cluster_key),
      now_ns_(options.now_ns) {
  compiler_.set_ports(options.ports ? *options.ports : port_runtimes(options.host_interfaces));
  compiler_.set_kernel(options.kernel ? *options.kernel : kernel_view());
  reload(config);
}

Pipeline::~Pipeline() {
  worker_.finish();
  check_ledger();
  EXPECT_EQ(io_.outstanding(), 0U) << "frames were never handed back";
}

void Pipeline::reload(const Config& config) {
  const auto applied = compiler_.set_config(config, now_ns_);
  ASSERT_TRUE(applied.ok()) << applied.error().text();
  publish();
}

void Pipeline::set_health(const std::string& pool, const std::string& backend, bool up) {
  compiler_.set_health(pool, backend, up);
  publish();
}

void Pipeline::set_kernel(KernelView view) {
  compiler_.set_kernel(std::move(view));
  publish();
}

void Pipeline::publish() {
  snapshot_ = compiler_.compile(now_ns_);
  keeper_.set_plan(compiler_.registry());
}

void Pipeline::balance() {
  const WorkerState* const workers[] = {&state_};
  keeper_.tick(workers, now_ns_);
}

void Pipeline::run_for(uint64_t seconds) {
  constexpr uint64_t kStepMs = 500;
  for (uint64_t ms = 0; ms < seconds * 1000; ms += kStepMs) {
    wait(kStepMs);
    loop();
    age();
  }
}

void Pipeline::hear_narrow_paths() {
  bool heard = false;
  while (const auto path = state_.narrow_paths.pop())
    heard = compiler_.set_path_mtu(path->backend, path->mtu, now_ns_) || heard;
  if (heard) publish();
}

void Pipeline::age() {
  const WorkerCounters& counters = state_.counters;
  const SweepProgress progress{
      {{counters.generation.read(), state_.flows.passes(), state_.probation.passes()}}};
  hear_narrow_paths();
  std::vector<PairRange> freed;
  if (compiler_.advance(progress, now_ns_, freed)) publish();
  for (const PairRange& range : freed) {
    for (uint32_t row = range.first; row < range.first + range.capacity; ++row)
      state_.telemetry.zero_row(row);
  }
  for (const uint16_t id : compiler_.take_freed_services()) {
    telemetry_.failures().forget_service(id);
    state_.telemetry.zero_service(id);
  }
}

uint32_t Pipeline::pair_of(const Service& service, const std::string& backend) const {
  const std::string& pool_name = [&]() -> const std::string& {
    for (const auto& [key, record] : compiler_.registry().services()) {
      if (record.id == service.id) return record.config.pool;
    }
    std::abort();
  }();
  for (const auto& each : compiler_.registry().pools().at(pool_name).backends) {
    if (each && each->config.name == backend)
      return service.pair(BackendRef::of(service.choice_pool, each->number));
  }
  std::abort();
}

const PairOutcomes& Pipeline::outcomes(const Service& service, const std::string& backend) const {
  return telemetry_.pairs()[pair_of(service, backend)];
}

const ServiceRetries& Pipeline::retries(const Service& service) const {
  return telemetry_.services()[service.id];
}

const PairLatency& Pipeline::latency(const Service& service, const std::string& backend) const {
  return telemetry_.latency()[pair_of(service, backend)];
}

void Pipeline::set_punt_thread(const LedgerBlock* ledger) {
  kernel_reads_ = false;
  punt_thread_ = ledger;
}

Outcome Pipeline::run_burst(uint8_t port, const std::vector<Bytes>& frames) {
  return run_by(*snapshot_, port, frames);
}

Outcome Pipeline::run_by(const Snapshot& snapshot, uint8_t port, const std::vector<Bytes>& frames) {
  const Ledger before = state_.ledger;
  for (const Bytes& frame : frames)
    io_.push(port, frame);
  worker_.run_once(snapshot, now());
  return collect(before);
}

Outcome Pipeline::from_host(uint8_t port, const Bytes& frame) {
  const Ledger before = state_.ledger;
  ++kernel_.received;
  if (from_host_.push(port, 0, frame)) {
    ++kernel_.entered;
  } else {
    kernel_.drop(DropReason::ring_full);
  }
  worker_.run_once(*snapshot_, now());
  return collect(before);
}

Outcome Pipeline::loop() {
  const Ledger before = state_.ledger;
  worker_.run_once(*snapshot_, now());
  return collect(before);
}

Outcome Pipeline::collect(const Ledger& before) {
  Outcome outcome;
  outcome.sent = io_.take_sent();
  sent_seen_ += outcome.sent.size();
  for (size_t reason = 0; reason < kDropReasons; ++reason) {
    const uint64_t count = state_.ledger.dropped[reason] - before.dropped[reason];
    outcome.dropped.insert(outcome.dropped.end(), count, static_cast<DropReason>(reason));
  }
  for (const bool urgent : {true, false}) {
    FrameRing& ring = urgent ? punt_.urgent : punt_.rest;
    while (kernel_reads_) {
      const auto record = ring.front();
      if (!record) break;
      outcome.punted.push_back({record->port, urgent, record->mark == kRestoredMark,
                                Bytes(record->frame.begin(), record->frame.end())});
      ring.pop();
      ++kernel_.left;
      ++kernel_.punted;
    }
  }
  check_ledger();
  return outcome;
}

Ledger Pipeline::total() const {
  Ledger sum = worker_.ledger().read();
  sum += kernel_;
  if (punt_thread_ != nullptr) sum += punt_thread_->read();
  return sum;
}

void Pipeline::check_ledger() const {
  EXPECT_TRUE(state_.ledger.balanced());
  EXPECT_EQ(worker_.ledger().read(), state_.ledger) << "not what was published";
  const Ledger sum = total();
  EXPECT_TRUE(sum.balanced());
  EXPECT_GE(sum.in_flight(), 0);
  EXPECT_EQ(sum.received + sum.originated,
            sum.sent + sum.punted + sum.dropped_total() + static_cast<uint64_t>(sum.in_flight()));
  EXPECT_EQ(state_.ledger.received, io_.given());
  EXPECT_EQ(sum.sent, sent_seen_);
  if (kernel_reads_) {
    EXPECT_EQ(static_cast<uint64_t>(sum.in_flight()), held());
  }
}

const Service& Pipeline::service(const std::string& vip, uint16_t port, Protocol protocol) const {
  const auto& known = compiler_.registry().services();
  return *snapshot_->service(known.at({*Prefix::parse(vip), protocol, port}).id);
}

int64_t Pipeline::active(const Service& service) const {
  int64_t flows = 0;
  for (const PoolView& pool : service.pools) {
    for (uint32_t number = 0; number < pool.count; ++number) {
      const PairCounters& pair = state_.pairs[pool.pairs + number];
      flows += static_cast<int64_t>(pair.tracked.read()) - static_cast<int64_t>(pair.ended.read());
    }
  }
  return flows;
}

}  // namespace shunt::packet
