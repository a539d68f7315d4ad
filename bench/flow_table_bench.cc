// The connection table beside rte_hash, Abseil's and Boost's flat maps and std::unordered_map: hits, misses,
// one miss in ten, and flows that come while others go, with N flows at half load, uniformly random.
//
// Timed for each packet: hashing its 5-tuple, the lookup (in bursts of 64, prefetched where the rival can),
// and reading the backend. `new` is a flow that comes and one that goes; no sweep runs meanwhile, so spill
// hints only grow: the worst case. Each rival runs in turn with ours alone, so that 32M flows fit in memory.
#include <algorithm>
#include <bit>
#include <optional>
#include <random>
#include <vector>

#include "bench/flow_keys.h"
#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/rival_maps.h"
#include "dataplane/flow_table.h"

namespace shunt::bench {
namespace {

constexpr uint32_t kSecond = 1'000;  // of the table's clock, which stands still
constexpr size_t kBatchFlows = 64 * kBurst;
constexpr uint32_t kFirstNew = 1U << 27U;    // numbers of flows that come later
constexpr uint32_t kNeverThere = 7U << 29U;  // and of those that never do

// Flows never expire here: an entry goes when the bench says so.
struct Immortal {
  bool expired(uint64_t, BackendRef, TcpState, uint32_t) const { return false; }
  void ended(uint64_t, BackendRef, TcpState, EndReason) const {}
};

enum class FindBy { burst, one_by_one, unprefetched };

template <typename Flow, FindBy kBy = FindBy::burst>
class Shunt {
 public:
  static constexpr const char* kName = "shunt";

  explicit Shunt(size_t flows) : Shunt(table_memory(FlowTable::bytes_for(static_cast<uint32_t>(flows)))) {}

  static constexpr bool usable() { return true; }
  size_t bytes() const { return memory_.bytes().size(); }

  void find(std::span<const Flow> flows, const uint16_t* services, uint16_t* out) const {
    FlowKey keys[kBurst];
    FlowTable::Entry entries[kBurst];
    for (size_t i = 0; i < flows.size(); ++i) {
      keys[i] = flows[i].key(services[i]);
      if constexpr (kBy != FindBy::unprefetched) table_.prefetch(keys[i]);
    }
    if constexpr (kBy == FindBy::burst) {
      find_burst({keys, flows.size()}, entries);
    } else {
      for (size_t i = 0; i < flows.size(); ++i)
        entries[i] = table_.find(keys[i]);
    }
    for (size_t i = 0; i < flows.size(); ++i)
      out[i] = entries[i] ? FlowTable::backend(entries[i]).raw : kNone;
  }

  // Which of them found room?
  uint64_t insert(std::span<const Flow> flows, const uint16_t* services, const uint16_t* backends) {
    FlowKey keys[kBurst];
    uint64_t kept = 0;
    for (size_t i = 0; i < flows.size(); ++i) {
      keys[i] = flows[i].key(services[i]);
      table_.prefetch(keys[i]);
    }
    for (size_t i = 0; i < flows.size(); ++i)
      table_.prefetch_room(keys[i], kSecond, kMaxFlowTimeoutSeconds);
    for (size_t i = 0; i < flows.size(); ++i) {
      const auto insert =
          table_.insert(keys[i], BackendRef{backends[i]}, TcpState::established, kSecond, policy_);
      kept |= uint64_t{static_cast<bool>(insert)} << i;
    }
    return kept;
  }

  void erase(std::span<const Flow> flows, const uint16_t* services) {
    FlowKey keys[kBurst];
    FlowTable::Entry entry;
    for (size_t i = 0; i < flows.size(); ++i) {
      keys[i] = flows[i].key(services[i]);
      table_.prefetch(keys[i]);
    }
    for (size_t i = 0; i < flows.size(); ++i) {
      entry = table_.find(keys[i]);
      if (entry) table_.erase(entry);
    }
  }

