// How often the connection table is swept: by its size, for the same cost.
#include <gtest/gtest.h>

#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

struct Pace {
  uint32_t connections;
  uint64_t wanted_ms;  // for one pass
};

class Sweep : public testing::TestWithParam<Pace> {};

// Loops every 5 ms, as few as a worker that sleeps may run, and still each pass takes what it should.
TEST_P(Sweep, APassTakesItsTime) {
  Pipeline::Options options;
  options.connections = GetParam().connections;
  Pipeline pipeline(mode_config(), options);
  const auto& sweeps = pipeline.state().counters.sweeps;
  constexpr uint64_t kStepMs = 5;
  const auto loop_until = [&](uint64_t passes) {
    const uint64_t began = pipeline.now().ns;
    while (sweeps.read() < passes && pipeline.now().ns - began < 200'000'000'000U) {
      pipeline.wait(kStepMs);
      pipeline.loop();
    }
    return (pipeline.now().ns - began) / 1'000'000U;
  };
  loop_until(3);  // it begins with a whole pass owed, and catches up
  constexpr uint64_t kPasses = 4;
  const uint64_t ms = loop_until(sweeps.read() + kPasses);
  EXPECT_NEAR(static_cast<double>(ms), static_cast<double>(kPasses * GetParam().wanted_ms), 2 * kStepMs);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Sweep,
                         testing::Values(Pace{1'024, 1'000}, Pace{52'428, 1'000}, Pace{65'536, 1'250},
                                         Pace{262'144, 5'000}, Pace{1'048'576, 20'000},
                                         Pace{1'500'000, 20'000}),
                         [](const auto& each) { return "of" + std::to_string(each.param.connections); });

}  // namespace
}  // namespace shunt::packet
