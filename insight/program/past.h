// The past: what a warehouse remembers of the shunt-insight before this one, so that this one goes on where
// that one ended.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/result.h"
#include "insight/findings/findings.h"
#include "insight/warehouse/warehouse_reader.h"
#include "insight/watch/watch.h"

namespace shunt::insight {

struct WhatWasThere {
  bool warehouse = false;  // false: there was none yet
  size_t cells = 0;        // of intervals that go on
  size_t anomalies = 0;    // open ones that go on
};

// Before the first second: cells to `watch`, anomalies, incidents and what is usual to `findings`. Blocks,
// for seconds where there is much. After an error both can be used as if there had been nothing; the ids of
// findings then begin where the clock says, so that none is used twice.
Result<WhatWasThere> go_on(const DatabaseAddress& address, const RetentionSettings& retention, int64_t now_s,
                           Watch& watch, Findings& findings);

}  // namespace shunt::insight
