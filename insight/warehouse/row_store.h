// RowStore: rows into tables: names become ids, PostgreSQL gets its partitions.
//
// Owner: one thread, beside its Database. What it remembers of ids is true only as long as the transaction in
// which it learnt them: forget() after a rollback.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "insight/warehouse/database.h"
#include "insight/warehouse/rows.h"
#include "insight/warehouse/tables.h"

namespace shunt::insight {

class RowStore {
 public:
  // Within a transaction. Whole: all rows or an error.
  Result<Ok> store(Database& database, std::span<const WarehouseRow> rows);
  void forget();

 private:
  using Values = std::vector<SqlValue>;
  Result<int64_t> series_id(Database& database, const SeriesName& name);
  Result<int64_t> backend_id(Database& database, const std::string& pool, const std::string& name);
  Result<int64_t> id_of(Database& database, const std::string& key, const std::string& insert,
                        const std::string& select, std::span<const SqlValue> values);
  Values& into(Table table, int64_t second);
  Result<Ok> make_partitions(Database& database);

  Result<Ok> put(Database& database, const ClosedCell& row);
  Result<Ok> put(Database& database, const ClientMinute& row);
  Result<Ok> put(Database& database, const FlowRow& row);
  Result<Ok> put(Database& database, const HostRow& row);
  Result<Ok> put(Database& database, const AnomalyRow& row);
  Result<Ok> put(Database& database, const IncidentRow& row);
  Result<Ok> put(Database& database, const AlertRow& row);
  Result<Ok> put(Database& database, const DescriptionRow& row);

  std::map<std::string, int64_t> ids_;
  std::set<std::string> partitions_;
  // Of the rows at hand:
  std::map<Table, Values> values_;
  std::map<std::string, std::pair<Table, Partition>> wanted_;
};

// Its time is between 1970 and the year 9999: what else comes is nonsense, and would make partitions.
bool has_time(const WarehouseRow& row);

// What it takes in the KPI tables, and what it was made of (of columns in shape_of()'s order from `first`
// on).
void append_cell(std::vector<SqlValue>& values, const KpiCell& cell);
std::optional<KpiCell> cell_of(const SqlRow& row, size_t first);

}  // namespace shunt::insight
