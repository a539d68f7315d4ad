// Telemetry: what is told of flows that do anything at any time, each direction as it likes. A tenth of the
// inputs ask WatchedFlows and the in-band estimate by themselves.
//
// When all is quiet: no flow has had two ends, what was tracked has ended, and every record is one that can
// be.
#include <map>
#include <vector>

#include "dataplane/watched_flows.h"
#include "stats/outcome.h"
#include "tests/fuzz/failure.h"
#include "tests/fuzz/input.h"
#include "tests/packet/pipeline.h"

namespace shunt::fuzz {
namespace {

using packet::Packet;
using packet::Pipeline;

constexpr int kMostSteps = 96;
constexpr unsigned kClients = 3;
constexpr uint16_t kPorts = 3;
constexpr uint32_t kOutstanding = 1'000;  // more than what is written between two looks at the ring

struct Target {
  const char* vip;
  const char* backend;
  unsigned number;
  bool nat;
};
constexpr Target kTargets[] = {{"198.51.100.1", "10.0.0.11", 11, false},
                               {"198.51.100.2", "10.0.0.12", 12, false},
                               {"198.51.100.3", "10.0.0.13", 13, true}};

// Small tables: they are swept to the end of every input. Short timeouts, so that ends are within reach of an
// input.
Config fuzz_config(Input& input) {
  Config config = packet::mode_config();
  for (ServiceConfig& service : config.services)
    service.timeouts = {seconds(8), seconds(3), seconds(2), seconds(4)};
  constexpr uint32_t kSamples[] = {1, 1, 2, 0};
  config.telemetry.sample = kSamples[input.below(4)];
  return config;
}

class Talk {
 public:
  explicit Talk(Input& input)
      : input_(input), pipeline_(fuzz_config(input), {.connections = 256, .probation = 1024}) {}

