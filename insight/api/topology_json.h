// Who sends flows to whom as JSON: countries to services to backends; and protocols.
//
// Of the last seconds from LiveView, of a longer window from the warehouse. Values in, texts out.
#pragma once

#include <string>
#include <vector>

#include "insight/api/live_view.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

inline constexpr size_t kTopologyCountries = 40;  // the ones beyond are in "??" together

// Countries: of the last 60 s. The rest: of the last 10 s.
std::string live_topology_json(const LiveState& live, const LiveView& view);

struct WindowFlows {
  std::vector<SeriesTotal> services;
  std::vector<SeriesTotal> backends;
  std::vector<std::pair<std::string, std::vector<CountryTotal>>> countries;  // by service
};
// The same of a window; services and backends of before that are gone stand there as "unknown".
std::string topology_json(const LiveView& view, int64_t now_s, const WindowFlows& flows);

// A row for each service: rates over the totals' window.
std::string protocols_json(const LiveView& view, const std::vector<SeriesTotal>& services);

}  // namespace shunt::insight
