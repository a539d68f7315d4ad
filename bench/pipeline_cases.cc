#include "bench/pipeline_cases.h"

#include <cmath>

#include "bench/output_check.h"

namespace shunt::bench {
namespace {

constexpr uint32_t kFloodFrom = 1U << 31U;  // no known flow has such a number
constexpr unsigned kOpeningOfMixed = kPacketsInRotation / 20;
// Of the idle time that `new` gives, counted in whole seconds.
constexpr uint64_t kLifeNs = kShortLife * 1'000'000'000ULL + 500'000'000U;

// An entry is written when its flow's first packet of a second comes. Of packets that are uniformly drawn at
// 40 million a second, this share is that: nearly none of a million flows, more than half of 32 million.
double stale_share(uint32_t flows) {
  const double packets_per_flow = 40e6 / flows;
  return (1 - std::exp(-packets_per_flow)) / packets_per_flow;
}

}  // namespace

PipelineCase::PipelineCase(std::string name, PipelineRunner& runner, const Traffic& traffic, uint32_t flows)
    : name_(std::move(name)), runner_(runner), traffic_(traffic), flows_(flows) {}

void PipelineCase::warm_up() {
  if (name_ == "hit" || name_ == "flood") {
    const auto stale = static_cast<uint32_t>(stale_share(flows_) * flows_);
    runner_.open_flows(traffic_, 0, stale, kept_);
    runner_.turn_clock(1'000'000'000);
    runner_.open_flows(traffic_, stale, flows_ - stale, kept_);
    next_flow_ = name_ == "flood" ? kFloodFrom : flows_;
  } else {
    // Two lives, so that as many expire as begin.
    const unsigned opening = name_ == "new" ? kPacketsInRotation / 2 : kOpeningOfMixed;
    while (next_flow_ < 2 * flows_) {
      draw_new(name_ == "new" ? opening : kPacketsInRotation / 2);
      runner_.load(traffic_, batch_);
      runner_.run();
    }
  }
  hits_before_ = runner_.state().counters.lookup_hit.read();
  received_before_ = runner_.state().ledger.received;
}

uint32_t PipelineCase::known_flow() {
  if (name_ == "mixed") return next_flow_ - kPacketsInRotation - 1 - random_.below(flows_ / 2);
  for (;;) {
    const uint32_t flow = random_.below(flows_);
    if (kept_[flow]) return flow;
  }
}

// ACKs of the last `opening` flows, SYNs of the next ones, in turn; the rest of the batch is of flows that
// are known.
void PipelineCase::draw_new(unsigned opening) {
  batch_.clear();
  for (unsigned i = 0; i < opening; ++i) {
    batch_.push_back({next_flow_ - opening + i, Segment::ack});
    batch_.push_back({next_flow_ + i, Segment::syn});
  }
  while (batch_.size() < kPacketsInRotation)
    batch_.push_back({known_flow(), Segment::ack});
  if (opening < kPacketsInRotation / 2) {
    for (size_t i = batch_.size() - 1; i > 0; --i)
      std::swap(batch_[i], batch_[random_.below(static_cast<uint32_t>(i + 1))]);
  }
  next_flow_ += opening;
  runner_.turn_clock(opening * kLifeNs / flows_);
}

void PipelineCase::draw_known() {
  batch_.clear();
  while (batch_.size() < kPacketsInRotation)
    batch_.push_back(name_ == "flood" ? Wanted{next_flow_++, Segment::syn}
                                      : Wanted{known_flow(), Segment::ack});
}

std::span<const Wanted> PipelineCase::next_batch() {
  if (name_ == "hit" || name_ == "flood") {
    draw_known();
  } else {
    draw_new(name_ == "new" ? kPacketsInRotation / 2 : kOpeningOfMixed);
  }
  return batch_;
}

void PipelineCase::prove_output(const PipelineWorld& world, const std::function<uint64_t()>& run_batch) {
  prepare();
  prove(run_batch() == batch_.size(), name_ + ": the worker took all packets");
  const auto frames = runner_.device().unload();
  prove(frames.size() == batch_.size(), name_ + ": as many came out as went in");
  for (size_t i = 0; i < frames.size(); ++i) {
    const std::string faults = faults_of(world, traffic_, batch_[i].flow, batch_[i].segment, frames[i]);
    prove(faults.empty(), name_ + ", packet " + std::to_string(i) + " of a batch: " + faults);
  }
}

void PipelineCase::prove_account() const {
  const WorkerState& state = runner_.state();
  prove(runner_.sent_everything(), name_ + ": all that came in was sent");
  const uint64_t received = state.ledger.received - received_before_;
  const uint64_t hits = state.counters.lookup_hit.read() - hits_before_;
  if (name_ == "hit") prove(hits == received, "every packet hit the connection table");
  if (name_ == "flood") prove(hits == 0, "no packet of the flood hit the connection table");
}

}  // namespace shunt::bench
