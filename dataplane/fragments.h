// Fragments on their way: the first one is classified like any packet, the others go where it went.
//
//   classify: take_fragment   select   settle_fragments   rewrite            loop: release_fragments
//             first: goes on ────────► its way is noted ─► …                 those that were held, once
//             later: stands aside ───► follows, or is held                   the first has come
//
// With several workers a hash of addresses and identification names the one that gathers a datagram; in nat
// that passes all of it, the first fragment first, to the worker that owns the first one's flow.
#pragma once

#include "dataplane/stages.h"

namespace shunt {

// True: the packet, a fragment, stands aside, was handed over or dropped. False: it is judged by all the
// rules now.
bool take_fragment(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker);

// Behind select, for a burst with fragments.
void settle_fragments(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now);

// A fragment goes the way of the first one.
void follow(Burst& burst, unsigned i, const FragmentWay& way, const Snapshot& snapshot, WorkerState& worker);

// Puts down what the table threw away.
void count_lost_fragments(WorkerState& worker);

}  // namespace shunt
