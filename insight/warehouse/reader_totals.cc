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

// Those that have most, the first of equal ones first.
template <typename Much>
std::vector<const SeriesTotal*> largest(const std::vector<SeriesTotal>& all, Much much, size_t limit) {
  std::vector<const SeriesTotal*> chosen;
  for (const SeriesTotal& total : all)
    chosen.push_back(&total);
  std::ranges::sort(chosen, [&](const SeriesTotal* a, const SeriesTotal* b) {
    return much(a) != much(b) ? much(a) > much(b) : a < b;  // they lie in one vector
  });
  chosen.resize(std::min(chosen.size(), limit));
  return chosen;
}

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
  const std::vector<TimeTile> tiles = tiles_of(table_for(range, now_s, kTopPoints), range, now_s, retention_);
  std::vector<SeriesTotal> out;
  for (const auto& [name, ids] : series) {
    Result<KpiCell> sum = sum_of(ids, tiles);
    if (!sum) return sum.error();
    if (sum.value().seconds > 0) out.push_back({name, {}, {}, sum.take()});
  }
  return out;
}

Result<std::vector<SeriesTotal>> WarehouseReader::counts(Whose whose, const std::string& service,
                                                         TimeRange range, int64_t now_s) {
  std::string sums;
  for (const std::string_view name : kKpiCountNames)
    sums += ", sum(k." + std::string(name) + ")";
  std::map<SeriesName, KpiCell> cells;
  for (const TimeTile& tile : tiles_of(table_for(range, now_s, kTopPoints), range, now_s, retention_)) {
    const std::array<SqlValue, 3> values = {service, tile.range.from_s, tile.range.to_s};
    const Result<Ok> read = database_->query(
        "SELECT s.node, s.service, s.pool, s.backend, sum(k.seconds)" + sums + " FROM v_series s JOIN " +
            table_name(tile.table) + " k ON k.series_id = s.series_id WHERE s.backend " +
            (whose == Whose::services ? "= ''" : "<> ''") +
            " AND (?1 = '' OR s.service = ?1) AND k.ts >= ?2 AND k.ts < ?3 GROUP BY 1, 2, 3, 4",
        values, [&](const SqlRow& row) {
          KpiCell cell;
          cell.seconds = static_cast<uint32_t>(row.integer(4));
          for (size_t i = 0; i < kKpiCounts; ++i)
            cell.counts.values()[i] = static_cast<uint64_t>(row.integer(5 + i));
          cells[{row.text(0), row.text(1), row.text(2), row.text(3)}].merge(cell);
          return true;
        });
    if (!read) return read.error();
  }
  std::map<std::tuple<std::string, std::string, std::string>, KpiCell> together;
  for (const auto& [name, cell] : cells)
    together[{name.service, name.pool, name.backend}].add_beside(cell);
  std::vector<SeriesTotal> out;
  for (auto& [name, cell] : together)
    out.push_back({std::get<0>(name), std::get<1>(name), std::get<2>(name), std::move(cell)});
  return out;
}

Result<std::vector<BackendTotal>> WarehouseReader::top_backends(const std::string& service, TimeRange range,
                                                                int64_t now_s, std::optional<KpiCount> by,
                                                                size_t limit) {
  const Result<std::vector<SeriesTotal>> all = counts(Whose::backends, service, range, now_s);
  if (!all) return all.error();
  const auto much = [by](const SeriesTotal* total) {
    return by ? total->total.counts[*by] : total->total.counts.failures();
  };
  std::vector<BackendTotal> out;
  // Equal ones by name, as they are.
  for (const SeriesTotal* total : largest(all.value(), much, limit)) {
    Result<KpiCell> sum = this->total({service, "", total->pool, total->backend}, range, now_s);
    if (!sum) return sum.error();
    out.push_back({total->pool, total->backend, sum.take()});
  }
  return out;
}

Result<std::vector<BackendSeries>> WarehouseReader::backend_series(const std::string& service,
                                                                   TimeRange range, int64_t now_s,
                                                                   size_t points, size_t limit,
                                                                   Sketches sketches) {
  const Result<std::vector<SeriesTotal>> all = counts(Whose::backends, service, range, now_s);
  if (!all) return all.error();
  std::vector<const SeriesTotal*> chosen = largest(
      all.value(), [](const SeriesTotal* total) { return total->total.counts[KpiCount::opened]; }, limit);
  std::ranges::sort(chosen, {}, [](const SeriesTotal* total) { return Names(total->pool, total->backend); });
  const Step step = step_for(range, now_s, points);
  const std::vector<TimeTile> tiles =
      tiles_of(step.resolution, widened(range, step.step_s), now_s, retention_);
  std::vector<BackendSeries> out;
  for (const SeriesTotal* total : chosen) {
    const Result<std::vector<int64_t>> ids = series_of({service, "", total->pool, total->backend});
    if (!ids) return ids.error();
    Result<TimeSeries> series = series_together(ids.value(), tiles, step, sketches);
    if (!series) return series.error();
    out.push_back({total->pool, total->backend, series.take()});
  }
  return out;
}

}  // namespace shunt::insight
