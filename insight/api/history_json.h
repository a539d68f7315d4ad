// What the warehouse told, as JSON: rates and times over a window or a range. Shapes: docs/insight-api.md.
//
// Values in, texts out; made on the desk's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insight/api/kpi_rates.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

struct WindowTotals {
  TimeRange range;
  std::vector<SeriesTotal> services;
  std::vector<SeriesTotal> before;  // of the window before this one
  double availability = 0.999;      // the objective, for the budget's burn
};
std::string kpis_json(const WindowTotals& totals);

// Every step of the range, null where nobody was asked.
std::string time_series_json(const TimeSeries& series, TimeRange range);

struct HostThresholds {
  double cpu = 0.8;
  double memory = 0.9;
  double disk = 0.85;
};
std::string hosts_json(const HostHistory& history, const HostThresholds& thresholds);

struct RetryTotals {
  TimeRange range;
  std::vector<SeriesTotal> services;
  std::vector<SeriesTotal> backends;
  std::vector<AttemptTotal> attempts;
};
std::string retries_json(const RetryTotals& totals);

std::string geo_json(const std::vector<CountryTotal>& countries, TimeRange range);
std::string prefixes_json(const ClientTotals& clients);

}  // namespace shunt::insight
