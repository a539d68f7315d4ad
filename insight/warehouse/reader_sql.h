// What the parts of WarehouseReader share: names of tables and columns, whole intervals.
#pragma once

#include <algorithm>
#include <string>

#include "insight/warehouse/tables.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

inline constexpr size_t kTopPoints = 100;  // of a series, when many are summed

// A sketch that isn't wanted is NULL.
inline std::string columns_of(Resolution resolution, Sketches sketches) {
  std::string columns;
  for (const std::string& column : shape_of(kKpiTables[static_cast<size_t>(resolution)]).columns) {
    const bool is_wanted = !column.ends_with("_sketch") || sketches == Sketches::all ||
                           (sketches == Sketches::connect && column.starts_with("connect_"));
    columns += (columns.empty() ? "" : ", ") + (is_wanted ? column : "NULL");
  }
  return columns;
}

inline std::string table_name(Resolution resolution) {
  return std::string(facts_of(kKpiTables[static_cast<size_t>(resolution)]).name);
}

inline TimeRange widened(TimeRange range, int64_t step_s) {
  const int64_t from = range.from_s / step_s * step_s;
  return {from, std::max((range.to_s + step_s - 1) / step_s * step_s, from)};
}

}  // namespace shunt::insight
