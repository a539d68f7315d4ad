// What is wrong in a frame that came out of the pipeline: every byte is known, so every byte is compared, and
// every checksum computed again in full. Written apart from the stages' own code.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "bench/pipeline_world.h"
#include "bench/traffic.h"

namespace shunt::bench {

// Of the packet that `traffic` writes for this flow. Empty: nothing is wrong.
std::string faults_of(const PipelineWorld& world, const Traffic& traffic, uint32_t flow, Segment segment,
                      std::span<const uint8_t> frame);

}  // namespace shunt::bench
