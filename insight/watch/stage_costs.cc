#include "insight/watch/stage_costs.h"

#include <algorithm>
#include <vector>

#include "stats/traffic_counters.h"

namespace shunt::insight {
namespace {

using nlohmann::json;

// Those we know as packets meet them, then those of a newer shuntd.
std::vector<std::string> names_of(const json& stages) {
  std::vector<std::string> names;
  if (!stages.is_object()) return names;
  for (const auto name : kStageNames)
    if (stages.contains(name)) names.emplace_back(name);
  for (const auto& [name, cost] : stages.items())
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

uint64_t count_of(const json& cost, const char* name) {
  const auto found = cost.is_object() ? cost.find(name) : cost.end();
  return found != cost.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

json ratio(uint64_t part, uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

StageCosts::Stage StageCosts::read_stage(const json& cost, const Stage& before) {
  Stage stage = before;
  stage.ticks = count_of(cost, "ticks");
  stage.packets = count_of(cost, "packets");
  const bool is_anew = stage.ticks < before.ticks || stage.packets < before.packets;
  stage.new_ticks = stage.ticks - (is_anew ? 0 : before.ticks);
  stage.new_packets = stage.packets - (is_anew ? 0 : before.packets);
  return stage;
}

void StageCosts::work_out() {
  uint64_t sum = 0;
  for (const auto& [name, stage] : stages_)
    sum += stage.new_ticks;
  if (sum == 0) return;
  for (auto& [name, stage] : stages_) {
    stage.share = ratio(stage.new_ticks, sum);
    if (stage.new_packets > 0) stage.ticks_per_packet = ratio(stage.new_ticks, stage.new_packets);
  }
  const auto receive = stages_.find(std::string(kStageNames[static_cast<size_t>(shunt::Stage::receive)]));
  if (receive != stages_.end() && receive->second.new_packets > 0)
    all_ticks_per_packet_ = ratio(sum, receive->second.new_packets);
}

json StageCosts::reading(const json& stages) {
  std::map<std::string, Stage> now;
  if (stages.is_object())
    for (const auto& [name, cost] : stages.items())
      now[name] = read_stage(cost, stages_[name]);
  stages_ = std::move(now);
  work_out();
  json all = json::array();
  for (const std::string& name : names_of(stages)) {
    const Stage& stage = stages_.at(name);
    all.push_back({{"name", name}, {"ticks_per_packet", stage.ticks_per_packet}, {"share", stage.share}});
  }
  return all;
}

json without_costs(json stages) {
  for (json& stage : stages)
    stage.update({{"ticks_per_packet", nullptr}, {"share", nullptr}});
  return stages;
}

}  // namespace shunt::insight
