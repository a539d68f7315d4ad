// Sequences of operations on the probation table, of two to eight lines, against a std::map: what is found,
// what an opening overwrites, what ends and why, which lines are forgetting.
#include <map>

#include "dataplane/probation_table.h"
#include "tests/fuzz/failure.h"
#include "tests/fuzz/input.h"

namespace shunt::fuzz {
namespace {

using Half = ProbationHalf;
using Kind = ProbationKind;

constexpr HashKey kKey{{1, 2, 3, 4}};
constexpr uint32_t kSynMs = 10'000;
constexpr uint32_t kUdpMs = 60'000;

uint32_t lifetime_ms(Kind kind) {
  return kind == Kind::syn ? kSynMs : kind == Kind::udp ? kUdpMs : kMidFlowLifetimeMs;
}

struct Ended {
  uint64_t key;
  Kind kind;
  EndReason why;
};

struct Policy {
  bool expired(const ProbationEntry& entry, uint32_t age_ms) const {
    return age_ms > lifetime_ms(entry.kind);
  }
  void ended(const ProbationEntry& entry, EndReason why) { log.push_back({entry.key, entry.kind, why}); }
  std::vector<Ended> log;
};

struct Flow {
  uint32_t opened_ms;
  uint32_t sequence;
  uint16_t backend;
  Kind kind;
  bool by_slot;
};

class Run {
 public:
  explicit Run(Input& input)
      : input_(input),
        memory_(2U << input.below(3)),
        table_(std::as_writable_bytes(std::span(memory_))),
        now_ms_(input.below(2) == 0 ? 0 : 0xffff'0000U) {}

  void steps() {
    while (!input_.dry()) {
      step();
      expect(table_.entries() == model_.size(), "another number of entries");
    }
    for (uint32_t flow = 0; flow < 64; ++flow) {
      for (const Half half : {Half::tcp, Half::udp})
        find(key(flow), half);
    }
  }

 private:
  using Name = std::pair<Half, uint64_t>;

  static FlowKey key(uint32_t flow) {
    return exact_flow_key(kKey, static_cast<uint16_t>(1 + flow % 3), be32(0xcb007100U + flow), be16(80));
  }

  void step() {
    const uint32_t how = input_.below(8);
    const Half half = input_.below(2) == 0 ? Half::tcp : Half::udp;
    const FlowKey of = key(input_.below(64));
    if (how < 4) return open(of, half);
    if (how == 4) return remove(of, half);
    if (how == 5) return repeat(of, half);
    if (how == 6) return sweep(input_.below(2 * table_.lines()));
    now_ms_ += input_.below(4) == 3 ? input_.half() : input_.byte();
  }

  bool expired(const Flow& flow) const { return now_ms_ - flow.opened_ms > lifetime_ms(flow.kind); }
  const Flow* known(const FlowKey& of, Half half) const {
    const auto at = model_.find({half, of.value});
    return at == model_.end() ? nullptr : &at->second;
  }

  // What ended was there, for a reason that holds.
  Flow settle(const Ended& ended) {
    const auto at = model_.find({ended.kind == Kind::udp ? Half::udp : Half::tcp, ended.key});
    expect(at != model_.end(), "what wasn't there ended");
    const Flow flow = at->second;
    expect(flow.kind == ended.kind, "it ended as another kind");
    expect((ended.why == EndReason::expired) == expired(flow), "it ended for another reason");
    model_.erase(at);
    return flow;
  }
  void settle_all() {
    for (const Ended& ended : policy_.log)
      settle(ended);
    policy_.log.clear();
  }

  ProbationEntry* find(const FlowKey& of, Half half) {
    const Flow* const flow = known(of, half);
    const bool alive = flow != nullptr && !expired(*flow);
    expect(table_.holds(of, half) == (flow != nullptr), "held, or not");
    ProbationEntry* const entry = table_.find(of, half, now_ms_, policy_);
    expect((entry != nullptr) == alive, "a flow is lost, or one came from nowhere");
    if (alive) {
      expect(entry->key == of.value && entry->backend.raw == flow->backend, "another backend");
      expect(entry->opened_ms == flow->opened_ms && entry->sequence == flow->sequence, "another opening");
      expect(entry->kind == flow->kind && entry->chosen_by_slot == flow->by_slot, "another kind");
    }
    settle_all();
    return entry;
  }

  void open(const FlowKey& of, Half half) {
    if (find(of, half) != nullptr) return;
    const Kind kind = half == Half::udp ? Kind::udp : input_.below(2) == 0 ? Kind::syn : Kind::mid_flow;
    const Flow flow{now_ms_, input_.word(), input_.half(), kind, input_.below(2) == 0};
    const auto opening =
        table_.open(of, half, kind, BackendRef{flow.backend}, flow.sequence, flow.by_slot, now_ms_, policy_);
    uint16_t forgotten = 0;
    for (const Ended& ended : policy_.log) {
      const Flow lost = settle(ended);
      if (ended.why != EndReason::forgotten) continue;
      forgotten = service_of(ended.key);
      const bool chosen_again_alike = lost.by_slot || lost.kind == Kind::mid_flow;
      expect(chosen_again_alike || now_ms_ - lost.opened_ms >= kChosenProtectedMs,
             "a flow was forgotten that had to be kept");
    }
    policy_.log.clear();
    expect(opening.forgotten == forgotten, "another service's flow was forgotten");
    const bool lossy = opening.entry == nullptr || forgotten != 0;
    expect(!lossy || table_.forgetting(of, half, now_ms_), "a loss that marks no line");
    if (opening.entry != nullptr) model_[{half, of.value}] = flow;
    find(of, half);
  }

  void remove(const FlowKey& of, Half half) {
    ProbationEntry* const entry = find(of, half);
    if (entry == nullptr) return;
    table_.remove(entry);
    model_.erase({half, of.value});
  }

  // A repeated SYN doesn't live longer.
  void repeat(const FlowKey& of, Half half) {
    ProbationEntry* const entry = find(of, half);
    if (entry == nullptr) return;
    const uint32_t sequence = input_.word();
    repeat_syn(*entry, sequence);
    model_[{half, of.value}].sequence = sequence;
    find(of, half);
  }

  void sweep(uint32_t lines) {
    const auto swept = table_.sweep(lines, now_ms_, policy_);
    expect(swept.lines == lines && swept.expired == policy_.log.size(), "a sweep that counts wrong");
    for (const Ended& ended : policy_.log)
      expect(ended.why == EndReason::expired, "a sweep that does more than expire");
    settle_all();
    if (lines < table_.lines()) return;
    for (const auto& [name, flow] : model_)
      expect(!expired(flow), "a whole sweep that left something");
  }

  Input& input_;
  std::vector<ProbationLine> memory_;
  ProbationTable table_;
  uint32_t now_ms_;
  Policy policy_;
  std::map<Name, Flow> model_;
};

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Input input(data, size);
  shunt::fuzz::Run(input).steps();
  return 0;
}
