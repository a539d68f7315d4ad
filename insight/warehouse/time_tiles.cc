#include "insight/warehouse/time_tiles.h"

#include <algorithm>

namespace shunt::insight {
namespace {

class Tiling {
 public:
  Tiling(int64_t now_s, const RetentionSettings& retention) : now_s_(now_s), retention_(retention) {}

  void cover(Resolution table, TimeRange range) {
    if (range.from_s >= range.to_s) return;
    if (table == Resolution::second) {
      tiles_.push_back({table, range});
      return;
    }
    const auto finer = static_cast<Resolution>(static_cast<size_t>(table) - 1);
    const int64_t step = seconds_of(table);
    const int64_t over = begin_of(table, now_s_ - kStoredAfter);  // cells up to here are in the table
    const bool has_finer = range.from_s >= now_s_ - retention_.keep(table_of(finer));
    int64_t from = begin_of(table, range.from_s);
    int64_t to = begin_of(table, range.to_s);
    if (has_finer && from < range.from_s) from += step;
    if (!has_finer && to < range.to_s) to += step;
    to = std::min(to, over);
    if (from >= to) return cover(finer, range);
    cover(finer, {range.from_s, from});
    tiles_.push_back({table, {from, to}});
    cover(finer, {to, range.to_s});
  }
  std::vector<TimeTile> take() { return std::move(tiles_); }

 private:
  static Table table_of(Resolution resolution) { return kKpiTables[static_cast<size_t>(resolution)]; }

  int64_t now_s_;
  const RetentionSettings& retention_;
  std::vector<TimeTile> tiles_;
};

}  // namespace

std::vector<TimeTile> tiles_of(Resolution table, TimeRange range, int64_t now_s,
                               const RetentionSettings& retention) {
  Tiling tiling(now_s, retention);
  tiling.cover(table, range);
  return tiling.take();
}

}  // namespace shunt::insight
