// Heat maps as JSON: how a series' times are spread, and one KPI of all backends of a service, over time.
//
// Values in, texts out; made on the desk's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

inline constexpr size_t kHeatmapColumns = 120;
inline constexpr size_t kHeatmapRows = 200;  // backends: those that opened most flows

// Rows are half powers of two from 64 µs to 16.8 s; the last one is what is above.
std::string latency_heatmap_json(const TimeSeries& series, TimeRange range, bool is_connect);

enum class HeatmapKpi : uint8_t { flows, failure_ratio, connect_p95_us };
std::string pool_heatmap_json(const std::vector<BackendSeries>& backends, TimeRange range, HeatmapKpi kpi);

}  // namespace shunt::insight
