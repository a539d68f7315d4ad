// Where the ticks of a hit go: the pipeline of pipeline_bench, stage by stage.
#include <cstdio>
#include <memory>

#include "bench/measure.h"
#include "bench/memory.h"
#include "bench/pipeline_cases.h"
#include "bench/stage_clock.h"

namespace shunt::bench {
namespace {

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// By stage, of as many batches.
std::vector<Timing> time_stages(PipelineCase& test_case, StageClock& clock, unsigned batches) {
  std::array<std::vector<double>, kStages.size()> costs;
  std::vector<double> clocks;
  for (unsigned batch = 0; batch < batches; ++batch) {
    test_case.prepare();
    clocks.push_back(core_ghz());
    const StageTicks ticks = clock.run();
    for (size_t stage = 0; stage < ticks.size(); ++stage)
      costs[stage].push_back(ticks[stage]);
  }
  std::vector<Timing> timings;
  for (const std::vector<double>& cost : costs)
    timings.push_back({std::ranges::min(cost), median_of(cost), median_of(clocks)});
  return timings;
}

void run_world(const Options& options, Report& report, RingDevice& device, const WorldShape& shape,
               uint32_t flows) {
  auto world = PipelineWorld::make(shape);
  if (!world)
    return std::fprintf(stderr, "skipped: %s: %s\n", shape.forward.c_str(), world.error().text().c_str()),
           void();
  const auto runner = PipelineRunner::make(*world.value(), device, std::max(flows, 1024U));
  PipelineCase test_case("hit", *runner, Traffic(shape.family), flows);
  test_case.warm_up();
  StageClock clock(*runner);
  test_case.prove_output(*world.value(), [&clock] { return clock.run(), uint64_t{kPacketsInRotation}; });
  const std::vector<Timing> timings = time_stages(test_case, clock, 4 * options.batches());
  test_case.prove_account();
  for (size_t stage = 0; stage < kStages.size(); ++stage) {
    Row row;
    row.test_case = "hit";
    row.flows = flows;
    row.forward = shape.forward;
    row.family = shape.family == Family::ipv4 ? "IPv4" : "IPv6";
    row.extra.emplace_back("stage", std::string(kStages[stage]));
    row.ours = timings[stage];
    if (report.wants(row)) report.add(row);
  }
}

int run_all(const Options& options) {
  const std::vector<uint64_t> sizes = options.sizes({1, 1'000'000}, {1, 1'000'000});
  prove(start_eal(kRingDeviceMib), "EAL runs");
  auto device = RingDevice::open();
  prove(device.ok(), device.ok() ? "" : device.error().text());
  Report report("stage", options);
  for (const WorldShape& shape : {WorldShape{"ipip", Family::ipv4}, WorldShape{"nat", Family::ipv4},
                                  WorldShape{"ipip", Family::ipv6}}) {
    for (const uint64_t flows : sizes)
      run_world(options, report, device.value(), shape, static_cast<uint32_t>(flows));
  }
  return report.print();
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  return shunt::bench::run_all(shunt::bench::read_options(
      argc, argv, "Times each stage of the pipeline, for flows that the table knows."));
}
