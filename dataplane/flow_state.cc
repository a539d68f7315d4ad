#include "dataplane/flow_state.h"

namespace shunt {
namespace {

// No packet that matters follows: of a flow that is watched.
bool is_over(const Service& service, TcpState state) {
  if (service.forward == Forward::nat) return state >= TcpState::closing;
  return is_closing(state);
}

}  // namespace

void advance_eventful(const Burst& burst, unsigned i, FlowTable::Entry entry, WorkerState& worker,
                      const Now& now) {
  const Packet& packet = burst.packet[i];
  const Service& service = *packet.service;
  const PacketView& view = packet.view;
  const bool is_reply = burst.is_reply(i);
  const bool is_watched = FlowTable::flag(entry, FlowTable::Flag::sampled);
  const TcpState known = FlowTable::state(entry);
  const TcpState before = known == TcpState::watched ? service.plain_state : known;
  const TcpState after = next_state(before, view.tcp_flags, view.payload_bytes != 0, is_reply);
  FlowTable::touch(entry, is_watched && after == service.plain_state ? TcpState::watched : after, now.second);
  if (is_watched) worker.telemetry.seen(packet, is_reply);
  const BackendRef backend = FlowTable::backend(entry);
  if (is_closing(before) != is_closing(after)) {
    PairCounters& pair = worker.pairs[service.pair(backend)];
    (is_closing(after) ? pair.ended : pair.tracked).add(1);
    if (!is_closing(after)) {
      worker.telemetry.revived(packet, backend);
    } else if (before != TcpState::revived) {
      worker.telemetry.ended(packet, is_reply, backend, outcome_of(after, is_reply), is_watched);
    }
  }
  if (!is_watched || !is_over(service, after)) return;
  // (A RST ends the watch at once, so what was revived and still is watched had been closed.)
  const bool was_closed = is_closing(before) || before == TcpState::revived;
  const FlowOutcome outcome = was_closed ? FlowOutcome::closed : outcome_of(after, is_reply);
  worker.telemetry.unwatch(packet.key_value, backend, &service, outcome);
  FlowTable::set_sampled(entry, false);
}

}  // namespace shunt
