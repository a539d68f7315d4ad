// FlowWindow: what was counted of one series lately, for alerts: by 10 s for 5 minutes, times by the minute,
// and, of a service, by the minute for three days.
//
// Time is that of intervals; what is older than a window is not in it, and what isn't known counts as
// nothing. Owner: one thread. State: 1 kB, up to 12 sketches, and 100 kB for a service.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "insight/findings/alert_words.h"
#include "insight/kpi/kpi_cell.h"

namespace shunt::insight {

struct FlowCounts {
  uint64_t opened = 0;
  uint64_t ended = 0;
  uint64_t failures = 0;
  uint64_t syn_retransmits = 0;
  uint64_t reconnects = 0;
  uint64_t refused = 0;    // no_backend, shed
  uint32_t intervals = 0;  // that were known

  void add(const FlowCounts& other);
  double failure_ratio() const {
    return ended > 0 ? static_cast<double>(failures) / static_cast<double>(ended) : 0;
  }
};
FlowCounts flow_counts(const KpiCounts& counts);

class FlowWindow {
 public:
  static constexpr int64_t kInterval_s = 10;
  static constexpr size_t kIntervals = 30;
  static constexpr size_t kTimes = 5;  // minutes

  void add(int64_t begin_s, const KpiCell& cell, bool complete);
  // The newest `seconds` up to the newest interval, 300 at most.
  FlowCounts last(int64_t seconds) const;
  Coverage known(int64_t seconds) const;
  double rate(int64_t seconds) const;  // opened a second, of what is known of them; NaN: nothing
  // Handshakes, answers of the last 4 to 5 minutes.
  QuantileSketch connect() const;
  QuantileSketch response() const;
  bool complete() const;  // every interval of the 5 minutes that is known was of all nodes
  int64_t newest_s() const { return newest_s_; }

 private:
  struct Slot {
    int64_t begin_s = -1;
    bool complete = true;
    FlowCounts counts;
  };
  struct Times {
    int64_t minute = -1;
    QuantileSketch connect;
    QuantileSketch response;
  };
  QuantileSketch merged(QuantileSketch Times::* which) const;

  int64_t newest_s_ = -1;
  std::array<Slot, kIntervals> slots_;
  std::array<Times, kTimes> times_;
};

// A service's minutes of the last three days.
class MinuteHistory {
 public:
  static constexpr int64_t kMinutes = 3 * 24 * 60;

  // Of a minute from the warehouse (whole), and of 10 s of one (added to the others).
  void add_minute(int64_t begin_s, const FlowCounts& counts) { add(begin_s, counts, 60); }
  void add(int64_t begin_s, const FlowCounts& counts) { add(begin_s, counts, FlowWindow::kInterval_s); }
  FlowCounts last(int64_t seconds) const;
  Coverage known(int64_t seconds) const;
  // Whether it was followed `ago_s` ago, or in the quarter of an hour before that.
  bool knows(int64_t ago_s) const;
  // Of the rates (flows a second, over 5 minutes each) of the day that ended a quarter of an hour ago.
  std::optional<double> usual_rate(double quantile) const;

 private:
  struct Slot {
    int64_t minute = -1;
    uint32_t opened = 0;
    uint32_t ended = 0;
    uint32_t failures = 0;
    uint32_t known_s = 0;
  };
  void add(int64_t begin_s, const FlowCounts& counts, int64_t seconds);
  const Slot* at(int64_t minute) const;

  int64_t newest_ = -1;  // minute
  std::vector<Slot> slots_ = std::vector<Slot>(static_cast<size_t>(kMinutes));
};

}  // namespace shunt::insight
