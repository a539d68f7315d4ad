// lookup: asks the connection table about the whole burst. A live entry whose backend takes part decides at
// once.
//
// Cost: one line per packet, asked for by classify. What spilled into its alternate bucket is fetched for the
// whole burst before any of it is looked at. What is rare (nobody known, an entry that is closing, a backend
// that takes no new flows or is gone, a SYN) is left to select, whose lines are asked for here.
#include "dataplane/flow_state.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

constexpr uint8_t kEventful = tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst;

// The client has, or is about to have, this backend's SYN-ACK: its flow can't be opened anew elsewhere
// without a reset.
void note_answer(const Burst& burst, unsigned i, WorkerState& worker) {
  ProbationEntry* waiting = worker.probation.peek(burst.key[i], ProbationHalf::tcp);
  if (waiting != nullptr && waiting->backend == burst.backend[i]) waiting->answered = true;
}

// A reply is restored whether or not its flow is known (its source names the service), so it never selects.
[[gnu::noinline]] void settle_reply(Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker,
                                    const Now& now) {
  if (entry && is_fresh(*burst.service[i], entry, now)) advance_flow(burst, i, entry, worker, now);
  if (!entry && (burst.view[i].tcp_flags & tcp_flag::kSyn) != 0) note_answer(burst, i, worker);
}

void leave_to_select(Burst& burst, unsigned i, const WorkerState& worker) {
  burst.selecting |= bit_of(i);
  worker.probation.prefetch(burst.key[i], half_of(burst.view[i].protocol));
}

// By all the rules.
[[gnu::noinline]] void settle_any(Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker,
                                  const Now& now) {
  const Service& service = *burst.service[i];
  if (!is_fresh(service, entry, now) || !decides(service, entry)) return leave_to_select(burst, i, worker);
  burst.decide(i, FlowTable::backend(entry));
  advance_flow(burst, i, entry, worker, now);
}

// Nearly every packet: one on which nothing happens, of a flow on which nothing happened, to a backend that
// takes part.
inline void settle(Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker, const Now& now) {
  if (burst.is_reply(i)) return settle_reply(burst, i, entry, worker, now);
  const Service& service = *burst.service[i];
  const BackendRef backend = FlowTable::backend(entry);
  const PoolView& pool = service.pools[backend.position()];
  const uint32_t number = backend.number();
  if ((burst.view[i].tcp_flags & kEventful) != 0 || number >= pool.count || pool.accept[number] == 0 ||
      !FlowTable::refresh(entry, service.plain_state, service.plain_timeout_s, now.second)) [[unlikely]] {
    return settle_any(burst, i, entry, worker, now);
  }
  const Destination* destination = pool.destinations + number;
  __builtin_prefetch(destination);
  burst.destination[i] = destination;
  burst.pair[i] = pool.pairs + number;
}

}  // namespace

void lookup(Burst& burst, WorkerState& worker, const Now& now) {
  const FlowTable& flows = worker.flows;
  const uint64_t asked = burst.live;
  uint64_t spilled = 0;  // may stand in their alternate buckets, which are on their way
  for (const unsigned i : bits_of(asked)) {
    const FlowTable::Entry entry = flows.find_primary(burst.key[i]);
    if (entry) [[likely]] {
      settle(burst, i, entry, worker, now);
    } else if (flows.prefetch_spilled(burst.key[i])) {
      spilled |= bit_of(i);
    } else if (burst.is_reply(i)) {
      settle_reply(burst, i, {}, worker, now);
    } else {
      leave_to_select(burst, i, worker);
    }
  }
  for (const unsigned i : bits_of(spilled)) {
    const FlowTable::Entry entry = flows.find_alternate(burst.key[i]);
    if (entry || burst.is_reply(i)) {
      settle(burst, i, entry, worker, now);
    } else {
      leave_to_select(burst, i, worker);
    }
  }
  worker.counters.lookup_hit.add(
      static_cast<uint64_t>(std::popcount(asked & ~burst.selecting & ~burst.replies)));
}

}  // namespace shunt
