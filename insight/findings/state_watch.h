// StateWatch: what the live state says at once: a node, a service, a backend that is down; a host above a
// threshold.
//
// Nothing here is chance: p-values are 0. A host is told when it has been above its threshold for
// kSustained_s. Owner: one thread. Bound: that of LiveState.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "insight/findings/sighting.h"
#include "insight/findings/standing.h"

namespace shunt::insight {

struct HostThresholds {
  double cpu = 0.8;
  double memory = 0.9;
  double disk = 0.85;
};

class StateWatch {
 public:
  static constexpr int64_t kSustained_s = 60;

  StateWatch(const HostThresholds& thresholds, double availability)
      : thresholds_(thresholds), availability_(availability) {}

  std::vector<Sighting> look(const LiveState& live, const Standing& standing);

 private:
  void look_at_nodes(const LiveState& live, const Standing& standing, std::vector<Sighting>& out) const;
  void look_at_services(const Standing& standing, std::vector<Sighting>& out) const;
  void look_at_backends(const Standing& standing, std::vector<Sighting>& out) const;
  void look_at_hosts(const LiveState& live, const Standing& standing, std::vector<Sighting>& out);
  void measure_traffic(const LiveState& live);
  double traffic_of(const std::string& service) const;

  HostThresholds thresholds_;
  double availability_;
  std::map<std::string, double> traffic_;                        // of each service, its part of all new flows
  std::map<std::string, std::array<int64_t, 3>> above_since_s_;  // by address: cpu, memory, disk; 0: it isn't
};

}  // namespace shunt::insight
