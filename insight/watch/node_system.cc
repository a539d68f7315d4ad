#include "insight/watch/node_system.h"

#include <algorithm>
#include <array>

#include "insight/watch/answer_fields.h"
#include "stats/drop_words.h"

namespace shunt::insight {
namespace {

using nlohmann::json;

constexpr size_t kMostGenerations = 20;
constexpr size_t kMostEvents = 50;
constexpr double kMicroseconds = 1e6;

// A member that has the type, or what stands for it: these answers are for people, and an older shuntd's may
// lack some.
template <typename T>
T get(const json& object, const char* key, T otherwise = {}) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : otherwise;
  } else if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? found->get<bool>() : otherwise;
  } else {
    return found->is_number() ? found->get<T>() : otherwise;
  }
}

const json& member(const json& object, const char* key) {
  static const json kNothing;
  return object.is_object() && object.contains(key) ? object.at(key) : kNothing;
}

json seconds_of(const json& object, const char* key) {
  const auto us = parse_time_us(get<std::string>(object, key));
  return us ? json(static_cast<double>(*us) / kMicroseconds) : json(nullptr);
}

// Since the reading before; 0 where there was none, or the counter began anew.
double rate_of(uint64_t now, const json& before, const std::string& name, double seconds) {
  const uint64_t then = get<uint64_t>(before, name.c_str(), now);
  return seconds > 0 && now > then ? static_cast<double>(now - then) / seconds : 0;
}

// Of a shuntd that doesn't tell stages; it tells 0 where it has measured no packet.
json told_ticks(const json& worker) {
  const auto ticks = get<double>(worker, "ticks_per_packet");
  return ticks > 0 ? json(ticks) : json(nullptr);
}

json history_of(const json& answer) {
  json all = json::array();
  for (const json& row : member(answer, "generations")) {
    if (all.size() >= kMostGenerations) break;
    all.push_back({{"generation", get<uint64_t>(row, "generation")},
                   {"at", seconds_of(row, "at")},
                   {"who", get<std::string>(row, "who")},
                   {"why", get<std::string>(row, "why")},
                   {"what", get<std::string>(row, "summary")}});
  }
  return all;
}

json discovery_of(const json& answer) {
  json all = json::array();
  for (const json& row : member(answer, "pools"))
    all.push_back({{"pool", get<std::string>(row, "pool")},
                   {"kind", get<std::string>(row, "source")},
                   {"state", get<std::string>(row, "state")},
                   {"text", get<std::string>(row, "reason")},
                   {"read_at", seconds_of(row, "answered")}});
  return all;
}

}  // namespace

void NodeSystem::failed(const std::string& why) {
  if (!entry_.is_object()) {
    entry_ = {
        {"name", name_}, {"version", ""}, {"generation", 0}, {"started_at", 0}, {"not_ready", json::array()},
        {"tsc_hz", 0}};
    for (const char* list : {"workers", "ports", "drops", "history", "discovery", "events"})
      entry_[list] = json::array();
    entry_["table"] = {{"entries", 0}, {"capacity", 0}};
  }
  entry_["state"] = "down";
  entry_["error"] = why;
  entry_["ready"] = false;
  for (json& worker : entry_["workers"])
    worker.update({{"busy_ratio", nullptr},
                   {"packets", 0},
                   {"ticks_per_packet", nullptr},
                   {"stages", without_costs(worker["stages"])}});
  for (json& port : entry_["ports"])
    port.update({{"received", 0}, {"sent", 0}, {"received_bytes", 0}, {"sent_bytes", 0}, {"dropped", 0}});
  for (json& drop : entry_["drops"])
    drop["rate"] = 0;
  before_us_ = 0;
}

void NodeSystem::reading(const NodeAnswers& answers, const RawAnswers& raw) {
  const bool is_same = answers.started_us == started_us_;
  if (!is_same) {
    before_us_ = 0;
    stages_.clear();
    entry_["events"] = json::array();
  }
  started_us_ = answers.started_us;
  const double seconds =
      before_us_ == 0 ? 0 : static_cast<double>(answers.at_us - before_us_) / kMicroseconds;
  const json& node = member(raw.status, "node");
  entry_["state"] = "up";
  entry_["error"] = "";
  entry_["version"] = get<std::string>(node, "version");
  entry_["generation"] = answers.generation;
  entry_["started_at"] = static_cast<double>(answers.started_us) / kMicroseconds;
  entry_["ready"] = get<bool>(node, "ready");
  entry_["not_ready"] = member(node, "not_ready");
  entry_["tsc_hz"] = get<uint64_t>(node, "tsc_hz");
  read_status(raw, seconds);
  read_drops(raw, seconds);
  if (!raw.history.is_null()) entry_["history"] = history_of(raw.history);
  if (!raw.discovery.is_null()) entry_["discovery"] = discovery_of(raw.discovery);
  add_events(member(raw.events, "events"));
  before_us_ = answers.at_us;
}