  void run() {
    for (int step = 0; step < kMostSteps && !input_.dry(); ++step) {
      const uint32_t how = input_.below(16);
      if (how < 12)
        packet();
      else if (how < 15)
        pipeline_.wait(input_.below(how == 12 ? 4'000 : 50));
      else
        change();
      pipeline_.loop();
      keep_records();
    }
    settle();
  }

 private:
  void packet() {
    const Target& target = kTargets[input_.below(3)];
    const std::string from = "203.0.113." + std::to_string(1 + input_.below(kClients));
    const auto sport = static_cast<uint16_t>(1 + input_.below(kPorts));
    const bool is_reply = target.nat && input_.one_in(3);
    Packet packet = is_reply ? Packet{.to = packet::kPort1Mac,
                                      .from = packet::backend_mac(target.number),
                                      .source = target.backend,
                                      .destination = from,
                                      .sport = 8080,
                                      .dport = sport}
                             : Packet{.source = from, .destination = target.vip, .sport = sport, .dport = 80};
    constexpr uint8_t kFlags[] = {packet::kSyn,
                                  packet::kSyn | packet::kAck,
                                  packet::kAck,
                                  packet::kAck,
                                  packet::kFin | packet::kAck,
                                  packet::kRst,
                                  packet::kRst | packet::kAck,
                                  0};
    const uint32_t flags = input_.below(9);
    packet.flags = flags < 8 ? kFlags[flags] : input_.byte();
    const uint32_t sequence = input_.below(8);
    packet.sequence = (is_reply ? 5'000U : 1'000U) + (sequence < 7 ? sequence : input_.word());
    packet.payload = Bytes(input_.below(4) == 3 ? input_.below(1'000) : 0, 'x');
    pipeline_.run(is_reply ? 1 : 0, packet::build(packet));
  }

  // A backend dies or comes back, and it is asked of nobody's.
  void change() {
    const char* const pools[] = {"l2", "ipip", "nat"};
    const uint32_t which = input_.below(3);
    pipeline_.set_health(pools[which], kTargets[which].backend, input_.below(2) == 0);
  }

  void keep_records() {
    const auto records = pipeline_.records();
    expect(records.size() < kOutstanding, "more records than steps can write");
    for (const FlowRecord& record : records) {
      expect(record.outcome < kOutcomes, "an outcome that isn't one");
      expect(record.service != 0, "a record of no service");
      // Of others that fail only the packet is known with which they do.
      const bool is_watched = (record.flags & kFlowSampled) != 0;
      expect(record.attempt != 0 || !is_watched, "a watched flow has a place in its chain");
      expect(record.ended_us != 0, "an end without a time");
      expect(record.client_address().has_value(), "a flow of nobody");
      ++records_;
    }
  }

  // Longer than whatever is remembered.
  void settle() {
    for (int second = 0; second < 140; ++second) {
      pipeline_.wait(1'000);
      pipeline_.loop();
      if (second % 20 == 19) keep_records();
    }
    expect(pipeline_.tracked_entries() == 0 && pipeline_.waiting_entries() == 0, "flows without end");
    uint64_t ends = 0;
    for (const Target& target : kTargets)
      ends += look_at(target);
    expect(records_ <= ends, "more records than ends");
  }

  uint64_t look_at(const Target& target) {
    const Service& service = pipeline_.service(target.vip, 80);
    const PairOutcomes& row = pipeline_.outcomes(service, target.backend);
    const ServiceRetries& retries = pipeline_.retries(service);
    uint64_t ends = 0;
    for (const Counter& outcome : row.outcomes)
      ends += outcome.read();
    const PairCounters& pair = pipeline_.state().pairs[service.pair(BackendRef::of(0, 0))];
    expect(pair.tracked.read() == pair.ended.read(), "a flow that was tracked and never ended");
    // Those that were met in the middle are no new flows, but have an end; a full line of probation forgets
    // without one.
    const uint64_t flows = pair.flows.read() + pair.tracked.read();
    expect(ends <= flows, "more ends than flows");
    uint64_t chains = 0;
    for (const Counter& chain : retries.chains)
      chains += chain.read();
    expect(chains <= flows, "more chains of attempts than attempts");
    expect(row.reconnects.read() <= flows, "more came back than came");
    expect(retries.reconnect_gaps_ms.count() == row.reconnects.read(), "a gap for each that came back");
    return ends + retries.no_backend.read() + retries.shed.read();
  }

  Input& input_;
  Pipeline pipeline_;
  uint64_t records_ = 0;
};

// WatchedFlows against a map, and what the in-band estimate makes of times that a clock may show.
class Parts {
 public:
  explicit Parts(Input& input)
      : input_(input),
        places_(4 * (1 + input.below(4))),
        memory_(WatchedFlows::bytes_for(places_)),
        flows_({memory_.bytes().data(), memory_.bytes().size()}, HashKey{{1, 2, 3, 4}}) {}

  void run() {
    for (int step = 0; step < 4 * kMostSteps && !input_.dry(); ++step) {
      now_us_ += input_.below(4) == 3 ? input_.below(1U << 31U) : input_.below(2'000);
      const uint64_t value = 1 + input_.below(24);
      const uint32_t how = input_.below(8);
      if (how < 2) {
        add(value);
      } else if (how == 2) {
        flows_.remove(value);
        model_.erase(value);
      } else {
        packet(value);
      }
      for (const auto& [each, opened] : model_) {
        const WatchedFlow* const flow = flows_.find(each);
        expect(flow != nullptr && flow->opened_us == opened, "a flow that was lost");
      }
    }
  }

 private:
  void add(uint64_t value) {
    WatchedFlow* const flow = flows_.add(value);
    if (flow == nullptr) {
      expect(!model_.contains(value) && model_.size() >= 4, "refused where there was room");
      return;
    }
    expect(flow->opened_us == 0 && flow->in_band.last_us == 0, "something is left of the one before");
    flow->opened_us = now_us_;
    model_[value] = now_us_;
    expect(model_.size() <= places_, "more flows than places");
  }
  void packet(uint64_t value) {
    WatchedFlow* const flow = flows_.find(value);
    expect((flow != nullptr) == model_.contains(value), "found and not there, or there and not found");
    if (flow == nullptr) return;
    const auto sample = pauses_.packet(flow->in_band, now_us_);
    if (sample) expect(*sample <= now_us_ - flow->opened_us, "an answer that took longer than its flow");
    expect(pauses_.believed_us() <= pause_us(kPauses - 1), "a pause that nobody tries");
  }

  Input& input_;
  uint32_t places_;
  packet::ZeroedMemory memory_;
  WatchedFlows flows_;
  InBandPauses pauses_;
  std::map<uint64_t, uint64_t> model_;
  uint64_t now_us_ = 1'000'000;
};

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  shunt::fuzz::abort_on_test_failures();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Input input(data, size);
  if (input.one_in(10))
    shunt::fuzz::Parts(input).run();
  else
    shunt::fuzz::Talk(input).run();
  return 0;
}
