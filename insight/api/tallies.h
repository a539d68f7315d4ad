// InsightTallies: what the other parts of the program say of themselves, for /api/v1/info, /api/v1/system and
// /metrics. A value, asked for once a second.
#pragma once

#include <cstdint>
#include <string>

#include "insight/warehouse/warehouse_writer.h"

namespace shunt::insight {

struct InsightTallies {
  WriterStatus warehouse;
  uint64_t records = 0;  // flow records read since the start, of all nodes
  uint64_t records_lost = 0;
  uint64_t series = 0;  // that are rolled up
  uint64_t country_ranges = 0;
  std::string country_source;  // words for attribution; empty: there is no table
};

}  // namespace shunt::insight
