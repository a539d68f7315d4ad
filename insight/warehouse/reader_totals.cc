// WarehouseReader: many series at once: services, backends.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "insight/warehouse/reader_sql.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {
namespace {

using Names = std::pair<std::string, std::string>;  // of a backend: pool, name

}  // namespace

Result<std::vector<SeriesTotal>> WarehouseReader::service_totals(const std::string& service, TimeRange range,
                                                                 int64_t now_s) {
  std::map<std::string, std::vector<int64_t>> series;
  const std::array<SqlValue, 1> values = {service};
  const Result<Ok> read = database_->query(
      "SELECT service, series_id FROM v_series WHERE backend = '' AND (?1 = '' OR service = ?1)", values,
      [&](const SqlRow& row) {
        series[row.text(0)].push_back(row.integer(1));
        return true;
      });
  if (!read) return read.error();
  const Step step = table_for(range, now_s, kTopPoints);
  std::vector<SeriesTotal> out;
  for (const auto& [name, ids] : series) {
    const Result<TimeSeries> points = series_together(ids, range, step);
    if (!points) return points.error();
    if (points.value().points.empty()) continue;
    SeriesTotal& total = out.emplace_back(SeriesTotal{name, {}, {}, {}});
    for (const TimePoint& point : points.value().points)
      total.total.merge(point.cell);
  }
  return out;
}

Result<std::vector<SeriesTotal>> WarehouseReader::counts(Whose whose, const std::string& service,
                                                         TimeRange range, int64_t now_s) {
  const Step step = table_for(range, now_s, kTopPoints);
  const TimeRange whole = widened(range, seconds_of(step.resolution));
  std::string sums;
  for (const std::string_view name : kKpiCountNames)
    sums += ", sum(k." + std::string(name) + ")";
  const std::array<SqlValue, 3> values = {service, whole.from_s, whole.to_s};
  std::map<std::tuple<std::string, std::string, std::string>, KpiCell> cells;
  const Result<Ok> read = database_->query(
      "SELECT s.service, s.pool, s.backend, s.node, sum(k.seconds)" + sums + " FROM v_series s JOIN " +
          table_name(step.resolution) + " k ON k.series_id = s.series_id WHERE s.backend " +
          (whose == Whose::services ? "= ''" : "<> ''") +
          " AND (?1 = '' OR s.service = ?1) AND k.ts >= ?2 AND k.ts < ?3 GROUP BY 1, 2, 3, 4",
      values, [&](const SqlRow& row) {
        KpiCell cell;
        cell.seconds = static_cast<uint32_t>(row.integer(4));
        for (size_t i = 0; i < kKpiCounts; ++i)
          cell.counts.values()[i] = static_cast<uint64_t>(row.integer(5 + i));
        cells[{row.text(0), row.text(1), row.text(2)}].add_beside(cell);
        return true;
      });
  if (!read) return read.error();
  std::vector<SeriesTotal> out;
  for (auto& [name, cell] : cells)
    out.push_back({std::get<0>(name), std::get<1>(name), std::get<2>(name), std::move(cell)});
  return out;
}

Result<std::vector<BackendSeries>> WarehouseReader::backend_series(const std::string& service,
                                                                   TimeRange range, int64_t now_s,
                                                                   size_t points, size_t limit) {
  const Result<std::vector<SeriesTotal>> all = counts(Whose::backends, service, range, now_s);
  if (!all) return all.error();
  std::vector<const SeriesTotal*> chosen;
  for (const SeriesTotal& total : all.value())
    chosen.push_back(&total);
  const auto opened = [](const SeriesTotal* total) { return total->total.counts[KpiCount::opened]; };
  std::ranges::stable_sort(chosen, std::ranges::greater(), opened);
  chosen.resize(std::min(chosen.size(), limit));
  std::ranges::sort(chosen, {}, [](const SeriesTotal* total) { return Names(total->pool, total->backend); });
  std::vector<BackendSeries> out;
  for (const SeriesTotal* total : chosen) {
    Result<TimeSeries> series = time_series({service, "", total->pool, total->backend}, range, now_s, points);
    if (!series) return series.error();
    out.push_back({total->pool, total->backend, series.take()});
  }
  return out;
}

}  // namespace shunt::insight
