#include "dataplane/capture.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace shunt {
namespace {

CaptureKind kind_of(const Burst& burst, unsigned i) {
  if ((burst.live & bit_of(i)) != 0) return CaptureKind::after;
  switch (burst.fate[i]) {
    case Fate::punt:
    case Fate::punt_urgent:
      return CaptureKind::punted;
    case Fate::answer:
      return CaptureKind::answered;
    case Fate::cut:
      return CaptureKind::cut;
    case Fate::drop:
    case Fate::hold:
    case Fate::hand_over:
      break;
  }
  return CaptureKind::dropped;
}

// Another worker, or this one later, tells of it.
bool goes_on_elsewhere(const Burst& burst, unsigned i) {
  return (burst.live & bit_of(i)) == 0 && (burst.fate[i] == Fate::hand_over || burst.fate[i] == Fate::hold);
}

uint8_t way_out(const Burst& burst, unsigned i) {
  for (const unsigned port : bits_of(burst.ways_out)) {
    if ((burst.leaving[port] & bit_of(i)) != 0) return static_cast<uint8_t>(port);
  }
  return burst.port;
}

// Behind Ethernet and VLAN tags.
unsigned l3_offset(const uint8_t* frame, uint32_t bytes) {
  unsigned offset = kEtherHeaderBytes;
  while (offset < kLargestL2Bytes && bytes >= offset + kVlanTagBytes) {
    const uint16_t type = load<be16>(frame + offset - 2).host();
    if (type != kEtherTypeVlan && type != kEtherTypeQinQ) break;
    offset += kVlanTagBytes;
  }
  return offset;
}

// By the row that counts it: that of one of the service's pools.
bool find_backend(const Packet& packet, BackendRef& backend) {
  if (packet.destination == nullptr) return false;
  for (unsigned position = 0; position < kPoolPositions; ++position) {
    const PoolView& pool = packet.service->pools[position];
    if (packet.pair - pool.pairs >= pool.count) continue;
    backend = BackendRef::of(position, packet.pair - pool.pairs);
    return true;
  }
  return false;
}

}  // namespace

CaptureTap::CaptureTap(CaptureFilter filter) : filter_(std::move(filter)) {
  filter_.snap_bytes = std::clamp<uint32_t>(filter_.snap_bytes, kLargestL2Bytes, kLongestSnap);
  storage_.resize(kBurstSize * size_t{filter_.snap_bytes});
  record_.resize(sizeof(CaptureRecord) + filter_.snap_bytes);
}

void CaptureTap::before(Burst& burst, const Now& now) {
  now_ = now;
  count_ = burst.count;
  for (unsigned i = 0; i < count_; ++i) {
    Packet& packet = burst.packet[i];
    // What stages that it doesn't reach would leave there is an earlier packet's.
    packet.service = nullptr;
    packet.destination = nullptr;
    packet.view = PacketView{};
    lengths_[i] = {packet.bytes, std::min(packet.bytes, filter_.snap_bytes)};
    std::memcpy(kept(i), packet.data, lengths_[i].bytes);
  }
}

CaptureRecord CaptureTap::describe(const Burst& burst, unsigned i) const {
  const Packet& packet = burst.packet[i];
  const PacketView& view = packet.view;
  CaptureRecord record;
  record.ns = now_.ns;
  record.wire_bytes = lengths_[i].wire_bytes;
  record.kind = kind_of(burst, i);
  record.port = burst.port;
  record.reason = burst.reason[i];
  record.is_reply = burst.is_reply(i);
  // A service's drops that classify decided have no service with them.
  if (packet.service != nullptr) {
    record.service = packet.service->id;
    record.has_backend = record.is_reply || find_backend(packet, record.backend);
    if (record.is_reply) record.backend = burst.backend[i];
  }
  // The frame as it came in, with its tags.
  const uint8_t* const frame = storage_.data() + i * size_t{filter_.snap_bytes};
  const unsigned l3 = l3_offset(frame, lengths_[i].bytes);
  if (!view.is_ip() || lengths_[i].bytes < l3 + ip_header_bytes(view.l3)) return record;
  const uint8_t* const ip = frame + l3;
  const bool v4 = view.l3 == L3::ipv4;
  const uint8_t* const address = record.is_reply ? ip + (v4 ? 16 : 24) : ip + (v4 ? 12 : 8);
  record.has_flow = true;
  record.client = v4 ? IpAddress::v4(load<be32>(address)) : IpAddress::v6(address);
  const unsigned l4 = l3 + view.l4_offset - view.l3_offset;
  if (view.l4_offset != 0 && lengths_[i].bytes >= l4 + 4)
    record.client_port = load<be16>(frame + l4 + (record.is_reply ? 2 : 0)).host();
  return record;
}

bool CaptureTap::wants(const Burst& burst, unsigned i, const CaptureRecord& record) const {
  if (goes_on_elsewhere(burst, i)) return false;
  if (filter_.reasons != 0) {
    const bool refused = record.kind == CaptureKind::dropped || record.kind == CaptureKind::answered;
    if (!refused || (filter_.reasons >> static_cast<unsigned>(record.reason) & 1U) == 0) return false;
  }
  if (filter_.service != 0 && record.service != filter_.service) return false;
  if (filter_.by_client && !(record.has_flow && filter_.client.contains(record.client))) return false;
  if (!filter_.by_backend) return true;
  return record.has_backend && std::ranges::any_of(filter_.backends, [&](const CaptureFilter::Pair& pair) {
           return pair.service == record.service && pair.backend == record.backend;
         });
}

void CaptureTap::push(const CaptureRecord& record, const uint8_t* bytes, uint32_t count) {
  std::memcpy(record_.data(), &record, sizeof record);
  std::memcpy(record_.data() + sizeof record, bytes, count);
  if (!ring_.push(0, 0, {record_.data(), sizeof record + count})) missed_.add(1);
}

void CaptureTap::after(const Burst& burst) {
  for (unsigned i = 0; i < count_; ++i) {
    CaptureRecord record = describe(burst, i);
    if (!wants(burst, i, record)) continue;
    record.number = next_number_++;
    const CaptureKind end = record.kind;
    if (end == CaptureKind::after) record.kind = CaptureKind::before;
    push(record, kept(i), lengths_[i].bytes);
    if (end != CaptureKind::after) continue;
    const Packet& packet = burst.packet[i];
    record.kind = end;
    record.port = way_out(burst, i);
    record.wire_bytes = packet.bytes;
    push(record, packet.data, std::min(packet.bytes, filter_.snap_bytes));
  }
}

}  // namespace shunt
