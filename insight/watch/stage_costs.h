// StageCosts: where a worker's ticks go, stage by stage, for the System page.
//
// shuntd measures one burst of many (docs/api.md, `stages`) and says what a packet costs a stage that it is
// given to. Few packets are given to some stages, so those costs don't add up; shares do: of all ticks that
// were measured between two readings, or since shuntd's start at the first one. They stay while nothing is
// measured. Bound: the stages of an answer.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace shunt::insight {

class StageCosts {
 public:
  // `stages` of a worker in an answer; none if an older shuntd has no such member. In the order of a packet's
  // way: [{name, ticks_per_packet, share}], null where nothing has been measured.
  nlohmann::json reading(const nlohmann::json& stages);

 private:
  std::map<std::string, uint64_t> ticks_;  // of the reading before
  std::map<std::string, double> shares_;
};

// The `ticks_per_packet` of a stage or a worker; null where shuntd has measured no packet, which it tells as
// 0.
nlohmann::json measured_ticks(const nlohmann::json& of);

// The entries without their figures: those are of a shuntd that answers.
nlohmann::json without_costs(nlohmann::json stages);

}  // namespace shunt::insight
