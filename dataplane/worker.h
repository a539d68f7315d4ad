// Worker: one polling thread's loop over its ports. Reads as the list of stages that every packet meets.
//
// Owner: its thread; everything it writes hangs off it by value. Nothing in it waits: not for the control
// thread, not for the kernel, not for another worker. Bound: one burst per port and loop, one batch from the
// kernel side, a slice of the table's sweep.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <memory>

#include "dataplane/capture.h"
#include "dataplane/fragments.h"
#include "dataplane/frame_io.h"
#include "dataplane/probes.h"
#include "dataplane/stages.h"
#include "dataplane/transmit.h"
#include "dataplane/worker_state.h"

namespace shunt {

// A connection table of the default size or more is swept once in 20 s (the wrap of its clock allows 992 s);
// a smaller one at as many buckets a second, so sooner at no more cost, but not oftener than once a second.
inline constexpr uint64_t kSweepPeriodNs = 20'000'000'000U;
inline constexpr uint64_t kShortestSweepNs = 1'000'000'000U;
inline constexpr uint64_t kFullSizeBuckets = FlowTable::buckets_for(1'048'576);
inline constexpr uint32_t kSweepSlice = 256;  // buckets in one loop at most
constexpr uint64_t sweep_period_ns(uint64_t buckets) {
  return std::clamp(kSweepPeriodNs * std::min(buckets, kFullSizeBuckets) / kFullSizeBuckets, kShortestSweepNs,
                    kSweepPeriodNs);
}
inline constexpr uint64_t kProbationSweepNs = 1'000'000'000U;
inline constexpr uint32_t kProbationSweepSlice =
    16'384;  // lines in one loop: after half a second in which there was none
// One burst in so many is measured stage by stage: reading the TSC costs 24 ticks, eight times a burst.
inline constexpr uint64_t kMeasureEvery = 128;

// Where the ticks of one burst go: each call charges a stage with what has passed since the one before. Does
// nothing when the burst isn't measured.
class StageWatch {
 public:
  StageWatch(WorkerCounters& counters, bool measures) : counters_(counters), measures_(measures) {
    if (measures_) last_ = __rdtsc();
  }
  void passed(Stage stage, unsigned packets) {
    if (measures_) [[unlikely]]
      charge(stage, packets);
  }
  bool measures() const { return measures_; }

 private:
  void charge(Stage stage, unsigned packets) {
    const uint64_t now = __rdtsc();
    StageCost& cost = counters_.stages[static_cast<size_t>(stage)];
    cost.ticks.add(now - last_);
    cost.packets.add(packets);
    last_ = __rdtsc();  // the counting isn't the next stage's
  }

