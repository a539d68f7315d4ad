// What a shuntd says of itself. Its words are read with care: another version may say others.
#include "insight/findings/node_alerts.h"

#include <algorithm>
#include <optional>

#include "insight/findings/alert_words.h"

namespace shunt::insight {
namespace {

using Json = nlohmann::json;

constexpr double kFull = 0.9;
constexpr int64_t kBusy_s = 120;
constexpr int64_t kRecords_s = 300;
constexpr int64_t kRestarts_s = 600;
constexpr size_t kMostReadings = 600;

const Json& part(const Json& object, const char* name) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::optional<double> number(const Json& object, const char* name) {
  const Json& value = part(object, name);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string text(const Json& object, const char* name) {
  const Json& value = part(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

void keep(std::deque<std::pair<int64_t, double>>& readings, int64_t now_s, double value, int64_t span_s) {
  if (readings.empty() || readings.back().first < now_s) readings.emplace_back(now_s, value);
  while (readings.front().first < now_s - span_s || readings.size() > kMostReadings)
    readings.pop_front();
}

void judge_ready(const LiveNode& node, std::vector<AlertCondition>& out) {
  const Json& ready = part(node.system, "ready");
  if (!ready.is_boolean() || ready.get<bool>()) return;
  std::string why;
  const Json& reasons = part(node.system, "not_ready");
  if (reasons.is_array())
    for (const Json& reason : reasons)
      if (reason.is_string()) why += (why.empty() ? "" : "; ") + reason.get<std::string>();
  out.push_back({AlertName::not_ready, {node.name, {}, {}, {}}, why.empty() ? "it isn't ready" : why});
}

// Events come newest first: the last word on a reload counts.
void judge_reload(const LiveNode& node, std::vector<AlertCondition>& out) {
  const Json& events = part(node.system, "events");
  if (!events.is_array()) return;
  for (const Json& event : events) {
    const std::string kind = text(event, "kind");
    if (kind == "reload.accepted") return;
    if (kind != "reload.refused") continue;
    out.push_back({AlertName::config_reload_failed,
                   {node.name, {}, {}, {}},
                   "the last reload was refused: " + text(event, "text")});
    return;
  }
}

void judge_table(const LiveNode& node, std::vector<AlertCondition>& out) {
  const Json& table = part(node.system, "table");
  const double entries = number(table, "entries").value_or(0);
  const double capacity = number(table, "capacity").value_or(0);
  if (capacity > 0 && entries / capacity > kFull)
    out.push_back({AlertName::flow_table_near_full,
                   {node.name, {}, {}, {}},
                   "the connection table is " + percent_words(entries / capacity) + " full"});
}

void judge_discovery(const LiveNode& node, std::vector<AlertCondition>& out) {
  const Json& pools = part(node.system, "discovery");
  if (!pools.is_array()) return;
  for (const Json& pool : pools) {
    const std::string state = text(pool, "state");
    if (state != "stale" && state != "held") continue;
    out.push_back({state == "stale" ? AlertName::discovery_stale : AlertName::discovery_held,
                   {node.name, {}, text(pool, "pool"), {}},
                   text(pool, "text").empty() ? "discovery is " + state : text(pool, "text")});
  }
}

}  // namespace

void NodeAlerts::judge_starts(const LiveNode& node, int64_t now_s, std::vector<AlertCondition>& out) {
  Watched& watched = nodes_[node.name];
  if (node.up && node.started_us != 0) {
    if (watched.started_us != 0 && watched.started_us != node.started_us) watched.starts_s.push_back(now_s);
    watched.started_us = node.started_us;
  }
  while (!watched.starts_s.empty() && watched.starts_s.front() <= now_s - kRestarts_s)
    watched.starts_s.pop_front();
  const size_t starts = watched.starts_s.size();
  if (starts == 0) return;
  out.push_back({starts >= 3 ? AlertName::restart_loop : AlertName::restarted,
                 {node.name, {}, {}, {}},
                 "it was started " + std::to_string(starts) + (starts == 1 ? " time" : " times") +
                     " within 10 minutes"});
}

void NodeAlerts::judge_workers(const LiveNode& node, int64_t now_s, std::vector<AlertCondition>& out) {
  const Json& workers = part(node.system, "workers");
  if (!workers.is_array()) return;
  auto& busy = nodes_[node.name].busy;
  for (const Json& worker : workers) {
    const auto cpu = static_cast<int64_t>(number(worker, "cpu").value_or(-1));
    const std::optional<double> ratio = number(worker, "busy_ratio");
    if (cpu < 0 || !ratio || (!busy.contains(cpu) && busy.size() >= kMostWorkers)) continue;
    Readings& readings = busy[cpu];
    keep(readings, now_s, *ratio, kBusy_s);
    double sum = 0;
    for (const auto& [at_s, value] : readings)
      sum += value;
    const double mean = sum / static_cast<double>(readings.size());
    if (mean > kFull)
      out.push_back({AlertName::lcore_saturated,
                     {node.name, {}, {}, "CPU " + std::to_string(cpu)},
                     "the worker on CPU " + std::to_string(cpu) + " spends " + percent_words(mean) +
                         " of its time on packets"});
  }
}

void NodeAlerts::judge_records(const LiveNode& node, int64_t now_s, std::vector<AlertCondition>& out) {
  const std::optional<double> dropped = number(part(node.system, "records"), "dropped");
  if (!dropped) return;
  Readings& readings = nodes_[node.name].dropped;
  if (!readings.empty() && *dropped < readings.back().second) readings.clear();  // a shuntd that began anew
  keep(readings, now_s, *dropped, kRecords_s);
  const double lost = *dropped - readings.front().second;
  if (lost > 0)
    out.push_back({AlertName::flow_records_lost,
                   {node.name, {}, {}, {}},
                   number_words(lost) + " flow records were lost in the last 5 minutes"});
}

void NodeAlerts::judge(const LiveState& live, std::vector<AlertCondition>& out) {
  std::erase_if(nodes_, [&](const auto& known) {
    return std::none_of(live.nodes.begin(), live.nodes.end(),
                        [&](const LiveNode& node) { return node.name == known.first; });
  });
  for (const LiveNode& node : live.nodes) {
    judge_starts(node, live.now_s, out);
    if (!node.up) continue;
    judge_ready(node, out);
    judge_reload(node, out);
    judge_table(node, out);
    judge_discovery(node, out);
    judge_workers(node, live.now_s, out);
    judge_records(node, live.now_s, out);
  }
}

}  // namespace shunt::insight
