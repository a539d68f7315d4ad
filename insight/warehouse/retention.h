// Retention: what is too old goes, and while all is too much, the oldest of the finest that there is.
//
// SQLite: rows of a series are deleted by its key's range, a hundred series a transaction; the file gives
// pages back a piece at a time. PostgreSQL: whole partitions are dropped, so up to a day (fine tables) or a
// month (coarse ones) stays longer; tables without partitions are deleted from.
//
// Owner: the writer's thread, between two batches.
#pragma once

#include <cstdint>

#include "insight/warehouse/database.h"
#include "insight/warehouse/tables.h"

namespace shunt::insight {

struct RetentionReport {
  uint64_t rows = 0;        // deleted
  uint64_t partitions = 0;  // dropped
  uint64_t bytes = 0;       // in use afterwards
};

Result<RetentionReport> retain(Database& database, const RetentionSettings& settings, int64_t now_s);

}  // namespace shunt::insight
