// The whole pipeline, from a port's receive to its transmit, on rings in memory: the product's Worker with a
// configuration of 100 services and 1,000 backends, 64-byte TCP packets, one core.
//
// Telemetry is on, as it is in the product; for the main combination a second worker without it takes turns.
//
// Timed: receiving, all stages, transmitting, a clock read per loop. Untimed: headers are written anew, with
// flows drawn uniformly, into 2,048 buffers that go round. Every byte of a batch that comes out is proved
// before any is timed.
#include <cstdio>
#include <memory>

#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/pipeline_cases.h"
#include "bench/rte_hash_pipeline.h"

namespace shunt::bench {
namespace {

constexpr unsigned kWarmUp = 4;
constexpr unsigned kBatchesInTurn = 8;
constexpr uint64_t kUsualFlows = 1'000'000;

struct Plan {
  std::string test_case;
  uint64_t flows = 0;
  unsigned services = kServices;
};

// A worker with tables and flows of its own, and the case that it runs.
struct Subject {
  Subject(const PipelineWorld& world, RingDevice& device, const std::string& name, const Plan& plan,
          bool with_telemetry)
      : runner(PipelineRunner::make(world, device, std::max(static_cast<uint32_t>(plan.flows), 1024U),
                                    with_telemetry)),
        test_case(name, *runner, Traffic(world.shape().family, plan.services),
                  static_cast<uint32_t>(plan.flows)) {
    prove(runner->state().telemetry.is_on() == with_telemetry, "telemetry is on or off, as asked for");
    test_case.warm_up();
    test_case.prove_output(world, [this] { return test_case.run(); });
  }
  Candidate candidate(const std::string& name) {
    return {name, [this] { test_case.prepare(); }, [this] { return test_case.run(); }};
  }

  std::unique_ptr<PipelineRunner> runner;
  PipelineCase test_case;
};

class Bench {
 public:
  Bench(const Options& options, RingDevice& device)
      : options_(options), report_("pipeline", options), device_(device) {}

  void run_family(const std::string& forward, Family family);
  int print() const { return report_.print(); }

 private:
  std::vector<Plan> plans(const std::string& forward, Family family) const;
  void run(const Plan& plan, const std::string& forward, Family family);
  bool wants_rival(const Plan& plan, const std::string& forward, Family family) const;
  std::unique_ptr<Subject> make_second(const PipelineWorld& world, const Plan& plan) const;
  std::unique_ptr<RteHashPipeline> make_rival(const PipelineWorld& world, PipelineCase& test_case,
                                              uint32_t flows) const;
  Row row_of(const Plan& plan, const std::string& forward, Family family) const;