  WorkerCounters& counters_;
  bool measures_;
  uint64_t last_ = 0;
};

template <FrameIo Io>
class Worker {
 public:
  // `from_host`: frames of the kernel's for the ports, or nullptr (one worker takes them all).
  Worker(WorkerState& state, Io& io, unsigned ports, PuntRings& punt, HandOverRings& hand_over,
         FrameRing* from_host)
      : state_(state),
        io_(io),
        ports_(ports),
        transmitter_(io, ports, punt, hand_over),
        hand_over_(hand_over),
        from_host_(from_host),
        sweep_period_ns_(sweep_period_ns(state.flows.buckets())) {
    state_.workers = hand_over.workers();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // One loop. The number of packets it handled; 0 means that there was nothing to do.
  unsigned run_once(const Snapshot& snapshot, const Now& now) {
    unsigned packets = 0;
    state_.telemetry.start_loop(now);
    state_.answer_limit.set_rate(snapshot.answer_rate, state_.workers);
    for (unsigned port = 0; port < ports_; ++port)
      packets += receive(static_cast<uint8_t>(port), snapshot, now);
    if (from_host_ != nullptr) packets += receive_from(*from_host_, false, snapshot, now);
    for (unsigned other = 0; other < hand_over_.workers(); ++other) {
      if (other != state_.index)
        packets += receive_from(hand_over_.ring(other, state_.index), true, snapshot, now);
    }
    if (!state_.fragments.empty()) [[unlikely]]
      packets += release_fragments(snapshot, now);
    transmitter_.flush_all(state_, now);
    sweep(snapshot, now);
    sweep_probation(snapshot, now);
    state_.telemetry.settle();
    state_.counters.loops.add(1);
    state_.counters.generation.set(snapshot.generation);
    ledger_block_.publish(state_.ledger);
    return packets;
  }

  // After the last loop.
  void finish() {
    transmitter_.abandon(state_);
    state_.fragments.clear();
    count_lost_fragments(state_);
    ledger_block_.publish(state_.ledger);
  }

  const LedgerBlock& ledger() const { return ledger_block_; }
  WorkerState& state() { return state_; }

 private:
  unsigned receive(uint8_t port, const Snapshot& snapshot, const Now& now) {
    const bool measures = state_.counters.bursts.read() % kMeasureEvery == kMeasureEvery - 1;
    StageWatch watch(state_.counters, measures);
    uint64_t bytes = 0;
    const unsigned count = io_.receive(port, burst_.packet.data(), kBurstSize, bytes);
    if (count == 0) return 0;
    watch.passed(Stage::receive, count);
    state_.ledger.received += count;
    PortCounters& counters = state_.counters.ports[port];
    counters.received_packets.add(count);
    counters.received_bytes.add(bytes);
    state_.counters.bursts.add(1);
    state_.counters.packets.add(count);
    walk(port, count, snapshot, now, watch);
    return count;
  }

  // The way of a packet.
  void walk(uint8_t port, unsigned count, const Snapshot& snapshot, const Now& now, StageWatch& watch) {
    burst_.start(port, count);
    CaptureTap* const tap = state_.capture.load(std::memory_order_acquire);
    if (tap != nullptr) [[unlikely]]
      tap->before(burst_, now);
    take_plain(burst_, snapshot.ports[port], snapshot, state_);
    watch.passed(Stage::classify, 0);  // its packets are counted below
    parse(burst_, snapshot.ports[port]);
    watch.passed(Stage::parse, count);
    classify(burst_, snapshot, state_);
    watch.passed(Stage::classify, count);
    lookup(burst_, state_, now);
    watch.passed(Stage::lookup, count);
    select(burst_, snapshot, state_, now);
    if (burst_.fragments != 0) [[unlikely]]
      settle_fragments(burst_, snapshot, state_, now);
    state_.telemetry.find_seen();
    watch.passed(Stage::select, count);
    rewrite(burst_, snapshot, state_);
    watch.passed(Stage::rewrite, count);
    if (tap != nullptr) [[unlikely]]
      tap->after(burst_);
    transmitter_.run(burst_, state_, now);
    if (watch.measures()) [[unlikely]]
      transmitter_.flush_all(state_, now);
    state_.telemetry.settle();
    watch.passed(Stage::transmit, count);
  }

  // What another thread put into a ring: from the kernel, out of its port or, if it is for the port's second
  // MAC, in, as if received (health checks through tunnels take a way of their own); from another worker, in.
  unsigned receive_from(FrameRing& ring, bool from_worker, const Snapshot& snapshot, const Now& now) {
    unsigned taken = 0;
    unsigned inward = 0;
    uint8_t inward_port = 0;
    uint8_t mark = 0;  // of those that go in: by how many workers they were passed on, or kProbeMark
    while (taken < kBurstSize) {
      const auto record = ring.front();
      if (!record) break;
      const PortState& port = snapshot.ports[record->port];
      const bool is_inward = from_worker || std::equal(port.host_mac.bytes.begin(), port.host_mac.bytes.end(),
                                                       record->frame.begin());
      // A burst has one port, and one mark.
      if (is_inward && inward > 0 && (record->port != inward_port || record->mark != mark)) break;
      ++taken;
      ++state_.ledger.left;
      Frame frame;
      // Some devices refuse a frame beyond their MTU for ever, and everything behind it with it.
      if (!is_inward && record->frame.size() > size_t{port.mtu} + kLargestL2Bytes) {
        state_.ledger.drop(DropReason::too_big);
      } else if (!io_.allocate(frame, static_cast<uint32_t>(record->frame.size()))) {
        state_.ledger.drop(DropReason::transmit_full);
      } else {
        std::memcpy(frame.data, record->frame.data(), record->frame.size());
        if (is_inward) {
          std::memcpy(frame.data, port.mac.bytes.data(), port.mac.bytes.size());
          inward_port = record->port;
          mark = record->mark;
          burst_.packet[inward++].set_frame(frame);
        } else {
          transmitter_.send(record->port, frame, state_, now);
        }
      }
      ring.pop();
    }
    if (inward == 0) return taken;
    if (!from_worker && mark == kProbeMark) {
      walk_probes(inward_port, inward, snapshot, now);
      return taken;
    }
    StageWatch watch(state_.counters, false);
    burst_.passed = mark;
    walk(inward_port, inward, snapshot, now, watch);
    burst_.passed = 0;
    return taken;
  }

  // The kernel's health checks through tunnels, each to its own backend.
  [[gnu::noinline]] void walk_probes(uint8_t port, unsigned count, const Snapshot& snapshot, const Now& now) {
    burst_.start(port, count);
    parse(burst_, snapshot.ports[port]);
    direct_probes(burst_, snapshot, state_);
    transmitter_.run(burst_, state_, now);
  }

  // Fragments that waited for the first one of their datagram, a burst of them in a loop; ends those that
  // waited too long.
  [[gnu::noinline]] unsigned release_fragments(const Snapshot& snapshot, const Now& now) {
    FragmentTable& held = state_.fragments;
    held.expire(now.ns);
    count_lost_fragments(state_);
    std::array<FragmentWay, kBurstSize> ways;
    unsigned count = 0;
    uint8_t port = 0;
    for (unsigned taken = 0; taken < kBurstSize; ++taken) {
      const auto next = held.front();
      if (!next || (count > 0 && next->port != port)) break;
      Frame frame;
      ++state_.ledger.left;
      if (io_.allocate(frame, next->bytes)) {
        held.copy_front(frame.data);
        port = next->port;
        ways[count] = next->way;
        burst_.packet[count++].set_frame(frame);
      } else {
        state_.ledger.drop(DropReason::transmit_full);
      }
      held.pop();
    }
    if (count == 0) return 0;
    burst_.start(port, count);
    CaptureTap* const tap = state_.capture.load(std::memory_order_acquire);
    if (tap != nullptr) tap->before(burst_, now);
    parse(burst_, snapshot.ports[port]);
    burst_.fragments = burst_.live;
    for (const unsigned i : bits_of(burst_.fragments))
      follow(burst_, i, ways[i], snapshot, state_);
    rewrite(burst_, snapshot, state_);
    if (tap != nullptr) tap->after(burst_);
    transmitter_.run(burst_, state_, now);
    return count;
  }

  void sweep(const Snapshot& snapshot, const Now& now) {
    // A loop that was held up catches up slice by slice; more than a whole pass is never owed.
    if (now.ns > sweep_period_ns_) swept_ns_ = std::max(swept_ns_, now.ns - sweep_period_ns_);
    if (now.ns < swept_ns_) swept_ns_ = now.ns;  // a clock that stepped back owes nothing
    const uint64_t due = (now.ns - swept_ns_) * state_.flows.buckets() / sweep_period_ns_;
    if (due == 0) return;
    const auto slice = static_cast<uint32_t>(std::min<uint64_t>(due, kSweepSlice));
    swept_ns_ += slice * sweep_period_ns_ / state_.flows.buckets();
    FlowLifetimes lifetimes(snapshot, state_);
    state_.flows.sweep(slice, now.second, lifetimes);
    state_.counters.sweeps.set(state_.flows.passes());
    state_.counters.flow_entries.set(state_.flows.entries());
  }

  // Small and swept often: what nobody answered is to be known soon.
  void sweep_probation(const Snapshot& snapshot, const Now& now) {
    if (now.ns > kProbationSweepNs)
      probation_swept_ns_ = std::max(probation_swept_ns_, now.ns - kProbationSweepNs);
    if (now.ns < probation_swept_ns_) probation_swept_ns_ = now.ns;
    const uint64_t lines = state_.probation.lines();
    const uint64_t due = (now.ns - probation_swept_ns_) * lines / kProbationSweepNs;
    if (due == 0) return;
    const auto slice = static_cast<uint32_t>(std::min<uint64_t>(due, kProbationSweepSlice));
    probation_swept_ns_ += slice * kProbationSweepNs / lines;
    ProbationLifetimes waiting(snapshot, state_);
    state_.probation.sweep(slice, now.millisecond, waiting);
    state_.counters.probation_sweeps.set(state_.probation.passes());
    state_.counters.probation_entries.set(state_.probation.entries());
  }

  WorkerState& state_;
  Io& io_;
  unsigned ports_;
  Burst burst_;
  Transmitter<Io> transmitter_;
  HandOverRings& hand_over_;
  FrameRing* from_host_;
  uint64_t sweep_period_ns_;
  uint64_t swept_ns_ = 0;
  uint64_t probation_swept_ns_ = 0;
  LedgerBlock ledger_block_;
};

}  // namespace shunt