 private:
  // In the three steps of dataplane/lookup.cc.
  void find_burst(std::span<const FlowKey> keys, FlowTable::Entry* entries) const {
    uint64_t spilled = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      entries[i] = table_.finder().find_primary(keys[i]);
      if (!entries[i] && table_.prefetch_spilled(keys[i])) spilled |= uint64_t{1} << i;
    }
    for (; spilled != 0; spilled &= spilled - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(spilled));
      entries[i] = table_.find_alternate(keys[i]);
    }
  }

  explicit Shunt(TableMemory memory) : memory_(std::move(memory)), table_(memory_.bytes(), kBenchKey) {}

  TableMemory memory_;
  FlowTable table_;
  Immortal policy_;
};

// A rival behind the same calls; it needs no service, its key says all.
template <typename Flow, template <typename> typename Map>
class Rival {
 public:
  static constexpr const char* kName = Map<Flow>::kName;

  explicit Rival(size_t flows) : map_(flows) {}

  bool usable() const { return map_.usable(); }
  void find(std::span<const Flow> flows, const uint16_t*, uint16_t* out) const { map_.find(flows, out); }
  uint64_t insert(std::span<const Flow> flows, const uint16_t*, const uint16_t* backends) {
    uint64_t kept = 0;
    map_.prefetch(flows);
    for (size_t i = 0; i < flows.size(); ++i)
      kept |= uint64_t{map_.insert(flows[i], backends[i])} << i;
    return kept;
  }
  void erase(std::span<const Flow> flows, const uint16_t*) {
    map_.prefetch(flows);
    for (const Flow& flow : flows)
      map_.erase(flow);
  }

 private:
  Map<Flow> map_;
};

// What a batch works on, made before the clock starts.
template <typename Flow>
struct Batch {
  std::vector<Flow> flows;
  std::vector<uint16_t> services;
  std::vector<uint16_t> backends;

  void clear() {
    flows.clear();
    services.clear();
    backends.clear();
  }
  void add(uint32_t number) {
    flows.push_back(Flow::of(number));
    services.push_back(service_of_flow(number));
    backends.push_back(backend_of_flow(number).raw);
  }
  size_t size() const { return flows.size(); }
  std::span<const Flow> burst(size_t at) const {
    return std::span(flows).subspan(at, std::min(kBurst, flows.size() - at));
  }
};

// A table with its flows, and the packets that come to it. Two of the same size meet the same packets.
template <typename Flow, typename Table>
class Subject {
 public:
  // `skip`: the flows that ours had no room for, in ascending order.
  Subject(size_t flows, const std::vector<uint32_t>& skip) {
    live_.reserve(flows);
    const size_t before = allocated_bytes();
    table_.emplace(flows);
    if (!table_->usable()) return;
    fill(flows, skip);
    if constexpr (requires { table_->bytes(); }) {
      bytes_ = table_->bytes();
    } else {
      bytes_ = allocated_bytes() - before;
    }
  }

  bool usable() const { return table_->usable(); }
  Table& table() { return *table_; }
  size_t bytes() const { return bytes_; }
  const std::vector<uint32_t>& live() const { return live_; }
  const std::vector<uint32_t>& refused() const { return refused_; }

  const std::vector<uint32_t>& gone() const { return gone_; }  // in the last batch of churn()

  // `miss_percent` of the packets belong to flows that were never there.
  Candidate lookups(const char* name, unsigned miss_percent) {
    return {name,
            [this, miss_percent] {
              batch_.clear();
              for (size_t i = 0; i < kBatchFlows; ++i) {
                const bool miss = random_() % 100 < miss_percent;
                batch_.add(miss ? kNeverThere + random_() % kFirstNew : live_[random_() % live_.size()]);
              }
              found_.resize(kBatchFlows);
            },
            [this] {
              for (size_t at = 0; at < batch_.size(); at += kBurst)
                table_->find(batch_.burst(at), &batch_.services[at], &found_[at]);
              keep(found_[0]);
              return batch_.size();
            }};
  }

