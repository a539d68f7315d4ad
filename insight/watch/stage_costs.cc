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
  for (const auto name : kStageNames)
    if (stages.contains(name)) names.emplace_back(name);
  for (const auto& [name, cost] : stages.items())
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

uint64_t ticks_of(const json& cost) {
  const auto found = cost.is_object() ? cost.find("ticks") : cost.end();
  return found != cost.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

}  // namespace

json measured_ticks(const json& of) {
  const auto found = of.is_object() ? of.find("ticks_per_packet") : of.end();
  const bool is_known = found != of.end() && found->is_number() && found->get<double>() > 0;
  return is_known ? *found : json(nullptr);
}

json StageCosts::reading(const json& stages) {
  json all = json::array();
  if (!stages.is_object()) return all;
  std::map<std::string, uint64_t> now;
  std::map<std::string, uint64_t> spent;
  uint64_t sum = 0;
  for (const auto& [name, cost] : stages.items()) {
    const uint64_t ticks = ticks_of(cost);
    const auto before = ticks_.find(name);
    const uint64_t since = before == ticks_.end() || before->second > ticks ? 0 : before->second;
    now[name] = ticks;
    spent[name] = ticks - since;
    sum += ticks - since;
  }
  ticks_ = std::move(now);
  if (sum > 0) shares_.clear();
  for (const auto& [name, ticks] : spent)
    if (sum > 0) shares_[name] = static_cast<double>(ticks) / static_cast<double>(sum);
  for (const std::string& name : names_of(stages)) {
    const auto share = shares_.find(name);
    all.push_back({{"name", name},
                   {"ticks_per_packet", measured_ticks(stages[name])},
                   {"share", share == shares_.end() ? json(nullptr) : json(share->second)}});
  }
  return all;
}

json without_costs(json stages) {
  for (json& stage : stages)
    stage.update({{"ticks_per_packet", nullptr}, {"share", nullptr}});
  return stages;
}

}  // namespace shunt::insight
