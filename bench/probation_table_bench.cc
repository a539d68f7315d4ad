// The half-open table (probation) beside maps that are kept to its bound, for TCP over IPv4.
//
// `new`: a SYN opens, the ACK finds and removes, with half of the table in use; ticks for both packets.
// `hit`: a SYN comes again. `miss`: a packet of nobody. `flood`: openings alone, never the same flow twice,
// into a full table. A rival keeps to its bound as is usual: a ring of its flows in order, of which the
// oldest goes.
#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/flow_keys.h"
#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/rival_maps.h"
#include "dataplane/probation_table.h"

namespace shunt::bench {
namespace {

constexpr size_t kBatchFlows = 64 * kBurst;
constexpr size_t kBound = kProbationEntries / 2;  // the half for TCP
constexpr size_t kHalfFull = kBound / 2;
constexpr uint32_t kNowMs = 1'000;

// Nothing expires while the clock stands still.
struct Patient {
  bool expired(const ProbationEntry&, uint32_t) const { return false; }
  void ended(const ProbationEntry&, EndReason) const {}
};

using Flows = std::vector<Flow4>;

class Shunt {
 public:
  static constexpr const char* kName = "shunt";
  static constexpr bool kForgets = true;  // two flows to a line: it may lose some before it is full

  Shunt() : memory_(table_memory(ProbationTable::bytes_for())), table_(memory_.bytes()) {}

  static constexpr bool usable() { return true; }
  // Whether they were remembered isn't asked: the packet goes to its backend either way.
  void open(const Flow4* flows, const uint16_t* services, const uint16_t* backends) {
    prepare(flows, services);
    for (size_t i = 0; i < kBurst; ++i) {
      table_.open(keys_[i], ProbationHalf::tcp, ProbationKind::syn, BackendRef{backends[i]}, 7, true, kNowMs,
                  policy_);
    }
  }
  void find(const Flow4* flows, const uint16_t* services, uint16_t* out) {
    prepare(flows, services);
    for (size_t i = 0; i < kBurst; ++i) {
      const ProbationEntry* entry = table_.find(keys_[i], ProbationHalf::tcp, kNowMs, policy_);
      out[i] = entry != nullptr ? entry->backend.raw : kNone;
    }
  }
  // Found and taken out: the flow moves to the connection table.
  void take(const Flow4* flows, const uint16_t* services, uint16_t* out) {
    prepare(flows, services);
    for (size_t i = 0; i < kBurst; ++i) {
      ProbationEntry* entry = table_.find(keys_[i], ProbationHalf::tcp, kNowMs, policy_);
      out[i] = kNone;
      if (entry == nullptr) continue;
      out[i] = entry->backend.raw;
      table_.remove(entry);
    }
  }

 private:
  void prepare(const Flow4* flows, const uint16_t* services) {
    for (size_t i = 0; i < kBurst; ++i) {
      keys_[i] = flows[i].key(services[i]);
      table_.prefetch(keys_[i], ProbationHalf::tcp);
    }
  }

  TableMemory memory_;
  ProbationTable table_;
  Patient policy_;
  FlowKey keys_[kBurst];
};

template <typename Map>
class Rival {
 public:
  static constexpr const char* kName = Map::kName;
  static constexpr bool kForgets = false;

  Rival() : map_(kBound), ring_(kBound) {}

  bool usable() const { return map_.usable(); }
  void open(const Flow4* flows, const uint16_t*, const uint16_t* backends) {
    map_.prefetch({flows, kBurst});
    for (size_t i = 0; i < kBurst; ++i) {
      Flow4& oldest = ring_[next_];
      next_ = (next_ + 1) % kBound;
      if (oldest.source != 0) map_.erase(oldest);  // taken out already, perhaps
      map_.insert(flows[i], backends[i]);
      oldest = flows[i];
    }
  }
  void find(const Flow4* flows, const uint16_t*, uint16_t* out) { map_.find({flows, kBurst}, out); }
  void take(const Flow4* flows, const uint16_t*, uint16_t* out) {
    map_.find({flows, kBurst}, out);
    for (size_t i = 0; i < kBurst; ++i) {
      if (out[i] != kNone) map_.erase(flows[i]);
    }
  }

 private:
  Map map_;
  std::vector<Flow4> ring_;
  size_t next_ = 0;
};

struct Batch {
  Flows flows;
  std::vector<uint16_t> services;
  std::vector<uint16_t> backends;

  void clear() {
    flows.clear();
    services.clear();
    backends.clear();
  }
  void add(uint32_t number) {
    flows.push_back(Flow4::of(number));
    services.push_back(service_of_flow(number));
    backends.push_back(backend_of_flow(number).raw);
  }
};

// A table and what comes to it; the same for all.
template <typename Table>
class Subject {
 public:
  bool usable() const { return table_.usable(); }

  // `flows` new ones, a whole number of bursts.
  void open(size_t flows) {
    for (; flows > 0; flows -= std::min(flows, kBurst)) {
      batch_.clear();
      for (size_t i = 0; i < kBurst; ++i) {
        opened_.push_back(next_);
        batch_.add(next_++);
      }
      table_.open(batch_.flows.data(), batch_.services.data(), batch_.backends.data());
    }
  }