  // A flow goes, one from anywhere and never the same one twice in a burst, and a new one comes.
  Candidate churn(const char* name) {
    return {name,
            [this] {
              batch_.clear();
              going_.clear();
              gone_.clear();
              for (size_t i = 0; i < kBatchFlows; ++i) {
                place_ = (place_ + live_.size() * 5 / 8 + 1) % live_.size();
                uint32_t& place = live_[place_];
                going_.add(place);
                gone_.push_back(place);
                place = next_++;
                batch_.add(place);
              }
            },
            [this] {
              for (size_t at = 0; at < batch_.size(); at += kBurst) {
                table_->erase(going_.burst(at), &going_.services[at]);
                keep(table_->insert(batch_.burst(at), &batch_.services[at], &batch_.backends[at]));
              }
              return batch_.size();
            }};
  }

 private:
  void fill(size_t flows, const std::vector<uint32_t>& skip) {
    Batch<Flow> batch;
    auto skipped = skip.begin();
    uint32_t number = 0;
    while (live_.size() < flows) {
      const uint32_t first = number;
      batch.clear();
      std::vector<uint32_t> numbers;
      for (; numbers.size() < std::min(kBurst, flows - live_.size()); ++number) {
        if (skipped != skip.end() && *skipped == number) {
          ++skipped;
          continue;
        }
        numbers.push_back(number);
        batch.add(number);
      }
      prove(number > first && number < kFirstNew, "flows find room");
      const uint64_t kept = table_->insert(batch.burst(0), batch.services.data(), batch.backends.data());
      for (size_t i = 0; i < numbers.size(); ++i)
        (((kept >> i) & 1U) != 0 ? live_ : refused_).push_back(numbers[i]);
    }
  }

  std::optional<Table> table_;
  size_t bytes_ = 0;
  std::vector<uint32_t> live_;
  std::vector<uint32_t> refused_;
  std::vector<uint32_t> gone_;
  uint32_t next_ = kFirstNew;
  size_t place_ = 0;
  std::minstd_rand random_{1};
  Batch<Flow> batch_;
  Batch<Flow> going_;
  std::vector<uint16_t> found_;
};

