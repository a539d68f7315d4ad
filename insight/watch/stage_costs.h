// StageCosts: where a worker's ticks go, stage by stage, for the System page.
//
// shuntd measures one burst of many (docs/api.md, `stages`). All figures are of what was measured between the
// same two readings, or since shuntd's start at the first one, so that they go together; they stay while
// nothing is measured. A stage's ticks are of a packet that it was given: few are given to some, so these
// don't add up; shares do. Bound: the stages of an answer.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace shunt::insight {

class StageCosts {
 public:
  // `stages` of a worker in an answer; an older shuntd has no such member. In the order of a packet's way:
  // [{name, ticks_per_packet, share}], null where nothing has been measured.
  nlohmann::json reading(const nlohmann::json& stages);
  // All stages together, for each packet received; null before any was measured.
  const nlohmann::json& ticks_per_packet() const { return all_ticks_per_packet_; }

 private:
  struct Stage {
    uint64_t ticks = 0;  // since shuntd's start
    uint64_t packets = 0;
    uint64_t new_ticks = 0;  // since the reading before
    uint64_t new_packets = 0;
    nlohmann::json ticks_per_packet;
    nlohmann::json share;
  };
  static Stage read_stage(const nlohmann::json& cost, const Stage& before);
  void work_out();

  std::map<std::string, Stage> stages_;
  nlohmann::json all_ticks_per_packet_;
};

// The entries without their figures: those are of a shuntd that answers.
nlohmann::json without_costs(nlohmann::json stages);

}  // namespace shunt::insight
