// Sequences of operations on the connection table, of one to four buckets, against a std::map: what is found,
// what an insertion does, what ends and why. The model knows no slots, hints or 13-bit seconds; of buckets
// only which two a flow may use.
#include <map>

#include "dataplane/flow_table.h"
#include "tests/fuzz/failure.h"
#include "tests/fuzz/input.h"
#include "tests/unit/flow_table_fixture.h"

namespace shunt::fuzz {
namespace {

using flow_table_test::Ended;
using Outcome = FlowTable::Outcome;

constexpr uint32_t kMostBuckets = 4;
constexpr uint32_t kSlots = FlowBucket::kSlots;

struct Flow {
  BackendRef backend;
  TcpState state;
  uint64_t second;
  uint32_t bucket;
};

class Run {
 public:
  explicit Run(Input& input)
      : input_(input), buckets_(1 + input.below(kMostBuckets)), fixture_(buckets_), now_(start(input)) {}

  void steps() {
    while (!input_.dry()) {
      step();
      expect(fixture_.table.entries() == model_.size(), "another number of entries");
    }
    for (uint32_t i = 0; i < 256; ++i)
      compare(key(i));
  }

 private:
  // Where 13 bits and 32 bits of seconds are about to wrap, too.
  static uint64_t start(Input& input) {
    constexpr uint64_t kStarts[] = {0, 8'150, 0xffff'ff00};
    return kStarts[input.below(3)];
  }
  FlowKey key(uint32_t flow) const {
    return flow_table_test::flow(flow, static_cast<uint16_t>(1 + flow % 2));
  }
  FlowKey any_key() { return key(input_.byte()); }
  TcpState any_state() { return static_cast<TcpState>(input_.below(kTcpStates)); }
  uint32_t now() const { return static_cast<uint32_t>(now_); }

  void step() {
    switch (input_.below(8)) {
      case 0:
      case 1:
      case 2:
        return insert(any_key());
      case 3:
        return touch(any_key());
      case 4:
        return erase(any_key());
      case 5:
        return sweep(1 + input_.below(2 * kMostBuckets));
      case 6:
        compare(any_key());
        return;
      default:
        return pass_time();
    }
  }

  bool expired(uint64_t value, const Flow& flow) const {
    return now_ - flow.second >= flow_table_test::timeout_of(value, flow.state);
  }
  const Flow* known(uint64_t value) const {
    const auto at = model_.find(value);
    return at == model_.end() ? nullptr : &at->second;
  }

  FlowTable::Entry compare(const FlowKey& key) {
    const FlowTable::Entry entry = fixture_.table.find(key);
    const Flow* const flow = known(key.value);
    expect(static_cast<bool>(entry) == (flow != nullptr), "a flow is lost, or one came from nowhere");
    if (flow == nullptr) return entry;
    expect(entry.key_value() == key.value, "another flow's entry");
    expect(FlowTable::backend(entry) == flow->backend, "another backend");
    expect(FlowTable::state(entry) == flow->state, "another state");
    expect(FlowTable::idle_seconds(entry, now()) == now_ - flow->second, "another idle time");
    expect(FlowTable::live(entry, now(), fixture_.policy) != expired(key.value, *flow), "dead or alive");
    return entry;
  }

  // What ended was there, for a reason that holds. Gives how long it was idle.
  uint64_t settle(const Ended& ended) {
    const Flow* const flow = known(ended.value);
    expect(flow != nullptr, "what wasn't there ended");
    expect(ended.backend == flow->backend && ended.state == flow->state, "it ended as another");
    expect((ended.why == EndReason::expired) == expired(ended.value, *flow), "it ended for another reason");
    const uint64_t idle = now_ - flow->second;
    model_.erase(ended.value);
    return idle;
  }

