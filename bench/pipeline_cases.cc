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
  if (knows_flows()) {
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
  const WorkerState& state = runner_.state();
  while (name_ == "fragments" && state.ledger.dropped_total() == 0) {
    prepare();
    run();
  }
  hits_before_ = state.counters.lookup_hit.read();
  received_before_ = state.ledger.received;
  sent_before_ = state.ledger.sent;
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
  if (opening < kPacketsInRotation / 2) shuffle();
  next_flow_ += opening;
  runner_.turn_clock(opening * kLifeNs / flows_);
}

void PipelineCase::draw_known() {
  batch_.clear();
  while (batch_.size() < kPacketsInRotation)
    batch_.push_back(name_ == "flood" ? Wanted{next_flow_++, Segment::syn}
                                      : Wanted{known_flow(), Segment::ack});
}

void PipelineCase::draw_fragments() {
  batch_.clear();
  while (batch_.size() < kPacketsInRotation) {
    batch_.push_back({known_flow(), Segment::ack});
    batch_.push_back({next_fragment_++, Segment::later_fragment});
  }
  shuffle();
}

void PipelineCase::shuffle() {
  for (size_t i = batch_.size() - 1; i > 0; --i)
    std::swap(batch_[i], batch_[random_.below(static_cast<uint32_t>(i + 1))]);
}

std::span<const Wanted> PipelineCase::next_batch() {
  if (name_ == "fragments") {
    draw_fragments();
  } else if (knows_flows()) {
    draw_known();
  } else {
    draw_new(name_ == "new" ? kPacketsInRotation / 2 : kOpeningOfMixed);
  }
  return batch_;
}

void PipelineCase::prove_output(const PipelineWorld& world, const std::function<uint64_t()>& run_batch) {
  prepare();
  prove(run_batch() == batch_.size(), name_ + ": the worker took all packets");
  std::vector<Wanted> wanted = batch_;
  std::erase_if(wanted, [](const Wanted& packet) { return packet.segment == Segment::later_fragment; });
  const auto frames = runner_.device().unload();
  prove(frames.size() == wanted.size(), name_ + ": as many came out as went in, but for fragments");
  for (size_t i = 0; i < frames.size(); ++i) {
    const std::string faults = faults_of(world, traffic_, wanted[i].flow, wanted[i].segment, frames[i]);
    prove(faults.empty(), name_ + ", packet " + std::to_string(i) + " that came out of a batch: " + faults);
  }
}

// One thing became of every fragment: it is held, or its place was wanted for another one.
void PipelineCase::prove_fragments(uint64_t received, uint64_t hits) const {
  const WorkerState& state = runner_.state();
  const Ledger& ledger = state.ledger;
  const uint64_t pushed_out = ledger.dropped[static_cast<size_t>(DropReason::fragment_limit)];
  const auto held = static_cast<int64_t>(state.fragments.held_frames());
  prove(hits == received / 2, "every packet that is no fragment hit the connection table");
  prove(ledger.sent - sent_before_ == hits, "all hits were sent, and no fragment");
  prove(ledger.balanced() && ledger.in_flight() == held && held > 0, "what wasn't sent is held or dropped");
  prove(ledger.dropped_total() == pushed_out, "fragments are dropped because their table is full, only");
  prove(pushed_out + state.fragments.held_frames() == next_fragment_, "each fragment has one end");
}

void PipelineCase::prove_account() const {
  const WorkerState& state = runner_.state();
  const uint64_t received = state.ledger.received - received_before_;
  const uint64_t hits = state.counters.lookup_hit.read() - hits_before_;
  if (name_ == "fragments") {
    prove_fragments(received, hits);
  } else {
    prove(runner_.sent_everything(), name_ + ": all that came in was sent");
  }
  if (name_ == "hit") prove(hits == received, "every packet hit the connection table");
  if (name_ == "flood") prove(hits == 0, "no packet of the flood hit the connection table");
  if (!state.telemetry.is_on() || flows_ < kFewLiveFlows) return;
  // One in 64 of those that opened, of which some cases have many more by now.
  prove(runner_.watched_flows() > flows_ / 128, name_ + ": telemetry watches its share of the flows");
  prove(runner_.lost_records() == 0, name_ + ": no flow record was lost");
}

}  // namespace shunt::bench