  const Options& options_;
  Report report_;
  RingDevice& device_;
  std::string refused_;  // what was said last of a combination that this version doesn't have
};

std::string_view text_of(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

std::vector<Plan> Bench::plans(const std::string& forward, Family family) const {
  const bool main_one = forward == "ipip" && family == Family::ipv4;
  std::vector<Plan> plans;
  const std::vector<uint64_t> quick = main_one ? std::vector<uint64_t>{1, 65'536, kUsualFlows, 8'000'000}
                                               : std::vector<uint64_t>{kUsualFlows};
  for (const uint64_t flows : options_.sizes({1, 65'536, kUsualFlows, 8'000'000, 32'000'000}, quick))
    plans.push_back({"hit", flows});
  const uint64_t known = options_.max_flows < kUsualFlows ? kFewLiveFlows : kUsualFlows;
  if (forward == "ipip") plans.push_back({"fragments", known});
  if (!main_one && options_.quick) return plans;
  const uint64_t live = options_.max_flows < kLiveFlows ? kFewLiveFlows : kLiveFlows;
  plans.push_back({"new", live});
  plans.push_back({"mixed", live});
  plans.push_back({"flood", known, 10});
  plans.push_back({"flood", known, 100});
  return plans;
}

Row Bench::row_of(const Plan& plan, const std::string& forward, Family family) const {
  Row row;
  row.test_case = plan.test_case;
  row.flows = plan.flows;
  row.forward = forward;
  row.family = text_of(family);
  if (plan.test_case == "flood") row.extra.emplace_back("services", static_cast<double>(plan.services));
  return row;
}

// Beside every size of the main combination (up to a million flows when it must be quick), and a million of
// the others.
bool Bench::wants_rival(const Plan& plan, const std::string& forward, Family family) const {
  if (plan.test_case != "hit") return false;
  const bool main_one = forward == "ipip" && family == Family::ipv4;
  return options_.quick ? main_one && plan.flows <= kUsualFlows : main_one || plan.flows == kUsualFlows;
}

// Beside fragments the hits alone; beside the main combination's cases the same without telemetry.
std::unique_ptr<Subject> Bench::make_second(const PipelineWorld& world, const Plan& plan) const {
  const WorldShape& shape = world.shape();
  if (plan.test_case == "fragments") return std::make_unique<Subject>(world, device_, "hit", plan, true);
  const bool main_one = shape.forward == "ipip" && shape.family == Family::ipv4;
  const bool wanted = plan.test_case == "hit"     ? plan.flows == kUsualFlows
                      : plan.test_case == "flood" ? plan.services == kServices
                                                  : plan.test_case == "new";
  if (!main_one || !wanted) return nullptr;
  return std::make_unique<Subject>(world, device_, plan.test_case, plan, false);
}

std::unique_ptr<RteHashPipeline> Bench::make_rival(const PipelineWorld& world, PipelineCase& test_case,
                                                   uint32_t flows) const {
  auto rival = RteHashPipeline::make(world, device_, flows);
  prove(rival.ok(), rival.ok() ? "" : rival.error().text());
  for (uint32_t flow = 0; flow < flows; ++flow)
    prove(rival.value()->add(test_case.traffic(), flow), "rte_hash has room");
  test_case.prove_output(world, [&rival] { return rival.value()->run(); });
  return rival.take();
}

void Bench::run(const Plan& plan, const std::string& forward, Family family) {
  Row row = row_of(plan, forward, family);
  if (!report_.wants(row)) return;
  const bool expires = plan.test_case == "new" || plan.test_case == "mixed";
  auto world = PipelineWorld::make({forward, family, expires ? kShortLife : 900});
  if (!world) {
    const std::string refused = forward + " " + std::string(text_of(family)) + ": " + world.error().text();
    if (refused != refused_) std::fprintf(stderr, "skipped: %s\n", refused.c_str());
    refused_ = refused;
    return;
  }
  Subject ours(*world.value(), device_, plan.test_case, plan, true);
  row.extra.emplace_back("pages", table_pages());
  std::vector<Candidate> candidates{ours.candidate("shunt")};
  std::unique_ptr<RteHashPipeline> rival;
  if (wants_rival(plan, forward, family)) {
    rival = make_rival(*world.value(), ours.test_case, static_cast<uint32_t>(plan.flows));
    candidates.push_back(
        {"rte_hash bulk", [&ours] { ours.test_case.prepare(); }, [&rival] { return rival->run(); }});
  }
  const std::unique_ptr<Subject> second = make_second(*world.value(), plan);
  if (second != nullptr) {
    const bool is_hit_alone = plan.test_case == "fragments";
    candidates.push_back(second->candidate(is_hit_alone ? "shunt, hit" : "shunt, no telemetry"));
  }
  report_.measure(row, candidates, kWarmUp, kBatchesInTurn);
  ours.test_case.prove_account();
  if (second != nullptr) second->test_case.prove_account();
}

void Bench::run_family(const std::string& forward, Family family) {
  for (const Plan& plan : plans(forward, family))
    run(plan, forward, family);
}

int run_all(const Options& options) {
  const uint64_t largest = options.quick ? kUsualFlows : 32'000'000;
  prove(start_eal(kRingDeviceMib + RteHashPipeline::mib_for(std::min(largest, options.max_flows))),
        "EAL runs");
  auto device = RingDevice::open();
  prove(device.ok(), device.ok() ? "" : device.error().text());
  Bench bench(options, device.value());
  for (const char* forward : {"ipip", "l2", "gue", "nat"}) {
    for (const Family family : {Family::ipv4, Family::ipv6})
      bench.run_family(forward, family);
  }
  return bench.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  const auto options = shunt::bench::read_options(argc, argv, "Times the whole pipeline on ring devices.");
  return shunt::bench::run_all(options);
}
