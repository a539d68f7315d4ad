// RollUp: flow records and counts become cells of 1 s, 10 s, 1 min and 1 h.
//
// A second stays open for `lateness_s` after its end, so that what comes late finds it; then it is closed,
// handed out, and merged into its 10 seconds, those into their minute, those into their hour. So each coarse
// cell is the sum of its fine ones, whatever came in which order.
//
// Owner: one thread. Time is given. Bound: max_series, each with lateness_s + ahead_s + 2 open seconds and
// three coarse cells; what comes beyond goes to the series `other` and is counted. A series in whose hour
// nothing came makes room.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "insight/kpi/kpi_cell.h"
#include "insight/kpi/series_name.h"
#include "stats/flow_record.h"

namespace shunt::insight {

struct RollUpSettings {
  uint32_t max_series = 10'000;
  int64_t lateness_s = 2;
  int64_t ahead_s = 2;  // clocks differ: how far in the future is believed
};

struct ClosedCell {
  Resolution resolution = Resolution::second;
  int64_t begin_s = 0;
  std::shared_ptr<const SeriesName> series;
  KpiCell cell;
};

// What was counted between two readings of one series.
struct CountedSpan {
  int64_t from_us = 0;
  int64_t to_us = 0;
  KpiCounts counts;
  uint64_t active = 0;
  std::optional<double> weight;
};

class RollUp {
 public:
  // A series, until it is forgotten: then take() and count() refuse it, and it is to be asked for again.
  struct Handle {
    uint32_t index = 0;
    uint32_t generation = 0;
  };
  struct Tally {
    uint64_t records = 0;
    uint64_t late = 0;        // records of a closed second: lost
    uint64_t early = 0;       // records from the future: lost
    uint64_t late_spans = 0;  // spans with a part in closed seconds: that part counts in the oldest open one
    uint64_t collapsed = 0;   // records and spans that went to `other`
    uint64_t closed = 0;      // cells handed out
  };
  using Sink = std::function<void(ClosedCell&&)>;

  // Nothing before `now_us` can be told: the second it lies in is the first.
  RollUp(const RollUpSettings& settings, int64_t now_us, Sink sink);

  Handle series(const SeriesName& name);
  // Times of a watched flow: the second in which it ended gets them. Those of other records are of failures
  // only and would shift a quantile. Refused: the handle.
  [[nodiscard]] bool take(Handle handle, const FlowRecord& record);
  // Counts are spread evenly over the span's seconds; their sum stays what it is.
  [[nodiscard]] bool count(Handle handle, const CountedSpan& span);

  // Closes what is over. A time before the last one changes nothing.
  void advance(int64_t now_us);
  // Closes every second, as at the end of the program. Coarse cells that aren't over are not handed out:
  // restore() makes them again from the fine ones.
  void close_all();
  // What a program before this one stored, and whose coarser cell it didn't come to: minutes of its last
  // hour, then tens of seconds of its last minute, then seconds. Each in the order of their times, before the
  // first advance(). False: it can't be that (an hour, not the beginning of an interval, the future, the past
  // of what is there).
  bool restore(Resolution resolution, int64_t begin_s, const SeriesName& name, const KpiCell& cell);

  // Of a second that is still open, as far as it is known; nothing: nothing came.
  const KpiCell* open_cell(Handle handle, int64_t second) const;
  int64_t first_open_second() const { return open_from_; }
  const Tally& tally() const { return tally_; }
  size_t series_count() const { return by_key_.size(); }

 private:
  struct TimedCell {
    int64_t begin_s = 0;
    bool used = false;
    KpiCell cell;
  };
  struct Series {
    std::shared_ptr<const SeriesName> name;  // nothing: free
    uint32_t generation = 0;
    std::vector<TimedCell> seconds;  // of second s at s modulo their number
    std::array<TimedCell, kResolutions - 1> coarse;
  };

  Series* find(Handle handle);
  Handle add_series(const SeriesName& name);
  KpiCell& cell_of(Series& series, int64_t second);
  void spread(Series& series, const CountedSpan& span);
  void close_second(int64_t second);
  void close_coarse(Series& series);
  void put(Series& series, size_t level, int64_t begin_s, const KpiCell& cell);
  void hand_out(Series& series, Resolution resolution, TimedCell& cell);
  void forget_silent();
  TimedCell& slot(Series& series, int64_t second) {
    return series.seconds[static_cast<size_t>(second) % series.seconds.size()];
  }

  RollUpSettings settings_;
  Sink sink_;
  int64_t open_from_;  // the first second that isn't closed
  int64_t now_s_;
  std::vector<Series> series_;  // [0] is `other`
  std::vector<uint32_t> free_;
  std::unordered_map<std::string, uint32_t> by_key_;
  Tally tally_;
};

}  // namespace shunt::insight