  // The backend that each of all flows opened so far has, or kNone.
  std::vector<uint16_t> answers() {
    std::vector<uint16_t> out(opened_.size());
    for (size_t at = 0; at < opened_.size(); at += kBurst) {
      batch_.clear();
      for (size_t i = 0; i < kBurst; ++i)
        batch_.add(opened_[at + i]);
      table_.find(batch_.flows.data(), batch_.services.data(), &out[at]);
    }
    return out;
  }
  const std::vector<uint32_t>& opened() const { return opened_; }

  Candidate repeats() {
    return {Table::kName, [this] { draw([this] { return opened_[random_() % opened_.size()]; }); }, finds()};
  }
  Candidate strangers() {
    return {Table::kName,
            [this] { draw([this] { return (7U << 29U) + static_cast<uint32_t>(random_()) % (1U << 27U); }); },
            finds()};
  }
  Candidate flood() {
    return {Table::kName, [this] { draw([this] { return next_++; }); },
            [this] {
              for (size_t at = 0; at < kBatchFlows; at += kBurst)
                table_.open(&batch_.flows[at], &batch_.services[at], &batch_.backends[at]);
              return kBatchFlows;
            }};
  }
  // Each burst's flows open, and are taken out by the burst after the next.
  Candidate handshakes() {
    return {Table::kName, [this] { draw([this] { return next_++; }); },
            [this] {
              for (size_t at = 0; at < kBatchFlows; at += kBurst) {
                table_.open(&batch_.flows[at], &batch_.services[at], &batch_.backends[at]);
                if (at >= 2 * kBurst) take(at - 2 * kBurst);
              }
              take(kBatchFlows - 2 * kBurst);
              take(kBatchFlows - kBurst);
              return kBatchFlows;
            }};
  }
  size_t taken() const { return taken_; }

 private:
  template <typename Draw>
  void draw(Draw next) {
    batch_.clear();
    found_.resize(kBatchFlows);
    for (size_t i = 0; i < kBatchFlows; ++i)
      batch_.add(next());
  }
  std::function<uint64_t()> finds() {
    return [this] {
      for (size_t at = 0; at < kBatchFlows; at += kBurst)
        table_.find(&batch_.flows[at], &batch_.services[at], &found_[at]);
      keep(found_[0]);
      return kBatchFlows;
    };
  }
  void take(size_t at) {
    table_.take(&batch_.flows[at], &batch_.services[at], &found_[at]);
    for (size_t i = 0; i < kBurst; ++i)
      taken_ += found_[at + i] == batch_.backends[at + i] ? 1U : 0U;
  }

  Table table_;
  Batch batch_;
  std::vector<uint16_t> found_;
  std::vector<uint32_t> opened_;
  uint32_t next_ = 0;
  size_t taken_ = 0;
  std::minstd_rand random_{1};
};

// What a table remembers of a flow is right; the rivals remember all, ours loses a few to full lines.
template <typename Table>
void prove_answers(Subject<Table>& subject) {
  const std::vector<uint16_t> answers = subject.answers();
  size_t lost = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    prove(answers[i] == kNone || answers[i] == backend_of_flow(subject.opened()[i]).raw,
          "an opened flow has its backend");
    lost += answers[i] == kNone ? 1U : 0U;
  }
  prove(Table::kForgets ? lost * 4 < answers.size() : lost == 0,
        std::string(Table::kName) + " remembers what it should");
}

template <typename Theirs>
void compare(Report& report) {
  Row row;
  row.family = "ipv4";
  row.rival = Theirs::kName;
  const auto measure = [&](const char* name, auto& ours, auto& theirs, auto candidate, unsigned warm_up) {
    row.test_case = name;
    if (!report.wants(row)) return;
    const Candidate candidates[] = {candidate(ours), candidate(theirs)};
    report.measure(row, candidates, warm_up, 4);
  };
  Subject<Shunt> ours;
  Subject<Theirs> theirs;
  if (!theirs.usable()) return;
  ours.open(kHalfFull);
  theirs.open(kHalfFull);
  prove_answers(ours);
  prove_answers(theirs);
  constexpr unsigned kWarmUp = 8;  // a batch is an eighth of the table's half for TCP
  row.flows = kHalfFull;
  measure("hit", ours, theirs, [](auto& subject) { return subject.repeats(); }, kWarmUp);
  measure("miss", ours, theirs, [](auto& subject) { return subject.strangers(); }, kWarmUp);
  measure("new", ours, theirs, [](auto& subject) { return subject.handshakes(); }, kWarmUp);
  row.flows = kBound;
  ours.open(4 * kBound);
  theirs.open(4 * kBound);
  measure("flood", ours, theirs, [](auto& subject) { return subject.flood(); }, kWarmUp);
}

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "The half-open table beside maps of the same bound.");
  const bool eal = start_eal(256);
  Report report("probation_table", options);
  if (eal) compare<Rival<RteHash<Flow4>>>(report);
  compare<Rival<AbslFlatMap<Flow4>>>(report);
  compare<Rival<BoostFlatMap<Flow4>>>(report);
  compare<Rival<StdMap<Flow4>>>(report);
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  shunt::bench::malloc_in_huge_pages(argv);
  return shunt::bench::run(argc, argv);
}
