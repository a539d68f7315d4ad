// FlowAlerts: which alerts about flows hold, of closed intervals: what configs/prometheus/rules/flows.yml
// asks of counters and histograms, asked of cells.
//
// Two differences: nodes are added together (NodeSum says why), and quantiles are exact within 1 %. Owner:
// one thread. Bound: the series of NodeSum; minutes of kMostServices services; a series silent for 10 minutes
// is forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "insight/findings/alert_board.h"
#include "insight/findings/flow_window.h"
#include "insight/findings/node_sum.h"
#include "insight/findings/standing.h"

namespace shunt::insight {

class FlowAlerts {
 public:
  static constexpr size_t kMostServices = 500;
  static constexpr int64_t kForgotten_s = 600;

  explicit FlowAlerts(double availability) : budget_(1 - availability) {}

  // A whole minute of the past, and an interval of 10 s. Tens of seconds of minutes that were told count
  // once.
  void learn_minute(int64_t begin_s, const SeriesName& name, const KpiCell& cell);
  void take(int64_t begin_s, const NodeSum::Interval& interval);
  // What holds, as of the newest interval.
  void judge(const Standing& standing, std::vector<AlertCondition>& out) const;

 private:
  struct Watched {
    FlowWindow window;
    std::shared_ptr<MinuteHistory> minutes;  // of services
    double weight = 0;
  };
  struct Backend {
    const SeriesName* name = nullptr;
    const Watched* watched = nullptr;
  };
  MinuteHistory* minutes_of(const SeriesName& name, Watched& watched);
  void judge_service(const SeriesName& name, const Watched& watched, std::vector<AlertCondition>& out) const;
  void judge_budget(const SeriesName& name, const Watched& watched, std::vector<AlertCondition>& out) const;
  void judge_traffic(const SeriesName& name, const Watched& watched, std::vector<AlertCondition>& out) const;
  void judge_backend(const SeriesName& name, const Watched& watched, std::vector<AlertCondition>& out) const;
  void judge_siblings(const std::vector<Backend>& pool, std::vector<AlertCondition>& out) const;
  void judge_balance(const std::vector<Backend>& pool, const Standing& standing,
                     std::vector<AlertCondition>& out) const;

  double budget_;
  std::map<SeriesName, Watched> series_;
  std::map<std::string, int64_t> told_until_s_;  // by service: minutes of the warehouse
  size_t histories_ = 0;
};

}  // namespace shunt::insight
