// Standing: what all watched nodes together say of services, backends and themselves, and since when.
//
// A backend that one node finds down is down. Where a node stops answering, what it said last counts for two
// minutes (kHeld_s): a node that dies must not make its backends look repaired; after that they are
// `unknown`. A backend that no answering node lists any more is gone at once.
//
// Owner: one thread. Bound: kMostBackends; the others are passed over.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "insight/detect/anomaly.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

struct BackendStanding {
  std::string address;
  BackendState state = BackendState::unknown;
  std::string reason;  // of a node that finds it down: "lb1: connection refused"
  double weight = 0;   // the largest of the nodes'
  int64_t changed_s =
      0;  // the last change of state or weight that was seen; 0: it was so when it was first seen
  // Whether flows should go to it now, and did so a minute ago, so that it can be compared.
  bool is_steady(int64_t now_s) const;
  // Nobody expects flows of it.
  bool is_set_aside() const;
};
struct ServiceStanding {
  size_t up = 0;  // backends
  size_t down = 0;
  size_t starting = 0;
  size_t unknown = 0;
  size_t all = 0;
  double weight = 0;  // of those that should serve, whether they do or not
  double weight_down = 0;
  // By weight. Half counts as less for kRestart_s, so that a pair may be restarted one by one.
  double capacity_lost = 0;
  bool is_down() const { return up == 0 && down > 0 && starting == 0 && unknown == 0; }
};
struct NodeStanding {
  bool up = true;
  std::string error;
};

class Standing {
 public:
  static constexpr int64_t kHeld_s = 120;
  static constexpr int64_t kForgotten_s = 3600;
  static constexpr int64_t kSettle_s = 60;
  static constexpr int64_t kRestart_s = 60;  // as long as ShuntPoolDegraded waits
  static constexpr size_t kMostBackends = 8'000;

  void take(const LiveState& live);

  int64_t now_s() const { return now_s_; }
  const std::map<SeriesName, BackendStanding>& backends() const { return backends_; }  // node ""
  const std::map<std::string, ServiceStanding>& services() const { return services_; }
  const std::map<std::string, NodeStanding>& nodes() const { return nodes_; }
  const BackendStanding* find(const SeriesName& backend) const;
  Topology topology() const;

 private:
  struct Said {
    BackendState state = BackendState::unknown;
    std::string reason;
    double weight = 0;
    int64_t at_s = 0;
  };
  using Voices = std::map<std::string, Said>;  // by node
  void hear(const LiveNode& node);
  void forget();
  BackendStanding together(const Voices& voices) const;
  void sum_up();
  void weigh_losses();

  int64_t now_s_ = 0;
  bool is_running_ = false;  // what comes from now on is new
  std::map<SeriesName, Voices> voices_;
  std::map<SeriesName, std::string> addresses_;
  std::map<SeriesName, BackendStanding> backends_;
  std::map<std::string, ServiceStanding> services_;
  std::map<std::string, int64_t> halved_s_;  // since when half of a service's capacity, or more, is gone
  std::map<std::string, NodeStanding> nodes_;
};

}  // namespace shunt::insight