  uint32_t live_in(uint32_t bucket, uint64_t& longest_idle) const {
    uint32_t live = 0;
    for (const auto& [value, flow] : model_) {
      if (flow.bucket != bucket || expired(value, flow)) continue;
      ++live;
      longest_idle = std::max(longest_idle, now_ - flow.second);
    }
    return live;
  }
  // What an insertion must come to.
  Outcome wanted(const FlowKey& key) const {
    const Flow* const flow = known(key.value);
    if (flow != nullptr) return expired(key.value, *flow) ? Outcome::inserted : Outcome::replaced;
    uint64_t idle = 0;
    for (const uint32_t bucket :
         {flow_table_test::primary_of(key, buckets_), flow_table_test::alternate_of(key, buckets_)}) {
      if (live_in(bucket, idle) < kSlots) return Outcome::inserted;
    }
    return idle >= kMinEvictIdleSeconds ? Outcome::evicted : Outcome::full;
  }

  void insert(const FlowKey& key) {
    const Outcome outcome = wanted(key);
    const BackendRef backend{input_.half()};
    const TcpState state = any_state();
    fixture_.policy.log.clear();
    const auto inserted = fixture_.table.insert(key, backend, state, now(), fixture_.policy);
    expect(inserted.outcome == outcome, "an insertion with another outcome");
    expect(fixture_.policy.log.size() <= 1, "an insertion ended two flows");
    for (const Ended& ended : fixture_.policy.log) {
      const uint64_t idle = settle(ended);
      expect(ended.why != EndReason::evicted || idle >= kMinEvictIdleSeconds, "a busy flow was evicted");
    }
    if (outcome == Outcome::evicted)
      expect(fixture_.policy.log.size() == 1, "an eviction that nobody was told of");
    if (!inserted) return;
    const uint32_t bucket = fixture_.bucket_of(inserted.entry);
    expect(bucket == flow_table_test::primary_of(key, buckets_) ||
               bucket == flow_table_test::alternate_of(key, buckets_),
           "a bucket that isn't the flow's");
    model_[key.value] = {backend, state, now_, bucket};
    expect(compare(key) == inserted.entry, "an entry somewhere else");
  }

  void touch(const FlowKey& key) {
    const FlowTable::Entry entry = compare(key);
    if (!entry || !FlowTable::live(entry, now(), fixture_.policy)) return;
    Flow& flow = model_[key.value];
    flow.state = any_state();
    flow.second = now_;
    FlowTable::touch(entry, flow.state, now());
    if (input_.below(2) == 0) return;
    flow.backend = BackendRef{input_.half()};
    FlowTable::set_backend(entry, flow.backend);
  }

  void erase(const FlowKey& key) {
    const FlowTable::Entry entry = compare(key);
    if (!entry) return;
    fixture_.table.erase(entry);
    model_.erase(key.value);
  }

  void sweep(uint32_t count) {
    fixture_.policy.log.clear();
    const auto swept = fixture_.table.sweep(count, now(), fixture_.policy);
    expect(swept.buckets == count && swept.expired == fixture_.policy.log.size(),
           "a sweep that counts wrong");
    for (const Ended& ended : fixture_.policy.log) {
      expect(ended.why == EndReason::expired, "a sweep that does more than expire");
      settle(ended);
    }
    if (count < buckets_) return;
    since_sweep_ = 0;
    for (const auto& [value, flow] : model_)
      expect(!expired(value, flow), "a whole sweep that left something");
  }

  // The table's condition is kept: every bucket is swept once in 992 s.
  void pass_time() {
    const uint32_t step = input_.below(4) == 3 ? input_.below(900) : input_.below(16);
    now_ += step;
    since_sweep_ += step;
    if (since_sweep_ >= kMaxFlowSweepSeconds - 900) sweep(buckets_);
  }

  Input& input_;
  uint32_t buckets_;
  flow_table_test::Fixture fixture_;
  uint64_t now_;
  uint64_t since_sweep_ = 0;
  std::map<uint64_t, Flow> model_;
};

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Input input(data, size);
  shunt::fuzz::Run(input).steps();
  return 0;
}
