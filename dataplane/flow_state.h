// What lookup and select share: when an entry decides alone, and how a packet moves an entry's state.
#pragma once

#include "common/clock.h"
#include "dataplane/burst.h"
#include "dataplane/worker_state.h"

namespace shunt {

inline ProbationHalf half_of(uint8_t protocol) {
  return protocol == kProtocolTcp ? ProbationHalf::tcp : ProbationHalf::udp;
}

// Not idle for longer than its service allows. (Whether its backend is still somebody, `decides` asks.)
inline bool is_fresh(const Service& service, FlowTable::Entry entry, const Now& now) {
  return FlowTable::idle_seconds(entry, now.second) <=
         service.timeout_s[static_cast<size_t>(FlowTable::state(entry))];
}

// A live entry decides alone unless its connection is closing or its backend takes no new flows: then a newer
// opening in probation goes first.
inline bool decides(const Service& service, FlowTable::Entry entry) {
  const BackendRef backend = FlowTable::backend(entry);
  return !is_closing(FlowTable::state(entry)) && service.accept(backend) != 0 &&
         service.destination(backend).present;
}

// What a packet with which a flow ends says of its end.
inline FlowOutcome outcome_of(TcpState after, bool is_reply) {
  if (after != TcpState::reset) return FlowOutcome::closed;
  return is_reply ? FlowOutcome::reset_by_server : FlowOutcome::reset_by_client;
}

// A packet on which something may happen, or of a flow on which something has.
void advance_eventful(const Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker,
                      const Now& now);

// Refreshes the entry and moves its TCP state; a flow stops being active at its first FIN or RST, and is
// active again if the connection turns out to go on.
inline void advance_flow(const Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker,
                         const Now& now) {
  constexpr uint8_t kEventful = tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst;
  const Packet& packet = burst.packet[i];
  const TcpState plain = packet.service->plain_state;
  if ((packet.view.tcp_flags & kEventful) == 0 && FlowTable::state(entry) == plain) [[likely]]
    return FlowTable::touch(entry, plain, now.second);
  advance_eventful(burst, i, entry, worker, now);
}

}  // namespace shunt
