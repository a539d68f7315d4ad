#include "dataplane/telemetry.h"

#include <cstring>

#include "common/keyed_hash.h"
#include "dataplane/flow_client.h"

namespace shunt {
namespace {

uint8_t after(uint8_t attempts) {
  return static_cast<uint8_t>(std::min(attempts + 1, 255));
}

}  // namespace

uint64_t Telemetry::who(const uint8_t* client) const {
  return keyed_hash(key_, load<uint64_t>(client), load<uint64_t>(client + 8)).low;
}

void Telemetry::end_chain(uint16_t service, uint8_t attempts) {
  const size_t place = std::min<size_t>(attempts, kChainLengths) - 1;
  memory_.services[service].chains[place].add(1);
}

void Telemetry::note_failure(const uint8_t* client, uint16_t service, uint8_t attempt) {
  memory_.failures->note(who(client), service, attempt, now_.millisecond);
}

void Telemetry::count(const Service& service, BackendRef backend, FlowOutcome outcome) {
  count_late(outcomes(service.pair(backend)).outcomes[static_cast<size_t>(outcome)]);
}

uint8_t Telemetry::attempt_of(const uint8_t* client, uint16_t service, uint32_t pair) {
  if (!memory_.failures->any_recent(now_.millisecond)) return 1;
  const auto failure = memory_.failures->find(who(client), service, now_.millisecond);
  if (!failure) return 1;
  outcomes(pair).reconnects.add(1);
  memory_.services[service].reconnect_gaps_ms.add(failure->ago_ms);
  return after(failure->attempts);
}

void Telemetry::note_opening(const ProbationEntry& entry, const Packet& packet, uint32_t pair) {
  if (!packet.service->exact_key || memory_.failures->any_recent(now_.millisecond)) [[unlikely]]
    return note_opening_long(entry, packet, pair);
  OpeningNotes::begin(entry, instant_, 1);
}

// Its client may have failed before, or isn't named by the key.
[[gnu::noinline]] void Telemetry::note_opening_long(const ProbationEntry& entry, const Packet& packet,
                                                    uint32_t pair) {
  const FlowClient client = FlowClient::of(packet, false);
  const uint8_t attempt = attempt_of(client.address, packet.service->id, pair);
  if (packet.service->exact_key && OpeningNotes::fits(attempt)) {
    OpeningNotes::begin(entry, instant_, attempt);
  } else {
    notes_.begin_aside(entry, client, instant_, attempt);
  }
}

void Telemetry::syn_again(ProbationEntry& entry, const Packet& packet, uint32_t sequence) {
  if (!is_on()) return;
  const Service& service = *packet.service;
  const uint32_t pair = service.pair(entry.backend);
  if (sequence == entry.sequence) {
    outcomes(pair).syn_retransmits.add(1);
    memory_.services[service.id].syn_gaps_ms.add(notes_.syn_again(entry, instant_));
    return;
  }
  // Another connection from the same port: nothing came of the one before.
  failed(entry, service, FlowOutcome::syn_timeout);
  entry.failed = false;
  entry.connect_us = 0;
  const FlowClient client = FlowClient::of(packet, false);
  notes_.begin_aside(entry, client, instant_, attempt_of(client.address, service.id, pair));
}

void Telemetry::answered(ProbationEntry& entry, const Service& service) {
  if (!is_on() || entry.kind != ProbationKind::syn) return;
  constexpr uint64_t kLongest = (1U << 28U) - 1;
  const uint64_t connect_us = notes_.of(entry, instant_).since_us;
  entry.connect_us = static_cast<uint32_t>(std::min(connect_us, kLongest)) & kLongest;
  add_late(latency(service, service.pair(entry.backend)).connect_us, saturated32(connect_us));
}

void Telemetry::promoted(const ProbationEntry& entry, const Service& service) {
  if (!is_on() || entry.kind != ProbationKind::syn) return;
  const OpeningNotes::Opening opening = notes_.of(entry, instant_);
  const uint32_t pair = service.pair(entry.backend);
  if (service.forward != Forward::nat)
    add_late(latency(service, pair).connect_us, saturated32(opening.since_us));
  if (entry.failed) [[unlikely]]
    outcomes(pair).revived.add(1);
  if (opening.attempt == 1) [[likely]]
    return;
  end_chain(service.id, opening.attempt);
  memory_.failures->forget(who(notes_.client(entry).address), service.id);
}

void Telemetry::failed(ProbationEntry& entry, const Service& service, FlowOutcome outcome) {
  if (!is_on() || entry.failed || entry.kind != ProbationKind::syn) return;
  entry.failed = true;
  count(service, entry.backend, outcome);
  write_opening(entry, service, outcome);
}

void Telemetry::expired(const ProbationEntry& entry, const Service& service) {
  if (!is_on() || entry.failed) return;
  if (entry.kind == ProbationKind::syn) {
    count(service, entry.backend, FlowOutcome::syn_timeout);
    write_opening(entry, service, FlowOutcome::syn_timeout);
  } else if (entry.kind == ProbationKind::udp) {
    count(service, entry.backend, FlowOutcome::closed);
  }
}

void Telemetry::refused(const Packet& packet) {
  if (!is_on()) return;
  const FlowClient client = FlowClient::of(packet, false);
  const uint16_t service = packet.service->id;
  memory_.services[service].no_backend.add(1);
  const auto failure = memory_.failures->find(who(client.address), service, now_.millisecond);
  const uint8_t attempt = failure ? after(failure->attempts) : uint8_t{1};
  note_failure(client.address, service, attempt);
  write_known(packet, false, BackendRef{}, FlowOutcome::no_backend, attempt);
}

void Telemetry::write_opening(const ProbationEntry& entry, const Service& service, FlowOutcome outcome) {
  const FlowClient client = notes_.client(entry);
  const auto [since_us, attempt] = notes_.of(entry, instant_);
  if (is_failure(outcome)) note_failure(client.address, service.id, attempt);
  if (memory_.records == nullptr) return;
  FlowRecord record;
  record.ended_us = wall_us();
  set_client(record, client.address, client.port.host());
  record.connect_us = entry.connect_us;
  record.duration_ms = saturated32(since_us / 1'000);
  record.packets = 1U + entry.retransmissions;
  record.service = service.id;
  record.backend = entry.backend.raw;
  record.outcome = static_cast<uint8_t>(outcome);
  record.syn_retransmits = entry.retransmissions;
  record.attempt = attempt;
  memory_.records->push(record);
}

void Telemetry::ended(const Packet& packet, bool is_reply, BackendRef backend, FlowOutcome outcome,
                      bool is_watched) {
  if (!is_on()) return;
  const Service& service = *packet.service;
  count(service, backend, outcome);
  if (!is_failure(outcome)) return;
  note_failure(FlowClient::of(packet, is_reply).address, service.id, 1);
  if (!is_watched) write_known(packet, is_reply, backend, outcome, 0);
}

void Telemetry::revived(const Packet& packet, BackendRef backend) {
  if (is_on()) outcomes(packet.service->pair(backend)).revived.add(1);
}

void Telemetry::left_table(uint64_t value, BackendRef backend, const Service* service, TcpState state,
                           EndReason why) {
  if (!is_on()) return;
  const bool is_told = is_closing(state) || state == TcpState::revived;
  const bool fell_silent = !is_told && service != nullptr && why == EndReason::expired;
  const FlowOutcome outcome =
      fell_silent && service->protocol == Protocol::tcp ? FlowOutcome::idle_timeout : FlowOutcome::closed;
  if (is_told || state == TcpState::watched) unwatch(value, backend, service, outcome);
  if (fell_silent) count(*service, backend, outcome);
}

// What one packet tells.
void Telemetry::write_known(const Packet& packet, bool is_reply, BackendRef backend, FlowOutcome outcome,
                            uint8_t attempt) {
  if (memory_.records == nullptr) return;
  const FlowClient client = FlowClient::of(packet, is_reply);
  FlowRecord record;
  record.ended_us = wall_us();
  set_client(record, client.address, client.port.host());
  record.service = packet.service->id;
  record.backend = backend.raw;
  record.outcome = static_cast<uint8_t>(outcome);
  if (packet.view.protocol == kProtocolUdp) record.flags |= kFlowUdp;
  record.attempt = attempt;
  memory_.records->push(record);
}

void Telemetry::zero_row(uint32_t pair) {
  if (!is_on()) return;
  PairOutcomes& row = memory_.pairs[pair];
  for (Counter& counter : row.outcomes)
    counter.set(0);
  for (Counter* counter : {&row.revived, &row.syn_retransmits, &row.reconnects, &row.data_retransmits,
                           &row.watched, &row.unwatched})
    counter->set(0);
  if (pair >= kLatencyPairs) return;
  PairLatency& times = memory_.latency[pair];
  for (Histogram* histogram : {&times.connect_us, &times.response_us, &times.duration_ms}) {
    if (histogram->count() != 0) histogram->clear();
  }
}

void Telemetry::zero_service(uint16_t id) {
  if (!is_on()) return;
  ServiceRetries& row = memory_.services[id];
  row.no_backend.set(0);
  row.shed.set(0);
  for (Counter& chains : row.chains)
    chains.set(0);
  PairLatency& times = memory_.latency[kLatencyPairs + id];
  for (Histogram* histogram : {&row.syn_gaps_ms, &row.reconnect_gaps_ms, &times.connect_us,
                               &times.response_us, &times.duration_ms}) {
    if (histogram->count() != 0) histogram->clear();
  }
}

}  // namespace shunt
