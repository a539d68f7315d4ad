// Past: what a warehouse remembers of the shunt-insight before this one, so that this one goes on where that
// one ended.
#pragma once

#include <cstdint>
#include <vector>

#include "common/result.h"
#include "insight/findings/found.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

struct Past {
  std::vector<ClosedCell> unfinished;   // for Watch::restore()
  std::vector<ClosedCell> learned;      // for Findings::learn(), in its order
  std::vector<FoundAnomaly> anomalies;  // that were open
  std::vector<FoundIncident> incidents;
  int64_t last_id = 0;  // of anomalies and incidents
};

// Blocks: for the start of the program. Bound: kMostLearned cells. A warehouse that isn't there yet is an
// empty past, one that can't be read an error.
inline constexpr size_t kMostLearned = 300'000;
Result<Past> read_past(const DatabaseAddress& address, const RetentionSettings& retention, int64_t now_s);

// A row as what it was when it was found; the detector's own memory of it is gone.
FoundAnomaly restored(const AnomalyRow& row);

}  // namespace shunt::insight
