// Telemetry's part for watched flows: packet by packet, and their record at the end. And what of telemetry
// waits for its memory: a packet is noted where lookup meets it, which asks for the keys of the flow's set;
// find_seen() asks for the flow; settle() reads and writes.
#include <cstring>

#include "dataplane/flow_client.h"
#include "dataplane/telemetry.h"

namespace shunt {

bool Telemetry::watch(const ProbationEntry& from, const Packet& packet) {
  if (seen_count_ != 0) settle_all();  // packets of a flow that had the same key
  const Service& service = *packet.service;
  PairOutcomes& row = outcomes(service.pair(from.backend));
  WatchedFlow* const flow = watched_.add(packet.key_value);
  (flow != nullptr ? row.watched : row.unwatched).add(1);
  if (flow == nullptr) return false;
  const FlowClient client = FlowClient::of(packet, false);
  std::memcpy(flow->client, client.address, sizeof flow->client);
  flow->client_port = client.port;
  flow->backend = from.backend;
  flow->is_udp = packet.view.protocol == kProtocolUdp;
  flow->sees_replies = service.forward == Forward::nat;
  if (!flow->sees_replies) flow->in_band = {};
  flow->opened_us = now_us_ - uint64_t{now_.millisecond - from.opened_ms} * 1'000;
  flow->packets = 1;  // what opened it; its length isn't known any more
  if (from.kind == ProbationKind::syn) {
    const OpeningNotes::Opening opening = notes_.of(from, instant_);
    flow->opened_us = now_us_ - opening.since_us;
    flow->attempt = opening.attempt;
    flow->syn_retransmits = from.retransmissions;
    flow->packets += from.retransmissions;
    flow->connect_us = flow->sees_replies ? uint32_t{from.connect_us} : saturated32(opening.since_us);
    flow->next_sequence = from.sequence + 1;
    flow->knows_sequence = true;
  }
  return true;
}

void Telemetry::seen(const Packet& packet, bool is_reply) {
  if (seen_count_ == kLate) [[unlikely]]
    settle_all();
  const PacketView& view = packet.view;
  watched_.prefetch(packet.key_value);
  seen_[seen_count_++] = {
      packet.key_value, packet.service,
      nullptr,          view.protocol == kProtocolTcp ? view.tcp_sequence(packet.data) : 0,
      packet.bytes,     view.payload_bytes,
      is_reply};
}

void Telemetry::find_all_seen() {
  for (; found_ < seen_count_; ++found_) {
    SeenPacket& seen = seen_[found_];
    seen.flow = watched_.find(seen.key_value);
    if (seen.flow == nullptr) continue;
    __builtin_prefetch(seen.flow, 1);
    if (seen.service->forward == Forward::nat) continue;
    __builtin_prefetch(&seen.flow->client, 1);  // its second line
    const InBandPauses& pauses =
        memory_.pauses[latency_row(*seen.service, seen.service->pair(seen.flow->backend))];
    __builtin_prefetch(&pauses, 1);
  }
}

void Telemetry::settle_all() {
  find_all_seen();
  for (uint32_t i = 0; i < seen_count_; ++i) {
    if (seen_[i].flow != nullptr) take(seen_[i]);
  }
  seen_count_ = 0;
  found_ = 0;
  add_all_late();
}

void Telemetry::add_all_late() {
  for (uint32_t i = 0; i < late_count_; ++i)
    late_[i].histogram->add(late_[i].value);
  late_count_ = 0;
  for (uint32_t i = 0; i < late_counts_; ++i)
    late_counters_[i]->add(1);
  late_counts_ = 0;
}

void Telemetry::take(const SeenPacket& seen) {
  WatchedFlow& flow = *seen.flow;
  const uint32_t pair = seen.service->pair(flow.backend);
  PairLatency& times = latency(*seen.service, pair);
  uint32_t& packets = seen.is_reply ? flow.reply_packets : flow.packets;
  packets = saturated32(uint64_t{packets} + 1);
  (seen.is_reply ? flow.reply_bytes : flow.bytes) += seen.bytes;
  if (!flow.sees_replies) {
    InBandPauses& pauses = memory_.pauses[latency_row(*seen.service, pair)];
    if (const auto response = pauses.packet(flow.in_band, now_us_)) add_late(times.response_us, *response);
  }
  if (seen.payload_bytes == 0) return;
  if (!flow.is_udp && note_data(seen)) outcomes(pair).data_retransmits.add(1);
  if (flow.sees_replies) take_answer(seen, times);
}

// How long the client's data waits for the backend's.
void Telemetry::take_answer(const SeenPacket& seen, PairLatency& times) {
  WatchedFlow& flow = *seen.flow;
  const auto now = static_cast<uint32_t>(now_us_);
  if (!seen.is_reply) {
    if (!flow.has_asked) flow.replies.asked_us = now;
    flow.has_asked = true;
  } else if (flow.has_asked) {
    const uint32_t waited = now - flow.replies.asked_us;
    add_late(times.response_us, waited);
    if (flow.replies.first_byte_us == 0) flow.replies.first_byte_us = std::max(waited, 1U);
    flow.has_asked = false;
  }
}

// True: data that was sent before. A keepalive's one byte, which was, is none (RFC 9293 3.8.4).
bool Telemetry::note_data(const SeenPacket& seen) {
  WatchedFlow& flow = *seen.flow;
  if (seen.is_reply && !flow.sees_replies) return false;
  const bool is_known = seen.is_reply ? flow.knows_reply_sequence : flow.knows_sequence;
  uint32_t& next = seen.is_reply ? flow.replies.next_sequence : flow.next_sequence;
  const uint32_t end = seen.sequence + seen.payload_bytes;
  const auto behind = static_cast<int32_t>(end - next);
  if (is_known && behind <= 0) return seen.payload_bytes > 1 || behind < 0;
  const bool again = is_known && static_cast<int32_t>(seen.sequence - next) < 0;
  next = end;
  if (seen.is_reply) {
    flow.knows_reply_sequence = true;
  } else {
    flow.knows_sequence = true;
  }
  return again;
}

void Telemetry::unwatch(uint64_t value, BackendRef backend, const Service* service, FlowOutcome outcome) {
  if (seen_count_ != 0) settle_all();
  WatchedFlow* const flow = watched_.find(value);
  if (flow == nullptr) return;
  if (service != nullptr) write(*flow, *service, backend, outcome);
  watched_.remove(value);
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
  if (flow.sees_replies) record.first_byte_us = flow.replies.first_byte_us;
  record.duration_ms = saturated32(duration_ms);
  record.packets = flow.packets;
  record.reply_packets = flow.reply_packets;
  record.bytes.set(flow.bytes);
  record.reply_bytes.set(flow.reply_bytes);
  record.service = service.id;
  record.backend = backend.raw;
  record.outcome = static_cast<uint8_t>(outcome);
  if (flow.is_udp) record.flags |= kFlowUdp;
  if (!flow.sees_replies) record.flags |= kFlowConnectAck;
  record.syn_retransmits = flow.syn_retransmits;
  record.attempt = flow.attempt;
  memory_.records->push(record);
}

}  // namespace shunt
