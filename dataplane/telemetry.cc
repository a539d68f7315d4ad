#include "dataplane/telemetry.h"

#include <cstring>

#include "common/keyed_hash.h"

namespace shunt {
namespace {

// As in FlowRecord.
void store_client(uint8_t* to, L3 l3, const uint8_t* address) {
  if (l3 == L3::ipv4) {
    store(to, uint64_t{0});
    store(to + 8, be32(0xffffU));
    std::memcpy(to + 12, address, 4);
  } else {
    std::memcpy(to, address, 16);
  }
}

struct Client {
  uint8_t address[16];
  be16 port;
};

Client client_of(const Packet& packet, bool is_reply) {
  const PacketView& view = packet.view;
  Client client;
  store_client(client.address, view.l3,
               is_reply ? view.destination_bytes(packet.data) : view.source_bytes(packet.data));
  client.port = is_reply ? view.dport(packet.data) : view.sport(packet.data);
  return client;
}

bool is_mapped_v4(const uint8_t* client) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(client, kMapped, sizeof kMapped) == 0;
}

void set_client(FlowRecord& record, const uint8_t* client, uint16_t port) {
  std::memcpy(record.client.data(), client, record.client.size());
  record.client_port = port;
  if (!is_mapped_v4(client)) record.flags |= kFlowIpv6;
}

uint8_t after(uint8_t attempts) {
  return static_cast<uint8_t>(std::min(attempts + 1, 255));
}

// True: data that was sent before. A keepalive's one byte, which was, is none (RFC 9293 3.8.4).
bool note_data(SentData& sent, uint32_t sequence, uint16_t bytes) {
  const uint32_t end = sequence + bytes;
  const auto behind = static_cast<int32_t>(end - sent.next_sequence);
  if (!sent.known || behind > 0) {
    const bool again = sent.known && static_cast<int32_t>(sequence - sent.next_sequence) < 0;
    sent = {end, true};
    return again;
  }
  return bytes > 1 || behind < 0;
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
  outcomes(service.pair(backend)).outcomes[static_cast<size_t>(outcome)].add(1);
}

[[gnu::noinline]] uint8_t Telemetry::attempt_of(const uint8_t* client, uint16_t service, uint32_t pair) {
  const auto failure = memory_.failures->find(who(client), service, now_.millisecond);
  if (!failure) return 1;
  outcomes(pair).reconnects.add(1);
  memory_.services[service].reconnect_gaps_ms.add(failure->ago_ms);
  return after(failure->attempts);
}

void Telemetry::note_opening(const ProbationEntry& entry, const Packet& packet, uint32_t pair) {
  OpeningNote& note = notes_.of(entry);
  store_client(note.client, packet.view.l3, packet.view.source_bytes(packet.data));
  note.client_port = packet.view.sport(packet.data).host();
  note.connect_us = 0;
  note.set_opened(now_us_);
  note.set_last_syn(now_.millisecond);
  note.attempt = 1;
  if (memory_.failures->any_recent(now_.millisecond)) [[unlikely]]
    note.attempt = attempt_of(note.client, packet.service->id, pair);
}

void Telemetry::syn_again(ProbationEntry& entry, const Packet& packet, uint32_t sequence) {
  if (!is_on()) return;
  OpeningNote& note = notes_.of(entry);
  const Service& service = *packet.service;
  const uint32_t pair = service.pair(entry.backend);
  if (sequence == entry.sequence) {
    outcomes(pair).syn_retransmits.add(1);
    memory_.services[service.id].syn_gaps_ms.add(note.since_last_syn_ms(now_.millisecond));
    note.set_last_syn(now_.millisecond);
  } else {
    // Another connection from the same port: nothing came of the one before.
    failed(entry, service, FlowOutcome::syn_timeout);
    entry.failed = false;
    note_opening(entry, packet, pair);
  }
}

void Telemetry::answered(const ProbationEntry& entry, const Service& service) {
  if (!is_on() || entry.kind != ProbationKind::syn) return;
  OpeningNote& note = notes_.of(entry);
  note.connect_us = saturated32(note.since_opened_us(now_us_));
  latency(service, service.pair(entry.backend)).connect_us.add(note.connect_us);
}

void Telemetry::promoted(const ProbationEntry& entry, const Service& service) {
  if (!is_on() || entry.kind != ProbationKind::syn) return;
  const OpeningNote& note = notes_.of(entry);
  const uint32_t pair = service.pair(entry.backend);
  if (service.forward != Forward::nat)
    latency(service, pair).connect_us.add_clamped(note.since_opened_us(now_us_));
  if (entry.failed) outcomes(pair).revived.add(1);
  if (note.attempt == 1) return;
  end_chain(service.id, static_cast<uint8_t>(note.attempt));
  memory_.failures->forget(who(note.client), service.id);
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
  const Client client = client_of(packet, false);
  const uint16_t service = packet.service->id;
  memory_.services[service].no_backend.add(1);
  const auto failure = memory_.failures->find(who(client.address), service, now_.millisecond);
  const uint8_t attempt = failure ? after(failure->attempts) : uint8_t{1};
  note_failure(client.address, service, attempt);
  write_known(packet, false, BackendRef{}, FlowOutcome::no_backend, attempt);
}

void Telemetry::write_opening(const ProbationEntry& entry, const Service& service, FlowOutcome outcome) {
  const OpeningNote& note = notes_.of(entry);
  if (is_failure(outcome)) note_failure(note.client, service.id, static_cast<uint8_t>(note.attempt));
  if (memory_.records == nullptr) return;
  FlowRecord record;
  record.ended_us = wall_us();
  set_client(record, note.client, static_cast<uint16_t>(note.client_port));
  record.connect_us = note.connect_us;
  record.duration_ms = saturated32(note.since_opened_us(now_us_) / 1'000);
  record.packets = 1U + entry.retransmissions;
  record.service = service.id;
  record.backend = entry.backend.raw;
  record.outcome = static_cast<uint8_t>(outcome);
  record.syn_retransmits = entry.retransmissions;
  record.attempt = static_cast<uint8_t>(note.attempt);
  memory_.records->push(record);
}

bool Telemetry::watch(const ProbationEntry& from, const Packet& packet) {
  const Service& service = *packet.service;
  PairOutcomes& row = outcomes(service.pair(from.backend));
  WatchedFlow* const flow = watched_.add(packet.key_value);
  (flow != nullptr ? row.watched : row.unwatched).add(1);
  if (flow == nullptr) return false;
  const Client client = client_of(packet, false);
  std::memcpy(flow->client, client.address, sizeof flow->client);
  flow->client_port = client.port;
  flow->backend = from.backend;
  flow->is_udp = packet.view.protocol == kProtocolUdp;
  flow->opened_us = now_us_ - uint64_t{now_.millisecond - from.opened_ms} * 1'000;
  flow->packets = 1;  // what opened it; its length isn't known any more
  if (from.kind == ProbationKind::syn) {
    const OpeningNote& note = notes_.of(from);
    flow->opened_us = now_us_ - note.since_opened_us(now_us_);
    flow->attempt = static_cast<uint8_t>(note.attempt);
    flow->syn_retransmits = from.retransmissions;
    flow->packets += from.retransmissions;
    const bool answers_pass = service.forward == Forward::nat;
    flow->connect_us = answers_pass ? note.connect_us : saturated32(note.since_opened_us(now_us_));
    flow->client_data = {from.sequence + 1, true};
  }
  return true;
}

void Telemetry::seen(const Packet& packet, bool is_reply) {
  WatchedFlow* const flow = watched_.find(packet.key_value);
  if (flow == nullptr) return;
  const PacketView& view = packet.view;
  const Service& service = *packet.service;
  const uint32_t pair = service.pair(flow->backend);
  (is_reply ? flow->reply_packets : flow->packets) += 1;
  (is_reply ? flow->reply_bytes : flow->bytes) += packet.bytes;
  const bool sees_replies = service.forward == Forward::nat;
  if (!sees_replies) {
    InBandPauses& pauses = memory_.pauses[latency_row(service, pair)];
    if (const auto response = pauses.packet(flow->in_band, now_us_))
      latency(service, pair).response_us.add_clamped(*response);
  }
  if (view.payload_bytes == 0) return;
  if (!flow->is_udp) {
    SentData& sent = is_reply ? flow->backend_data : flow->client_data;
    if (note_data(sent, view.tcp_sequence(packet.data), view.payload_bytes))
      outcomes(pair).data_retransmits.add(1);
  }
  if (!is_reply) {
    if (flow->asked_us == 0) flow->asked_us = now_us_;
  } else if (flow->asked_us != 0) {
    const uint32_t waited = saturated32(now_us_ - flow->asked_us);
    latency(service, pair).response_us.add(waited);
    if (flow->first_byte_us == 0) flow->first_byte_us = std::max(waited, 1U);
    flow->asked_us = 0;
  }
}

void Telemetry::ended(const Packet& packet, bool is_reply, BackendRef backend, FlowOutcome outcome,
                      bool is_watched) {
  if (!is_on()) return;
  const Service& service = *packet.service;
  count(service, backend, outcome);
  if (!is_failure(outcome)) return;
  note_failure(client_of(packet, is_reply).address, service.id, 1);
  if (!is_watched) write_known(packet, is_reply, backend, outcome, 0);
}

void Telemetry::revived(const Packet& packet, BackendRef backend) {
  if (is_on()) outcomes(packet.service->pair(backend)).revived.add(1);
}

void Telemetry::unwatch(uint64_t value, BackendRef backend, const Service* service, FlowOutcome outcome) {
  WatchedFlow* const flow = watched_.find(value);
  if (flow == nullptr) return;
  if (service != nullptr) write(*flow, *service, backend, outcome);
  watched_.remove(value);
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
  const Client client = client_of(packet, is_reply);
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

void Telemetry::write(const WatchedFlow& flow, const Service& service, BackendRef backend,
                      FlowOutcome outcome) {
  const uint64_t duration_ms = (now_us_ - flow.opened_us) / 1'000;
  latency(service, service.pair(backend)).duration_ms.add_clamped(duration_ms);
  if (memory_.records == nullptr) return;
  FlowRecord record;
  record.ended_us = wall_us();
  record.flags = kFlowSampled;
  set_client(record, flow.client, flow.client_port.host());
  record.connect_us = flow.connect_us;
  record.first_byte_us = flow.first_byte_us;
  record.duration_ms = saturated32(duration_ms);
  record.packets = saturated32(flow.packets);
  record.reply_packets = saturated32(flow.reply_packets);
  record.bytes.set(flow.bytes);
  record.reply_bytes.set(flow.reply_bytes);
  record.service = service.id;
  record.backend = backend.raw;
  record.outcome = static_cast<uint8_t>(outcome);
  if (flow.is_udp) record.flags |= kFlowUdp;
  if (service.forward != Forward::nat) record.flags |= kFlowConnectAck;
  record.syn_retransmits = flow.syn_retransmits;
  record.attempt = flow.attempt;
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

}  // namespace shunt