// Whatever a table went through: it knows its flows (of millions every so many) with their backends, and
// nobody else. Only ours may lack some, those that found no room: at most one in a hundred.
template <typename Flow, typename Table>
void prove_answers(Subject<Flow, Table>& subject, const char* name, bool may_lack) {
  const auto answer = [&](uint32_t number) {
    const Flow flow = Flow::of(number);
    const uint16_t service = service_of_flow(number);
    uint16_t found = 0;
    subject.table().find({&flow, 1}, &service, &found);
    return found;
  };
  const std::vector<uint32_t>& live = subject.live();
  const size_t step = live.size() / 1'000'000 + 1;
  size_t missing = 0;
  for (size_t i = 0; i < live.size(); i += step) {
    const uint16_t found = answer(live[i]);
    prove(found == backend_of_flow(live[i]).raw || (may_lack && found == kNone),
          std::string(name) + " knows a flow's backend");
    missing += found == kNone ? 1U : 0U;
  }
  prove(missing * step * 100 <= live.size(), std::string(name) + " lacks at most one flow in a hundred");
  for (uint32_t number = 0; number < 100'000; ++number)
    prove(answer(kNeverThere + number) == kNone, std::string(name) + " knows no strangers");
  for (const uint32_t number : subject.gone())
    prove(answer(number) == kNone, std::string(name) + " has forgotten those that went");
}

template <typename Flow, typename Ours, typename Theirs>
void compare(Report& report, const Options& options, size_t flows, const char* rival_name,
             bool hits_only = false) {
  Row row;
  row.flows = flows;
  row.family = Flow::kFamily;
  const std::vector<const char*> cases =
      hits_only ? std::vector{"hit"} : std::vector{"hit", "miss", "mixed", "new"};
  const auto wanted = [&](const char* name) {
    row.test_case = name;
    return report.wants(row);
  };
  if (std::ranges::none_of(cases, wanted)) return;

  Subject<Flow, Ours> ours(flows, {});
  Subject<Flow, Theirs> theirs(flows, ours.refused());
  if (!theirs.usable()) {
    std::fprintf(stderr, "no memory for %s of %zu flows\n", rival_name, flows);
    return;
  }
  prove(theirs.refused().empty(), std::string(rival_name) + " has room for all");
  row.extra = {{"bytes_per_flow", static_cast<double>(ours.bytes()) / static_cast<double>(flows)},
               {"rival_bytes_per_flow", static_cast<double>(theirs.bytes()) / static_cast<double>(flows)},
               {"refused_share", static_cast<double>(ours.refused().size()) / static_cast<double>(flows)},
               {"pages", table_pages()}};
  prove(ours.live() == theirs.live(), "both have the same flows");
  prove_answers(ours, Ours::kName, false);
  prove_answers(theirs, rival_name, false);

  // A turn begins by touching what a candidate can keep in a cache, up to half a million flows.
  const size_t most = options.quick ? 32 : 128;
  const auto warm_up = static_cast<unsigned>(std::min(flows / kBatchFlows + 1, most));
  const unsigned batches_in_turn = options.quick ? 16 : 34;
  for (const char* name : cases) {
    if (!wanted(name)) continue;
    const std::string_view test_case = name;
    std::vector<Candidate> candidates;
    if (test_case == "new") {
      candidates = {ours.churn(Ours::kName), theirs.churn(rival_name)};
    } else {
      const unsigned misses = test_case == "hit" ? 0 : test_case == "miss" ? 100 : 10;
      candidates = {ours.lookups(Ours::kName, misses), theirs.lookups(rival_name, misses)};
    }
    report.measure(row, candidates, warm_up, batches_in_turn);
  }
  prove_answers(ours, Ours::kName, true);
  prove_answers(theirs, rival_name, false);
}

template <typename Flow>
void compare_all(Report& report, const Options& options, size_t flows, bool eal) {
  using Ours = Shunt<Flow>;
  if (eal) compare<Flow, Ours, Rival<Flow, RteHash>>(report, options, flows, "rte_hash");
  compare<Flow, Ours, Rival<Flow, AbslFlatMap>>(report, options, flows, "absl::flat_hash_map");
  compare<Flow, Ours, Rival<Flow, BoostFlatMap>>(report, options, flows, "boost::unordered_flat_map");
  compare<Flow, Ours, Rival<Flow, StdMap>>(report, options, flows, "std::unordered_map");
  compare<Flow, Ours, Shunt<Flow, FindBy::one_by_one>>(report, options, flows, "shunt, one by one", true);
  compare<Flow, Ours, Shunt<Flow, FindBy::unprefetched>>(report, options, flows, "shunt, not prefetched",
                                                         true);
}

std::vector<uint64_t> sizes_of(const Options& options) {
  return options.sizes({1'000, 64'000, 1'000'000, 8'000'000, 32'000'000}, {64'000, 1'000'000});
}

// 117 bytes a flow for rte_hash of IPv6 flows at worst, 26 for ours.
constexpr size_t kMibPerMillionFlows = 150;

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "The connection table beside other maps.");
  const std::vector<uint64_t> sizes = sizes_of(options);
  const bool eal = start_eal(256 + std::ranges::max(sizes) * kMibPerMillionFlows / 1'000'000);
  Report report("flow_table", options);
  for (const uint64_t flows : sizes) {
    compare_all<Flow4>(report, options, flows, eal);
    compare_all<Flow6>(report, options, flows, eal);
  }
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  shunt::bench::malloc_in_huge_pages(argv);
  return shunt::bench::run(argc, argv);
}
