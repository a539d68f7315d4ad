// What the warehouse still knows of before this program started: findings to go on with, cells to learn from.
//
// Once, at the start, before the first tick. Bound: the newest 2,000 anomalies and 500 incidents, those that
// are open first; 300,000 cells of each kind, some seconds of work.
#pragma once

#include <cstdint>
#include <vector>

#include "insight/findings/findings.h"
#include "insight/warehouse/database.h"

namespace shunt::insight {

struct StoredFindings {
  std::vector<FoundAnomaly> anomalies;  // open and closed
  std::vector<FoundIncident> incidents;
  int64_t last_id = 0;
};
// For Findings::restore().
Result<StoredFindings> read_stored_findings(Database& database);

// Gives Findings::learn() three days of services' minutes, then up to a day of tens of seconds of all series
// (less where there are many). A cell that can't be read is left out.
Result<Ok> learn_from_warehouse(Database& database, int64_t now_s, Findings& findings);

}  // namespace shunt::insight
