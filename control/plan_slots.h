// Which slots of a pool get another owner between two configurations of it. Pure; two table builds (about
// 1 ms each), none where the members are the same.
#pragma once

#include "common/keyed_hash.h"
#include "control/plan.h"

namespace shunt {

// Of the construction that the pool's first service wants. Where the number of slots differs, slots are
// compared by their place in the table (of the larger one).
SlotMove moved_slots(const Config& from, const PoolConfig& before_pool, const Config& to,
                     const PoolConfig& after_pool, const HashKey& cluster_key);

}  // namespace shunt
