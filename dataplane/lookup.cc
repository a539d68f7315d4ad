// lookup: asks the connection table about the whole burst. A live entry whose backend takes part decides at
// once.
//
// Cost: one line per packet, asked for by classify. What spilled into its alternate bucket is fetched for the
// whole burst before any of it is looked at. What is rare (nobody known, an entry that is closing, a backend
// that takes no new flows or is gone, a SYN) is left to select.
#include "dataplane/flow_state.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

constexpr uint8_t kEventful = tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst;

// A SYN-ACK: the client has it, or is about to, so that its flow can't be opened anew elsewhere without a
// reset. Or a RST instead of one.
void note_answer(const Burst& burst, unsigned i, WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  ProbationEntry* waiting = worker.probation.peek(packet.key(), ProbationHalf::tcp);
  if (waiting == nullptr || waiting->backend != burst.backend[i]) return;
  if ((packet.view.tcp_flags & tcp_flag::kRst) != 0) {
    worker.telemetry.failed(*waiting, *packet.service, FlowOutcome::reset_by_server);
  } else {
    if (!waiting->answered) worker.telemetry.answered(*waiting, *packet.service);
    waiting->answered = true;
  }
}

// A reply is restored whether or not its flow is known (its source names the service), so it never selects.
void settle_reply(Burst& burst, unsigned i, WorkerState& worker, const Now& now) {
  const Packet& packet = burst.packet[i];
  const FlowTable::Entry entry = worker.flows.find(packet.key());
  if (entry && is_fresh(*packet.service, entry, now)) advance_flow(burst, i, entry, worker, now);
  if (!entry && (packet.view.tcp_flags & (tcp_flag::kSyn | tcp_flag::kRst)) != 0)
    note_answer(burst, i, worker);
}

// By all the rules. (The entry in two parts: as one, gcc would put it together for every packet.)
[[gnu::noinline]] void settle_any(Burst& burst, unsigned i, FlowBucket* bucket, uint32_t slot,
                                  WorkerState& worker, const Now& now) {
  const FlowTable::Entry entry{bucket, slot};
  const Service& service = *burst.packet[i].service;
  if (!is_fresh(service, entry, now) || !decides(service, entry)) {
    burst.selecting |= bit_of(i);
    return;
  }
  if ((burst.packet[i].view.tcp_flags & tcp_flag::kSyn) != 0) burst.known_syns |= bit_of(i);
  burst.decide(i, FlowTable::backend(entry));
  advance_flow(burst, i, entry, worker, now);
}

// gcc computes with 16 bits what it knows to have 16, and pays for it with an instruction each time.
inline uint32_t widened(uint16_t value) {
  uint32_t wide = value;
  asm("" : "+r"(wide));
  return wide;
}

// Nearly every packet: one on which nothing happens, of a flow on which nothing happened, to a backend that
// takes part. False: it is another one.
inline bool settle_plain(Packet& packet, FlowTable::Entry entry, uint32_t now_second) {
  const Service& service = *packet.service;
  const uint32_t backend = widened(FlowTable::backend(entry).raw);
  const PoolView& pool = service.pools[backend / kBackendNumbers];
  const uint32_t number = backend % kBackendNumbers;
  if ((packet.view.tcp_flags & kEventful) != 0 || number >= pool.count || pool.accept[number] == 0 ||
      !FlowTable::refresh(entry, service.plain_state, service.plain_timeout_s, now_second)) [[unlikely]]
    return false;
  const Destination* const destination = pool.destinations + number;
  __builtin_prefetch(destination);
  packet.destination = destination;
  packet.pair = pool.pairs + number;
  return true;
}

// Looks into primary buckets. What may stand in an alternate one, which is then on its way.
[[gnu::noinline]] uint64_t settle_primary(Burst& burst, uint64_t packets, WorkerState& worker,
                                          const Now& now) {
  const FlowTable::Finder flows = worker.flows.finder();
  const uint32_t second = now.second;
  uint64_t spilled = 0;
  uint64_t unknown = 0;
  burst.each_of(packets, [&](Packet& packet) {
    const FlowTable::Entry entry = flows.find_primary(packet.key());
    if (entry) [[likely]] {
      if (!settle_plain(packet, entry, second)) [[unlikely]]
        settle_any(burst, burst.index_of(packet), entry.bucket, entry.slot, worker, now);
    } else if (worker.flows.prefetch_spilled(packet.key())) {
      spilled |= bit_of(burst.index_of(packet));
    } else {
      unknown |= bit_of(burst.index_of(packet));
    }
  });
  burst.unknown |= unknown;
  return spilled;
}

void settle_spilled(Burst& burst, uint64_t packets, WorkerState& worker, const Now& now) {
  for (const unsigned i : bits_of(packets)) {
    Packet& packet = burst.packet[i];
    const FlowTable::Entry entry = worker.flows.find_alternate(packet.key());
    if (!entry) {
      burst.unknown |= bit_of(i);
    } else if (!settle_plain(packet, entry, now.second)) {
      settle_any(burst, i, entry.bucket, entry.slot, worker, now);
    }
  }
}

}  // namespace

void lookup(Burst& burst, WorkerState& worker, const Now& now) {
  const uint64_t replies = burst.live & burst.replies;
  const uint64_t asked = burst.live & ~replies;
  const uint64_t spilled = settle_primary(burst, asked, worker, now);
  settle_spilled(burst, spilled, worker, now);
  burst.selecting |= burst.unknown;
  for (const unsigned i : bits_of(replies))
    settle_reply(burst, i, worker, now);
  worker.counters.lookup_hit.add(static_cast<uint64_t>(std::popcount(asked & ~burst.selecting)));
}

}  // namespace shunt
