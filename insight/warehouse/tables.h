// The warehouse's tables: which there are, how rows go in, what names a row, how long they stay.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "insight/kpi/kpi_cell.h"
#include "insight/warehouse/database.h"

namespace shunt::insight {

// In the order in which they give way when there is too much: the finest first.
enum class Table : uint8_t {
  kpi_1s,
  flow_event,
  kpi_10s,
  client_1m,
  country_1m,
  host_1m,
  kpi_1m,
  kpi_1h,
  anomaly,
  incident,
  alert_event,
};
inline constexpr size_t kTables = 11;

struct TableFacts {
  std::string_view name;
  std::string_view time_column;
  int64_t units_per_second = 1;  // of the time column
  std::string_view owner;      // the column before the time in the key; empty: there is an index of the time
  std::string_view partition;  // of PostgreSQL: "day", "month"; empty: none
};
inline constexpr std::array<TableFacts, kTables> kTableFacts = {{
    {"kpi_1s", "ts", 1, "series_id", "day"},
    {"flow_event", "ended_us", 1'000'000, "", "day"},
    {"kpi_10s", "ts", 1, "series_id", "day"},
    {"client_1m", "ts", 1, "series_id", "month"},
    {"country_1m", "ts", 1, "series_id", "month"},
    {"host_1m", "ts", 1, "backend_id", "month"},
    {"kpi_1m", "ts", 1, "series_id", "month"},
    {"kpi_1h", "ts", 1, "series_id", "month"},
    {"anomaly", "opened_s", 1, "", ""},
    {"incident", "opened_s", 1, "", ""},
    {"alert_event", "at_s", 1, "", ""},
}};
inline constexpr std::array<Table, kResolutions> kKpiTables = {Table::kpi_1s, Table::kpi_10s, Table::kpi_1m,
                                                               Table::kpi_1h};

constexpr const TableFacts& facts_of(Table table) {
  return kTableFacts[static_cast<size_t>(table)];
}
const TableShape& shape_of(Table table);

// How long rows stay, in seconds, and all of them together, in bytes.
struct RetentionSettings {
  std::array<int64_t, kTables> keep_s = {86'400,       72 * 3600,    7 * 86'400,  90 * 86'400,
                                         90 * 86'400,  90 * 86'400,  90 * 86'400, 400 * 86'400,
                                         400 * 86'400, 400 * 86'400, 400 * 86'400};
  uint64_t max_bytes = 0;  // 0: no bound
  int64_t every_s = 60;    // how often it is looked after
  int64_t keep(Table table) const { return keep_s[static_cast<size_t>(table)]; }
};

// The interval of PostgreSQL's partition that holds a second, and the partition's name.
struct Partition {
  std::string name;  // kpi_1s_p20250131, kpi_1m_p202501
  int64_t begin_s = 0;
  int64_t end_s = 0;
};
Partition partition_at(Table table, int64_t second);
// Of a partition by its name; its end is 0 where the name is none of ours.
Partition partition_named(Table table, const std::string& name);

}  // namespace shunt::insight
