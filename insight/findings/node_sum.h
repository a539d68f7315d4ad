// NodeSum: cells of several nodes become one of all nodes together, by interval.
//
// Why together: clients meet the service, wherever their packets enter. Several nodes share its flows, and
// routing moves them from one to another (that is no anomaly of the service); a sum has more flows, so that a
// test of counts sees smaller changes; and one fault is told once, not once for each node. What one node
// alone does wrong (its link, its checks) shows in its state and its alerts.
//
// Where a node that usually tells of a series doesn't, the sum is too small: it is not `complete`, until that
// node has been away for kForgotten_s.
//
// Owner: one thread. Bound: max_series names with kMostNodes nodes each, kMostPending intervals (the oldest
// is dropped).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "insight/kpi/roll_up.h"

namespace shunt::insight {

struct SummedCell {
  KpiCell cell;                  // counts and times, added
  double flows = 0;              // opened a second
  double active = 0;             // NaN: not known
  std::optional<double> weight;  // the mean of the nodes'
  bool complete = true;
};

class NodeSum {
 public:
  static constexpr int64_t kForgotten_s = 600;
  static constexpr size_t kMostNodes = 64;
  static constexpr size_t kMostPending = 64;

  // Series by their names without a node, in their order.
  using Interval = std::map<SeriesName, SummedCell>;

  explicit NodeSum(size_t max_series) : max_series_(max_series) {}

  // A cell without a node is of all of them, added already (the past). False: no room for its series, or its
  // interval was closed already (or is too old).
  bool take(const ClosedCell& cell);
  // The oldest pending interval that begins before `before_s`.
  std::optional<std::pair<int64_t, Interval>> close_next(int64_t before_s);
  int64_t closed_until_s() const { return closed_until_s_; }

 private:
  struct Part {
    SummedCell sum;
    double weights = 0;
    size_t nodes = 0;
    size_t weighed = 0;
  };
  using Nodes = std::vector<std::pair<std::string, int64_t>>;  // and when each told last
  void seen(const SeriesName& name, const std::string& node, int64_t begin_s);

  size_t max_series_;
  int64_t closed_until_s_ = INT64_MIN;
  std::map<int64_t, std::map<SeriesName, Part>> pending_;
  std::map<SeriesName, Nodes> nodes_;
};

}  // namespace shunt::insight
