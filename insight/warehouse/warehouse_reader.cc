#include "insight/warehouse/warehouse_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "insight/warehouse/reader_sql.h"
#include "insight/warehouse/row_store.h"

namespace shunt::insight {
namespace {

constexpr int64_t kDay = 86'400;
constexpr std::array<int64_t, 17> kSteps = {1,   2,     5,     10,    20,     30,     60,     120, 300,
                                            600, 1'800, 3'600, 7'200, 10'800, 21'600, 43'200, kDay};

// The table with fewest cells that such steps are sums of.
Resolution coarsest_for(int64_t step) {
  for (const Resolution table : {Resolution::hour, Resolution::minute, Resolution::ten_seconds}) {
    if (step % seconds_of(table) == 0) return table;
  }
  return Resolution::second;
}

}  // namespace

Result<WarehouseReader> WarehouseReader::open(DatabaseAddress address, const RetentionSettings& retention) {
  address.read_only = true;
  Result<std::unique_ptr<Database>> database = open_database(address);
  if (!database) return database.error();
  return WarehouseReader(database.take(), retention);
}

bool WarehouseReader::is_kept(Resolution resolution, TimeRange range, int64_t now_s) const {
  return range.from_s >= now_s - retention_.keep(kKpiTables[static_cast<size_t>(resolution)]);
}

WarehouseReader::Step WarehouseReader::step_for(TimeRange range, int64_t now_s, size_t points) const {
  const auto most = static_cast<int64_t>(std::max<size_t>(points, 3));
  const int64_t width = std::max<int64_t>(range.to_s - range.from_s, 1);
  // Widening may add an interval.
  const auto fits = [&](int64_t step) { return (width - 1) / step + 2 <= most; };
  for (const int64_t step : kSteps) {
    const Resolution table = coarsest_for(step);
    if (fits(step) && (table == Resolution::hour || is_kept(table, range, now_s))) return {table, step};
  }
  const int64_t days = (width - 1) / kDay + 1;
  return {Resolution::hour, ((days - 1) / (most - 2) + 1) * kDay};
}

Resolution WarehouseReader::table_for(TimeRange range, int64_t now_s, size_t points) const {
  const int64_t width = std::max<int64_t>(range.to_s - range.from_s, 1);
  for (const Resolution table : {Resolution::second, Resolution::ten_seconds, Resolution::minute}) {
    if (is_kept(table, range, now_s) && (width - 1) / seconds_of(table) + 2 <= static_cast<int64_t>(points))
      return table;
  }
  return Resolution::hour;
}

Result<std::vector<int64_t>> WarehouseReader::series_of(const SeriesQuestion& question) {
  std::vector<int64_t> series;
  const std::array<SqlValue, 4> values = {question.service, question.pool, question.backend, question.node};
  const Result<Ok> read = database_->query(
      "SELECT series_id FROM v_series WHERE (?1 = '' OR service = ?1) AND pool = ?2 AND backend = ?3 AND (?4 "
      "= '' OR node = ?4) ORDER BY 1",
      values, [&](const SqlRow& row) {
        series.push_back(row.integer(0));
        return true;
      });
  if (!read) return read.error();
  return series;
}

Result<Ok> WarehouseReader::each_cell(Resolution resolution, int64_t series, TimeRange range,
                                      const OnCell& on_cell, Sketches sketches) {
  const std::array<SqlValue, 3> values = {series, range.from_s, range.to_s};
  bool is_sound = true;
  const Result<Ok> read =
      database_->query("SELECT " + columns_of(resolution, sketches) + " FROM " + table_name(resolution) +
                           " WHERE series_id = ?1 AND ts >= ?2 AND ts < ?3 ORDER BY ts",
                       values, [&](const SqlRow& row) {
                         const std::optional<KpiCell> cell = cell_of(row, 2);
                         if (cell) on_cell(row.integer(1), *cell);
                         is_sound = cell.has_value();
                         return is_sound;
                       });
  if (!read) return read;
  if (!is_sound) return Error{table_name(resolution), "has a sketch that can't be read"};
  return Ok{};
}

// Intervals of a series follow each other; those of several are beside each other.
Result<TimeSeries> WarehouseReader::series_together(std::span<const int64_t> series,
                                                    std::span<const TimeTile> tiles, Step step,
                                                    Sketches sketches) {
  std::map<int64_t, KpiCell> cells;
  for (const int64_t id : series) {
    std::map<int64_t, KpiCell> own;
    const OnCell add = [&](int64_t second, const KpiCell& cell) {
      own[second / step.step_s * step.step_s].merge(cell);
    };
    for (const TimeTile& tile : tiles) {
      const Result<Ok> read = each_cell(tile.table, id, tile.range, add, sketches);
      if (!read) return read.error();
    }
    if (cells.empty()) {
      cells = std::move(own);
      continue;
    }
    for (const auto& [second, cell] : own)
      cells[second].add_beside(cell);
  }
  TimeSeries out{step.resolution, step.step_s, {}};
  for (auto& [second, cell] : cells)
    out.points.push_back({second, std::move(cell)});
  return out;
}

Result<TimeSeries> WarehouseReader::time_series(const SeriesQuestion& question, TimeRange range,
                                                int64_t now_s, size_t points) {
  const Result<std::vector<int64_t>> series = series_of(question);
  if (!series) return series.error();
  const Step step = step_for(range, now_s, points);
  return series_together(series.value(),
                         tiles_of(step.resolution, widened(range, step.step_s), now_s, retention_), step);
}

Result<KpiCell> WarehouseReader::sum_of(std::span<const int64_t> series, std::span<const TimeTile> tiles) {
  KpiCell sum;
  for (const int64_t id : series) {
    KpiCell own;
    for (const TimeTile& tile : tiles) {
      const Result<Ok> read =
          each_cell(tile.table, id, tile.range, [&](int64_t, const KpiCell& cell) { own.merge(cell); });
      if (!read) return read.error();
    }
    sum.add_beside(own);
  }
  return sum;
}

Result<KpiCell> WarehouseReader::total(const SeriesQuestion& question, TimeRange range, int64_t now_s) {
  const Result<std::vector<int64_t>> series = series_of(question);
  if (!series) return series.error();
  return sum_of(series.value(), tiles_of(table_for(range, now_s, kTopPoints), range, now_s, retention_));
}

Result<std::vector<ClosedCell>> WarehouseReader::unfinished() {
  std::vector<ClosedCell> out;
  for (const Resolution fine : {Resolution::minute, Resolution::ten_seconds, Resolution::second}) {
    const auto coarse = static_cast<Resolution>(static_cast<size_t>(fine) + 1);
    // Where a series has no coarse cell yet, all of its fine ones are wanted.
    std::vector<std::pair<int64_t, int64_t>> from;
    std::map<int64_t, std::shared_ptr<const SeriesName>> names;
    const Result<Ok> read = database_->query(
        "SELECT s.series_id, s.node, s.service, s.pool, s.backend, (SELECT max(k.ts) FROM " +
            table_name(coarse) + " k WHERE k.series_id = s.series_id) FROM v_series s ORDER BY 1",
        {}, [&](const SqlRow& row) {
          names[row.integer(0)] = std::make_shared<const SeriesName>(
              SeriesName{row.text(1), row.text(2), row.text(3), row.text(4)});
          from.emplace_back(row.integer(0), row.is_null(5) ? 0 : row.integer(5) + seconds_of(coarse));
          return true;
        });
    if (!read) return read.error();
    for (const auto& [series, begin] : from) {
      const std::shared_ptr<const SeriesName> name = names[series];
      const Result<Ok> cells =
          each_cell(fine, series, {begin, INT64_MAX},
                    [&](int64_t second, const KpiCell& cell) { out.push_back({fine, second, name, cell}); });
      if (!cells) return cells.error();
    }
  }
  return out;
}

}  // namespace shunt::insight
