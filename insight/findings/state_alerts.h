// StateAlerts: which alerts about what is up hold now: the conditions of configs/prometheus/rules/state.yml
// and hosts.yml, asked of the live state.
//
// Owner: one thread; asked once a second. Bound: that of Standing and LiveState.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "insight/findings/alert_board.h"
#include "insight/findings/standing.h"
#include "insight/findings/state_watch.h"

namespace shunt::insight {

class StateAlerts {
 public:
  explicit StateAlerts(const HostThresholds& thresholds) : thresholds_(thresholds) {}

  void judge(const LiveState& live, const Standing& standing, std::vector<AlertCondition>& out);

 private:
  // A backend of a pool, whichever services use it.
  struct Machine {
    BackendStanding standing;
    std::set<std::string> services;
    SeriesName subject() const;
    std::string used_by() const;
  };
  using Machines = std::map<std::pair<std::string, std::string>, Machine>;  // pool, backend
  struct Load {
    std::deque<std::pair<int64_t, double>> cpu;  // of the last 5 minutes
    double mean(int64_t now_s) const;
  };

  static Machines machines_of(const Standing& standing);
  void judge_services(const Standing& standing, std::vector<AlertCondition>& out) const;
  void judge_pools(const Machines& machines, std::vector<AlertCondition>& out) const;
  void judge_backends(const Machines& machines, int64_t now_s, std::vector<AlertCondition>& out);
  void judge_hosts(const LiveState& live, const Machines& machines, std::vector<AlertCondition>& out);

  HostThresholds thresholds_;
  struct Flaps {
    bool up = false;
    std::deque<int64_t> changes_s;
  };
  std::map<std::pair<std::string, std::string>, Flaps> flaps_;
  std::map<std::string, Load> loads_;  // by address
};

}  // namespace shunt::insight
