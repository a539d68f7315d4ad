#include "bench/stage_clock.h"

#include <x86intrin.h>

#include <algorithm>

#include "bench/hand_walk.h"

namespace shunt::bench {
namespace {

uint64_t clock_cost() {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t began = __rdtsc();
    least = std::min<uint64_t>(least, __rdtsc() - began);
  }
  return least;
}

}  // namespace

struct StageClock::Walk : HandWalk {
  using HandWalk::HandWalk;

  std::array<uint64_t, kStages.size()> ticks{};
  uint64_t bursts = 0;
  uint64_t packets = 0;
  uint64_t last = 0;

  void stage_ended(size_t stage) {
    const uint64_t now = __rdtsc();
    ticks[stage] += now - last;
    last = now;
  }
  bool burst_of(const Snapshot& snapshot, const Now& now) {
    last = __rdtsc();
    const unsigned count = receive();
    if (count == 0) return false;
    stage_ended(0);
    take_plain(burst(), snapshot.ports[0], snapshot, state());
    stage_ended(2);
    parse(burst(), snapshot.ports[0]);
    stage_ended(1);
    classify(burst(), snapshot, state());
    stage_ended(2);
    lookup(burst(), state(), now);
    stage_ended(3);
    select(burst(), snapshot, state(), now);
    state().telemetry.find_seen();
    stage_ended(4);
    rewrite(burst(), snapshot, state());
    stage_ended(5);
    transmit(now);
    state().telemetry.settle();
    stage_ended(6);
    ++bursts;
    packets += count;
    return true;
  }
};

StageClock::StageClock(PipelineRunner& runner)
    : runner_(runner), walk_(std::make_unique<Walk>(runner.io(), runner.state())) {}
StageClock::~StageClock() = default;

StageTicks StageClock::run() {
  static const uint64_t cost = clock_cost();
  walk_->ticks = {};
  walk_->bursts = 0;
  walk_->packets = 0;
  const Now now = runner_.now();
  runner_.state().telemetry.start_loop(now);
  while (walk_->burst_of(runner_.snapshot(), now)) {
  }
  StageTicks spent{};
  for (size_t stage = 0; stage < spent.size(); ++stage) {
    const uint64_t reading = std::min(walk_->ticks[stage], walk_->bursts * cost);
    spent[stage] = static_cast<double>(walk_->ticks[stage] - reading) / static_cast<double>(walk_->packets);
  }
  return spent;
}

}  // namespace shunt::bench
