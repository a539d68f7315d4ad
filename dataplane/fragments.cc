#include "dataplane/fragments.h"

#include <optional>

#include "dataplane/extension_headers.h"

namespace shunt {
namespace {

bool has_ports(uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp;
}

// What a later fragment of IPv6 says comes next may be an extension header, with anything behind it.
bool may_have_ports(const PacketView& view) {
  return has_ports(view.protocol) || (view.l4_offset == 0 && is_extension_header(view.protocol));
}

bool comes_from_nat_host(const Burst& burst, unsigned i, const Snapshot& snapshot) {
  const PacketView& view = burst.packet[i].view;
  const NatHost* host = snapshot.nat_hosts->find(AddressKey::of(view.source(burst.packet[i].data)));
  return host != nullptr && host->port == burst.port;
}

VipTable::Match match_of(const Burst& burst, unsigned i, const Snapshot& snapshot) {
  const PacketView& view = burst.packet[i].view;
  const IpAddress destination = view.destination(burst.packet[i].data);
  return snapshot.vips->find(AddressKey::of(destination), destination.family(), view.protocol, 0);
}

// Why a later fragment can't go on, wherever the first one goes: such a one leaves no trace in the table. (Of
// a VIP that the host shares it may be the kernel's.)
std::optional<DropReason> end_of(const Burst& burst, unsigned i, const Snapshot& snapshot) {
  const VipTable::Match match = match_of(burst, i, snapshot);
  if (!match.is_vip || match.punt_unserved) return {};
  const PacketView& view = burst.packet[i].view;
  const IpAddress source = view.source(burst.packet[i].data);
  if (snapshot.is_own_source(AddressKey::of(source), source.family())) return DropReason::bad_source;
  if (view.hops(burst.packet[i].data) <= 1) return DropReason::ttl;
  return {};
}

BackendRef backend_of(const Service& service, const Destination* destination) {
  for (uint8_t position = 0; position < kPoolPositions; ++position) {
    const PoolView& pool = service.pools[position];
    if (destination < pool.destinations || destination >= pool.destinations + pool.count) continue;
    return BackendRef::of(position, static_cast<uint16_t>(destination - pool.destinations));
  }
  return BackendRef::of(kPoolPositions - 1, kBackendNumbers - 1);  // nobody, as the first one's
}

// Where a first fragment goes, as the stages up to select have decided.
FragmentWay way_of(const Burst& burst, unsigned i) {
  using Kind = FragmentWay::Kind;
  const Packet& packet = burst.packet[i];
  FragmentWay way;
  if ((burst.live & bit_of(i)) != 0) {
    way.service = packet.service->id;
    way.key = packet.key();
    way.kind = burst.is_to_host(i) ? Kind::to_host : burst.is_reply(i) ? Kind::to_client : Kind::to_backend;
    way.backend = burst.is_reply(i) ? burst.backend[i] : backend_of(*packet.service, packet.destination);
    return way;
  }
  switch (burst.fate[i]) {
    case Fate::hand_over:
      way.kind = Kind::hand_over;
      way.owner = burst.owner[i];
      return way;
    case Fate::punt:
    case Fate::punt_urgent:
      way.kind = Kind::punt;
      way.urgent = burst.fate[i] == Fate::punt_urgent;
      return way;
    default:
      way.kind = Kind::drop;
      way.reason = burst.reason[i];
      return way;
  }
}

void refuse(Burst& burst, unsigned i, DropReason reason) {
  const bool has_left = (burst.live & bit_of(i)) == 0;
  const bool is_dropped = has_left && (burst.fate[i] == Fate::drop || burst.fate[i] == Fate::answer);
  if (!is_dropped) burst.drop(i, reason);  // else for a reason that came first
}

void settle(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker, const Now& now) {
  const Packet& packet = burst.packet[i];
  const FragmentPart part = fragment_part_of(packet.view, packet.data);
  if (!part.is_first()) {
    if (const auto reason = end_of(burst, i, snapshot)) return refuse(burst, i, *reason);
  }
  FragmentTable& table = worker.fragments;
  const FragmentTable::Handle datagram = table.find_or_add(part.key, now.ns);
  if (datagram == nullptr) return refuse(burst, i, DropReason::fragment_limit);
  const FragmentFit fit = table.add(datagram, part);
  if (fit == FragmentFit::no_room) return refuse(burst, i, DropReason::fragment_limit);
  if (fit != FragmentFit::fits) return refuse(burst, i, DropReason::fragment);
  if (part.is_first()) return table.decide(datagram, way_of(burst, i));
  if (table.way(datagram).kind != FragmentWay::Kind::unknown)
    return follow(burst, i, table.way(datagram), snapshot, worker);
  if (!table.hold(datagram, burst.port, {packet.data, packet.bytes}))
    return refuse(burst, i, DropReason::fragment_limit);
  ++worker.ledger.entered;
}

void drop_for(Burst& burst, unsigned i, const Service& service, WorkerState& worker, DropReason reason) {
  worker.count_service_drop(service.id, reason);
  burst.drop(i, reason);
}

void follow_to_service(Burst& burst, unsigned i, const FragmentWay& way, const Snapshot& snapshot,
                       WorkerState& worker) {
  using Kind = FragmentWay::Kind;
  Packet& packet = burst.packet[i];
  const Service* service = snapshot.service(way.service);
  if (service == nullptr) return burst.drop(i, DropReason::no_service);  // it was taken away meanwhile
  if (way.kind != Kind::to_host && packet.view.hops(packet.data) <= 1)
    return drop_for(burst, i, *service, worker, DropReason::ttl);
  if (packet.view.binds_addresses && service->forward == Forward::nat)
    return drop_for(burst, i, *service, worker, DropReason::extension_headers);
  packet.service = service;
  packet.set_key(way.key);
  burst.rejoin(i);
  if (way.kind == Kind::to_backend) return burst.decide(i, way.backend);
  burst.replies |= bit_of(i);
  if (way.kind == Kind::to_host) burst.to_host |= bit_of(i);
  burst.backend[i] = way.backend;
}

}  // namespace

[[gnu::noinline]] bool take_fragment(Burst& burst, unsigned i, const Snapshot& snapshot,
                                     WorkerState& worker) {
  const PacketView& view = burst.packet[i].view;
  if (view.has_defect || !may_have_ports(view)) return false;
  if (!match_of(burst, i, snapshot).is_vip && !comes_from_nat_host(burst, i, snapshot)) return false;
  if (worker.workers > 1 && burst.passed == 0) {
    const FragmentKey key = fragment_part_of(view, burst.packet[i].data).key;
    const auto gatherer = static_cast<uint8_t>(key.hash(worker.table_key).high % worker.workers);
    if (gatherer != worker.index) {
      burst.hand_over(i, gatherer);
      return true;
    }
  }
  burst.fragments |= bit_of(i);
  if (view.l4_offset != 0) return false;
  burst.hold(i);
  return true;
}

void follow(Burst& burst, unsigned i, const FragmentWay& way, const Snapshot& snapshot, WorkerState& worker) {
  switch (way.kind) {
    case FragmentWay::Kind::to_backend:
    case FragmentWay::Kind::to_client:
    case FragmentWay::Kind::to_host:
      return follow_to_service(burst, i, way, snapshot, worker);
    case FragmentWay::Kind::hand_over:
      return burst.hand_over(i, way.owner);
    case FragmentWay::Kind::punt:
      return burst.punt(i, way.urgent);
    case FragmentWay::Kind::unknown:
    case FragmentWay::Kind::drop:
      return burst.drop(i, way.reason);
  }
}

[[gnu::noinline]] void settle_fragments(Burst& burst, const Snapshot& snapshot, WorkerState& worker,
                                        const Now& now) {
  for (const unsigned i : bits_of(burst.fragments))
    settle(burst, i, snapshot, worker, now);
  count_lost_fragments(worker);
}

void count_lost_fragments(WorkerState& worker) {
  const auto [limit, overlap] = worker.fragments.take_losses();
  worker.ledger.left += limit + overlap;
  worker.ledger.drop(DropReason::fragment_limit, limit);
  worker.ledger.drop(DropReason::fragment, overlap);
}

}  // namespace shunt
