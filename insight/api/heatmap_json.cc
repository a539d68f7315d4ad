#include "insight/api/heatmap_json.h"

#include <algorithm>
#include <map>
#include <optional>

#include "insight/api/kpi_rates.h"
#include "insight/warehouse/reader_sql.h"

namespace shunt::insight {
namespace {

constexpr unsigned kFirstPower = 6;
constexpr unsigned kLastPower = 24;

// Each begins a bucket of the sketches, so that counts are exact.
std::vector<uint32_t> bounds() {
  std::vector<uint32_t> all;
  for (unsigned power = kFirstPower; power < kLastPower; ++power) {
    all.push_back(1U << power);
    all.push_back(3U << (power - 1));
  }
  all.push_back(1U << kLastPower);
  return all;
}

void put_times(JsonText& json, TimeRange whole, int64_t step_s) {
  json.list("t");
  for (int64_t at = whole.from_s; at < whole.to_s; at += step_s)
    json.put(at);
  json.end_list().put("step", step_s);
}

void put_column(JsonText& json, const QuantileSketch& sketch, const std::vector<uint32_t>& rows) {
  uint64_t below = 0;
  json.list();
  for (const uint32_t bound : rows) {
    const uint64_t now = sketch.below(bound);
    json.put(now - below);
    below = now;
  }
  json.put(sketch.count() - below).end_list();
}

std::optional<double> value_of(const KpiCell& cell, HeatmapKpi kpi) {
  if (cell.seconds == 0) return std::nullopt;
  if (kpi == HeatmapKpi::flows) return rates_of(cell)[KpiCount::opened];
  if (kpi == HeatmapKpi::failure_ratio) return failure_ratio(cell.counts);
  return quantile_of(cell.connect(), 0.95);
}

}  // namespace

std::string latency_heatmap_json(const TimeSeries& series, TimeRange range, bool is_connect) {
  const TimeRange whole = widened(range, series.step_s);
  const std::vector<uint32_t> rows = bounds();
  std::map<int64_t, const KpiCell*> cells;
  for (const TimePoint& point : series.points)
    cells[point.begin_s] = &point.cell;
  JsonText json;
  json.open();
  put_times(json, whole, series.step_s);
  json.list("bounds_us");
  for (const uint32_t bound : rows)
    json.put(bound);
  json.put(UINT32_MAX).end_list().list("counts");
  for (int64_t at = whole.from_s; at < whole.to_s; at += series.step_s) {
    const auto found = cells.find(at);
    static const QuantileSketch kNone;
    put_column(json,
               found == cells.end() ? kNone
               : is_connect         ? found->second->connect()
                                    : found->second->response(),
               rows);
  }
  json.end_list().close();
  return json.take();
}

std::string pool_heatmap_json(const std::vector<BackendSeries>& backends, TimeRange range, HeatmapKpi kpi) {
  // All have the same; without any, one that is coarse enough.
  const int64_t step = backends.empty()
                           ? (range.to_s - range.from_s) / static_cast<int64_t>(kHeatmapColumns - 2) + 1
                           : backends.front().series.step_s;
  const TimeRange whole = widened(range, step);
  JsonText json;
  json.open();
  put_times(json, whole, step);
  json.list("rows");
  for (const BackendSeries& backend : backends)
    json.open().put("pool", backend.pool).put("backend", backend.backend).close();
  json.end_list().list("values");
  for (const BackendSeries& backend : backends) {
    auto point = backend.series.points.begin();
    json.list();
    for (int64_t at = whole.from_s; at < whole.to_s; at += step) {
      while (point != backend.series.points.end() && point->begin_s < at)
        ++point;
      const bool is_there = point != backend.series.points.end() && point->begin_s == at;
      json.put(is_there ? value_of(point->cell, kpi) : std::nullopt);
    }
    json.end_list();
  }
  json.end_list().close();
  return json.take();
}

}  // namespace shunt::insight
