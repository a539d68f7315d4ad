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

// Refreshes the entry and moves its TCP state; a flow stops being active at its first FIN or RST, and is
// active again if the connection turns out to go on.
inline void advance_flow(const Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker,
                         const Now& now) {
  const PacketView& view = burst.packet[i].view;
  const TcpState before = FlowTable::state(entry);
  const TcpState after = next_state(before, view.tcp_flags, view.payload_bytes != 0, burst.is_reply(i));
  FlowTable::touch(entry, after, now.second);
  if (is_closing(before) == is_closing(after)) return;
  PairCounters& pair = worker.pairs[burst.packet[i].service->pair(FlowTable::backend(entry))];
  (is_closing(after) ? pair.ended : pair.tracked).add(1);
}

}  // namespace shunt
