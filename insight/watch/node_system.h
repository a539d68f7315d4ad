// NodeSystem: what the page shows of one shuntd and nothing else reads, as the entry of /api/v1/system: its
// workers, ports, drops, table, history, discovery and events. Rates are between two readings.
//
// Bound: 20 generations, 50 events, the lists of an answer.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "insight/watch/node_answers.h"
#include "insight/watch/stage_costs.h"

namespace shunt::insight {

struct RecordCounts {
  bool attached = false;
  uint64_t read = 0;
  uint64_t dropped = 0;
};

class NodeSystem {
 public:
  explicit NodeSystem(std::string name) : name_(std::move(name)) { failed("not asked yet"); }

  void reading(const NodeAnswers& answers, const RawAnswers& raw);
  // What was known stays, but for rates.
  void failed(const std::string& why);
  // The entry as it is now.
  const nlohmann::json& entry(const RecordCounts& records);

 private:
  void read_status(const RawAnswers& raw, double seconds);
  void read_drops(const RawAnswers& raw, double seconds);
  void add_events(const nlohmann::json& events);

  std::string name_;
  nlohmann::json entry_;
  nlohmann::json before_;                  // counters of the reading before, by name
  std::map<uint64_t, StageCosts> stages_;  // by the worker's number
  int64_t before_us_ = 0;
  int64_t started_us_ = 0;
};

}  // namespace shunt::insight
