// lookup: asks the connection table about the whole burst. A live entry whose backend takes part decides at
// once.
//
// Cost: one line per packet, asked for by classify. What is rare (nobody known, an entry that is closing, a
// backend that takes no new flows or is gone, a SYN) is left to select.
#include "dataplane/flow_state.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

// The client has, or is about to have, this backend's SYN-ACK: its flow can't be opened anew elsewhere
// without a reset.
void note_answer(const Burst& burst, unsigned i, WorkerState& worker) {
  ProbationEntry* waiting = worker.probation.peek(burst.key[i], ProbationHalf::tcp);
  if (waiting != nullptr && waiting->backend == burst.backend[i]) waiting->answered = true;
}

}  // namespace

void lookup(Burst& burst, WorkerState& worker, const Now& now) {
  uint64_t hits = 0;
  for (unsigned n = 0; n < burst.live_count; ++n) {
    const unsigned i = burst.live[n];
    const FlowTable::Entry entry = worker.flows.find(burst.key[i]);
    const bool reply = burst.direction[i] == Direction::reply;
    if (reply) {
      // A reply is restored whether or not its flow is known (its source names the service), so it never
      // selects.
      if (entry && is_fresh(*burst.service[i], entry, now)) advance_flow(burst, i, entry, worker, now);
      if (!entry && (burst.view[i].tcp_flags & tcp_flag::kSyn) != 0) note_answer(burst, i, worker);
      continue;
    }
    const Service& service = *burst.service[i];
    if (!entry || !is_fresh(service, entry, now) || !decides(service, entry)) {
      burst.wants_select[i] = 1;
      ++burst.selecting;
      continue;
    }
    ++hits;
    burst.backend[i] = FlowTable::backend(entry);
    advance_flow(burst, i, entry, worker, now);
  }
  worker.counters.lookup_hit.add(hits);
}

}  // namespace shunt