void NodeSystem::read_status(const RawAnswers& raw, double seconds) {
  json now = json::object();
  const auto rate = [&](const std::string& name, uint64_t count) {
    now[name] = count;
    return rate_of(count, before_, name, seconds);
  };
  json workers = json::array();
  std::map<uint64_t, StageCosts> stages;
  uint64_t entries = 0;
  uint64_t capacity = 0;
  for (const json& worker : member(raw.status, "workers")) {
    const auto index = get<uint64_t>(worker, "index");
    const std::string name = "worker " + std::to_string(index);
    StageCosts& costs = stages.insert_or_assign(index, stages_[index]).first->second;
    const json stages_told = costs.reading(member(worker, "stages"));
    const double packets = rate(name, get<uint64_t>(worker, "packets"));
    workers.push_back(
        {{"cpu", get<uint64_t>(worker, "cpu")},
         {"busy_ratio", member(worker, "busy")},
         {"packets", packets},
         {"ticks_per_packet", stages_told.empty() ? told_ticks(worker) : costs.ticks_per_packet()},
         {"stages", stages_told}});
    entries += get<uint64_t>(member(worker, "flow_table"), "entries");
    capacity += get<uint64_t>(member(worker, "flow_table"), "capacity");
  }
  json ports = json::array();
  for (const json& port : member(raw.status, "ports")) {
    const auto name = get<std::string>(port, "name");
    const json& received = member(port, "received");
    const json& sent = member(port, "sent");
    ports.push_back({{"name", name},
                     {"received", rate(name + " rp", get<uint64_t>(received, "packets"))},
                     {"sent", rate(name + " sp", get<uint64_t>(sent, "packets"))},
                     {"received_bytes", rate(name + " rb", get<uint64_t>(received, "bytes"))},
                     {"sent_bytes", rate(name + " sb", get<uint64_t>(sent, "bytes"))},
                     {"dropped", rate(name + " d", get<uint64_t>(port, "missed") +
                                                       get<uint64_t>(port, "transmit_full"))}});
  }
  stages_ = std::move(stages);
  entry_["workers"] = std::move(workers);
  entry_["ports"] = std::move(ports);
  entry_["table"] = {{"entries", entries}, {"capacity", capacity}};
  now["drops"] = member(before_, "drops");
  before_ = std::move(now);
}

// Those that happened; the most of late first.
void NodeSystem::read_drops(const RawAnswers& raw, double seconds) {
  const json& dropped = member(raw.drops, "dropped");
  const json& before = before_["drops"];
  std::vector<json> all;
  for (const auto& [reason, count] : dropped.items()) {
    if (!count.is_number_unsigned() || count.get<uint64_t>() == 0) continue;
    const auto number = count.get<uint64_t>();
    const std::string text(drop_words(reason).meaning);
    all.push_back({{"reason", reason},
                   {"text", text.empty() ? reason : text},
                   {"count", number},
                   {"rate", rate_of(number, before, reason, seconds)}});
  }
  std::sort(all.begin(), all.end(), [](const json& a, const json& b) {
    if (a["rate"] != b["rate"]) return a["rate"] > b["rate"];
    return a["count"] > b["count"];
  });
  entry_["drops"] = all;
  before_["drops"] = dropped;
}

// They come oldest first, and stand newest first.
void NodeSystem::add_events(const json& events) {
  json& all = entry_["events"];
  for (const json& event : events)
    all.insert(all.begin(), json{{"at", seconds_of(event, "at")},
                                 {"kind", get<std::string>(event, "kind")},
                                 {"subject", get<std::string>(event, "subject")},
                                 {"text", get<std::string>(event, "text")}});
  while (all.size() > kMostEvents)
    all.erase(all.size() - 1);
}

const json& NodeSystem::entry(const RecordCounts& records) {
  entry_["records"] = {{"attached", records.attached},
                       {"read", records.read},
                       {"dropped", records.dropped},
                       {"error", records.error}};
  return entry_;
}

}  // namespace shunt::insight
