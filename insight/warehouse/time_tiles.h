// Which table has which part of a range: the wanted one for the intervals that are over and lie in it as a
// whole, finer ones for what is before and behind them. So the running hour isn't missing, and nothing of
// before the range is in its sum.
#pragma once

#include <cstdint>
#include <vector>

#include "insight/kpi/kpi_cell.h"
#include "insight/warehouse/tables.h"

namespace shunt::insight {

// [from, to), seconds since 1970.
struct TimeRange {
  int64_t from_s = 0;
  int64_t to_s = 0;
};

struct TimeTile {
  Resolution table = Resolution::second;
  TimeRange range;  // whole intervals of the table
};

// From its end to when an interval is in its table, at most: lateness, a batch, and some.
inline constexpr int64_t kStoredAfter = 5;

// In the order of time, none empty. Where the finer table doesn't go back so far, the range is widened to a
// whole interval.
std::vector<TimeTile> tiles_of(Resolution table, TimeRange range, int64_t now_s,
                               const RetentionSettings& retention);

}  // namespace shunt::insight
