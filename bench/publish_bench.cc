// From a change of the desired state to the workers' pointer: 512 services, 4,096 backends in 100 pools, one
// port.
//
// `health`: one backend goes down or up, compile, publish, reclaim, and what the kernel is to have derived
// anew. `edit`: a weight by API: merge with all validation, the plan for the history, one slot table,
// compile, publish. `reload`: the text parsed, merged, validated, compared, compiled, published; nothing in
// it differs, so slot tables are kept. `reload weights`: every pool's weights differ, so 100 tables are
// built. Milliseconds stand beside the ticks of one change.
#include <memory>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "control/announcer.h"
#include "control/compiler.h"
#include "control/config_load.h"
#include "control/desired_state.h"
#include "control/kernel_wants.h"
#include "control/plan.h"
#include "dataplane/dpdk_publication.h"

namespace shunt::bench {
namespace {

constexpr unsigned kServices = 512;
constexpr unsigned kBackends = 4'096;
constexpr HashKey kClusterKey{{1, 2, 3, 4}};

std::string address(unsigned first, unsigned index) {
  return std::to_string(first) + "." + std::to_string(index >> 16U) + "." +
         std::to_string(index >> 8U & 255U) + "." + std::to_string(index & 255U);
}

std::string config_text(unsigned pools, unsigned weight) {
  std::string text =
      "[node]\nname = \"lb\"\n[[port]]\nname = \"net0\"\ndevice = \"tap:net0\"\nhost_interface = \"shunt0\"\n"
      "addresses = [\"10.255.0.1/8\"]\nencap_source = \"10.255.0.2\"\n";
  for (unsigned i = 0; i < pools; ++i) {
    text += "[[pool]]\nname = \"pool" + std::to_string(i) + "\"\nhealth = { type = \"tcp\", port = 80 }\n";
    for (unsigned j = i; j < kBackends; j += pools) {
      text += "[[pool.backend]]\nname = \"b" + std::to_string(j) + "\"\naddress = \"" + address(10, j + 1) +
              "\"\nweight = " + std::to_string(j % 2 == 0 ? weight : 3) + "\n";
    }
  }
  for (unsigned i = 0; i < kServices; ++i) {
    text += "[[service]]\nname = \"s" + std::to_string(i) + "\"\naddress = \"" +
            address(100, i + 64 * 65'536) + "\"\nport = 80\nforward = \"ipip\"\npool = \"pool" +
            std::to_string(i % pools) + "\"\n";
  }
  return text;
}

// The control thread's part of a node, with one reader that is offline.
class Node {
 public:
  explicit Node(unsigned pools) : texts_{config_text(pools, 1), config_text(pools, 2)}, pools_(pools) {
    compiler_.set_ports(
        {{*MacAddress::parse("02:00:00:00:00:01"), *MacAddress::parse("02:00:00:00:01:01"), true}});
    KernelView view;
    view.routes = {{*Prefix::parse("10.0.0.0/8"), 0, std::nullopt}};
    for (unsigned i = 0; i < kBackends; ++i)
      view.neighbours.push_back(
          {0, *IpAddress::parse(address(10, i + 1)), *MacAddress::parse("02:00:00:00:00:02")});
    compiler_.set_kernel(view);
    load(texts_[0]);
  }

  // A reload, without what the daemon asks of files and the kernel.
  void load(const std::string& text) {
    const LoadResult loaded = load_config_text(text, "shunt.toml");
    prove(loaded.source != nullptr, "the configuration is good");
    state_.file = loaded.source;
    take();
  }
  void reload(bool differs) {
    if (differs) text_ ^= 1U;
    load(texts_[text_]);
  }
  void edit() {
    Edit edit;
    edit.name = {"pool" + std::to_string(turn_ % pools_), "b" + std::to_string(turn_ % pools_)};
    edit.address = *IpAddress::parse(address(10, turn_ % pools_ + 1));
    edit.replaced_weight = base_backend(state_, {}, edit.name)->config.weight;
    edit.weight = static_cast<uint16_t>(10 + turn_ % 7);
    state_.edits.insert_or_assign(key_of(edit), edit);
    ++turn_;
    take();
    prove(config_.pools[(turn_ - 1) % pools_].backends[0].weight == edit.weight, "the edit is in force");
  }
  void health() {
    const unsigned backend = health_turn_ / 2 % kBackends;
    const bool changed = compiler_.set_health("pool" + std::to_string(backend % pools_),
                                              "b" + std::to_string(backend), health_turn_ % 2 == 1);
    prove(changed, "the backend's health changes");
    ++health_turn_;
    publish();
  }
  void be_up() {
    if (health_turn_ % 2 == 1) health();
  }
  const Snapshot& current() const { return *publication_.current(); }
  uint64_t generation() const { return compiler_.generation(); }

 private:
  void take() {
    Merge merged = merge(state_, {});
    prove(merged.refused.empty() && merged.dropped.empty(), "the configuration and its edits go together");
    const Plan plan = compare(config_, merged.config);
    keep(plan.changes.data());
    prove(compiler_.set_config(merged.config, ++now_).ok(), "the compiler takes it");
    config_ = std::move(merged.config);
    publish();
  }
  void publish() {
    auto snapshot = compiler_.compile(++now_);
    const Snapshot& published = *snapshot;
    publication_.publish(std::move(snapshot));
    publication_.reclaim();
    keep(wanted_next_hops(compiler_.registry(), published).size());
    keep(wanted_groups(published).size());
    keep(announcer_.update(config_, [](const ServiceConfig&) { return Fitness{1, 0, 1, 1}; }).size());
    keep(wanted_vip_routes(config_, announcer_.routes()).size());
  }

  std::string texts_[2];
  unsigned pools_;
  unsigned text_ = 0;
  unsigned turn_ = 0;         // of edits
  unsigned health_turn_ = 0;  // odd: a backend is down
  uint64_t now_ = 1'000'000'000;
  DesiredState state_;
  Config config_;
  Announcer announcer_{false, {}};
  Compiler compiler_{kClusterKey};
  Publication publication_{1};
};

void add(Report& report, const Options& options, unsigned pools, const char* name, void (*change)(Node&)) {
  Row row;
  row.test_case = name;
  if (!report.wants(row)) return;
  Node node(pools);
  const uint64_t before = node.generation();
  change(node);
  prove(node.generation() == before + 1 && node.current().generation == node.generation(), "one publication");
  node.be_up();
  const std::vector<Candidate> candidates = {{"shunt", {}, [&] {
                                                change(node);
                                                return uint64_t{1};
                                              }}};
  const std::vector<Timing> timings = measure(candidates, options.quick ? 5 : 31, 1);
  const auto ms = [](double ticks) { return ticks / tsc_ghz() / 1e6; };
  row.ours = timings[0];
  row.extra = {{"pools", static_cast<double>(pools)},
               {"services", static_cast<double>(kServices)},
               {"backends", static_cast<double>(kBackends)},
               {"ms_min", ms(row.ours.ticks_min)},
               {"ms_median", ms(row.ours.ticks_median)}};
  report.add(row);
}

int run(int argc, char** argv) {
  const Options options = read_options(argc, argv, "From a change of the desired state to a publication.");
  Report report("publish", options);
  constexpr unsigned kPools = 100;
  add(report, options, kPools, "health", [](Node& node) { node.health(); });
  add(report, options, kPools, "edit", [](Node& node) { node.edit(); });
  add(report, options, kPools, "reload", [](Node& node) { node.reload(false); });
  add(report, options, kPools, "reload weights", [](Node& node) { node.reload(true); });
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run(argc, argv);
}
