// NodeAlerts: which alerts about shuntds themselves hold now: restarts, refused reloads, full tables, busy
// workers, discovery, lost records. From LiveNode, and from what its `system` says (the entry of
// /api/v1/system); what is missing there, or of another kind, holds nothing.
//
// Owner: one thread; asked once a second. Bound: kMostWorkers workers a node.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "insight/findings/alert_board.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

class NodeAlerts {
 public:
  static constexpr size_t kMostWorkers = 256;

  void judge(const LiveState& live, std::vector<AlertCondition>& out);

 private:
  using Readings = std::deque<std::pair<int64_t, double>>;  // second, value
  struct Watched {
    int64_t started_us = 0;
    std::deque<int64_t> starts_s;      // that were seen
    std::map<int64_t, Readings> busy;  // by CPU, of the last 2 minutes
    Readings dropped;                  // records, of the last 5 minutes
  };
  void judge_starts(const LiveNode& node, int64_t now_s, std::vector<AlertCondition>& out);
  void judge_workers(const LiveNode& node, int64_t now_s, std::vector<AlertCondition>& out);
  void judge_records(const LiveNode& node, int64_t now_s, std::vector<AlertCondition>& out);

  std::map<std::string, Watched> nodes_;
};

}  // namespace shunt::insight
