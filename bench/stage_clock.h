// StageClock: what each stage of the pipeline takes, in ticks per packet of one batch.
//
// The clock is read between stages, for bursts of 64; what reading it takes is taken off. A stage that
// another one prefetches for looks cheaper than it would be alone: the sum is what counts, and where it
// grows.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "bench/pipeline_runner.h"

namespace shunt::bench {

inline constexpr std::array<std::string_view, 7> kStages = {"receive", "parse",   "classify", "lookup",
                                                            "select",  "rewrite", "transmit"};
using StageTicks = std::array<double, kStages.size()>;

class StageClock {
 public:
  explicit StageClock(PipelineRunner& runner);
  ~StageClock();

  // Runs until the device has nothing more, with the runner's tables. Ticks per packet, by stage.
  StageTicks run();

 private:
  struct Walk;
  PipelineRunner& runner_;
  std::unique_ptr<Walk> walk_;
};

}  // namespace shunt::bench
