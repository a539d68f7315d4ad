// AlertBoard: conditions that hold become alerts: pending until they held for as long as their rule says,
// then firing, then resolved.
//
// An alert that fires is resolved when its condition hasn't held for kCalm_s. One that comes back within
// kAgain_s stays firing twice as long the next time (up to kMostCalm_s), so that what flaps is told a few
// times and not each time. Pending ones are shown, and no event: most of them are nothing.
//
// Owner: one thread. A row goes out by `put` when an alert fires and when it is resolved. Bound: kMostAlerts
// at once, kMostEvents of the past.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "insight/findings/alert.h"
#include "insight/findings/alert_rules.h"
#include "insight/warehouse/rows.h"

namespace shunt::insight {

// What holds now.
struct AlertCondition {
  AlertName rule = AlertName::down;
  SeriesName subject;
  std::string text;
};

class AlertBoard {
 public:
  static constexpr int64_t kCalm_s = 10;
  static constexpr int64_t kMostCalm_s = 300;
  static constexpr int64_t kAgain_s = 600;
  static constexpr size_t kMostAlerts = 1'000;
  static constexpr size_t kMostEvents = 1'000;
  using Put = std::function<void(WarehouseRow)>;

  AlertBoard(std::vector<AlertRule> rules, Put put) : rules_(std::move(rules)), put_(std::move(put)) {}

  // All that holds at this moment.
  void update(int64_t now_s, const std::vector<AlertCondition>& conditions);

  const std::vector<LiveAlert>& alerts() const { return shown_; }
  const std::vector<AlertRule>& rules() const { return rules_; }
  const std::deque<AlertEvent>& history() const { return history_; }
  uint64_t passed_over() const { return passed_over_; }

 private:
  using Key = std::pair<size_t, SeriesName>;  // rule, subject
  struct Active {
    LiveAlert alert;
    int64_t held_s = 0;  // when its condition held last
    int64_t calm_s = kCalm_s;
  };
  struct Past {
    int64_t resolved_s = 0;
    int64_t calm_s = 0;
  };
  void hold(int64_t now_s, const AlertCondition& condition);
  void ripen(int64_t now_s, Active& active);
  void resolve(int64_t now_s);
  void tell(int64_t now_s, const LiveAlert& alert);
  void show();

  std::vector<AlertRule> rules_;
  Put put_;
  std::map<Key, Active> active_;
  std::map<Key, Past> past_;  // resolved a while ago
  std::vector<LiveAlert> shown_;
  std::deque<AlertEvent> history_;
  uint64_t passed_over_ = 0;
};

}  // namespace shunt::insight
