// classify: whose packet is it? A service's, a nat backend's reply, or the kernel's.
//
// Cost: one probe of the VIP table; the flow key is made and its bucket asked for here, so that the lines
// arrive while the rest of the burst is classified.
#include "dataplane/flow_state.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

constexpr uint8_t kProtocolIcmp6 = 58;

// BGP, BFD (single hop, multihop, echo), ND: what keeps routes and neighbours alive goes before the rest.
bool is_urgent(const PacketView& view, const uint8_t* frame, const Snapshot& snapshot) {
  if (view.l3 == L3::arp) return true;
  if (!view.is_ip() || view.has_defect) return false;
  if (view.protocol == kProtocolIcmp6) return true;
  if (view.l4_offset == 0) return false;
  if (view.protocol == kProtocolTcp && (view.sport == be16(179) || view.dport == be16(179))) return true;
  if (view.protocol == kProtocolUdp && view.dport.host() >= 3784 && view.dport.host() <= 3785) return true;
  if (view.protocol == kProtocolUdp && view.dport == be16(4784)) return true;
  return snapshot.urgent_sources->find(AddressKey::of(view.source(frame))) != nullptr;
}

void give_to_kernel(Burst& burst, unsigned i, const Snapshot& snapshot) {
  const PacketView& view = burst.view[i];
  if (snapshot.ports[burst.port].has_host_interface || view.l3 == L3::arp) {
    // ARP goes to the punt thread without a host_interface too: it is what answers for VIPs.
    return burst.punt(i, is_urgent(view, burst.frame[i].data, snapshot));
  }
  burst.drop(i, view.is_ip() ? DropReason::no_host_interface : DropReason::not_ip);
}

// The packet as the client sent it, whichever way it goes: source, destination, sport, dport, protocol.
FlowKey digest_key(const Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  const PacketView& view = burst.view[i];
  const uint8_t* frame = burst.frame[i].data;
  const bool reply = burst.direction[i] == Direction::reply;
  const size_t size = view.l3 == L3::ipv4 ? 4 : 16;
  uint8_t tuple[16 * 2 + 5];
  std::memcpy(tuple, reply ? view.destination_bytes(frame) : view.source_bytes(frame), size);
  std::memcpy(tuple + size, reply ? service.vip.address.wire() : view.destination_bytes(frame), size);
  store(tuple + size * 2, (reply ? view.dport : view.sport).raw());
  // A nat reply's source port is its backend's; an any-port service with nat keeps ports, so it is the VIP's
  // as well.
  const be16 vip_port = reply && service.port != be16(0) ? service.port : reply ? view.sport : view.dport;
  store(tuple + size * 2 + 2, vip_port.raw());
  tuple[size * 2 + 4] = view.protocol;
  return digest_flow_key(worker.table_key, service.id, tuple, size * 2 + 5);
}

void make_key(Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  const PacketView& view = burst.view[i];
  const uint8_t* frame = burst.frame[i].data;
  if (service.exact_key) {
    const bool reply = burst.direction[i] == Direction::reply;
    const be32 client = load<be32>(reply ? view.destination_bytes(frame) : view.source_bytes(frame));
    burst.key[i] = exact_flow_key(worker.table_key, service.id, client, reply ? view.dport : view.sport);
  } else {
    burst.key[i] = digest_key(burst, i, service, worker);
  }
  worker.flows.prefetch(burst.key[i]);
}

// Both directions of a nat flow have one key and meet two queues; the key names the worker that owns the
// flow. True: it is another one.
bool hand_over(Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  if (worker.workers < 2 || service.forward != Forward::nat) return false;
  const unsigned owner = burst.key[i].index % worker.workers;
  if (owner == worker.index) return false;
  burst.hand_over(i, static_cast<uint8_t>(owner));
  return true;
}

void give_to_service(Burst& burst, unsigned i, const Service& service, WorkerState& worker) {
  const PacketView& view = burst.view[i];
  const uint8_t* ip = view.ip(burst.frame[i].data);
  if ((view.l3 == L3::ipv4 ? ip[8] : ip[7]) <= 1) {
    worker.count_service_drop(service.id, DropReason::ttl);
    return burst.drop(i, DropReason::ttl);
  }
  burst.service[i] = &service;
  burst.direction[i] = Direction::to_backend;
  make_key(burst, i, service, worker);
  hand_over(burst, i, service, worker);
}

bool is_known(const Burst& burst, unsigned i, const WorkerState& worker) {
  return worker.flows.find(burst.key[i]) ||
         worker.probation.holds(burst.key[i], half_of(burst.view[i].protocol));
}

// True: the packet's source is a nat backend and it came in where that backend is, so it may be a reply.
bool take_reply(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker,
                const AddressKey& destination) {
  const PacketView& view = burst.view[i];
  if (snapshot.nat_sources->empty() || view.l4_offset == 0 || view.has_defect) return false;
  const auto key = AddressKey::of(view.source(burst.frame[i].data));
  const NatSource* source =
      snapshot.nat_sources->find(key.with(Snapshot::nat_extra(view.protocol, view.sport.host())));
  if (source == nullptr) source = snapshot.nat_sources->find(key.with(Snapshot::nat_extra(view.protocol, 0)));
  if (source == nullptr || source->port != burst.port) return false;
  const Service* service = snapshot.service(source->service);
  if (service == nullptr) return false;
  burst.direction[i] = Direction::reply;
  burst.backend[i] = source->backend;
  make_key(burst, i, *service, worker);
  if (source->former_service != 0 && !is_known(burst, i, worker)) {
    const Service* former = snapshot.service(source->former_service);
    const FlowKey own_key = burst.key[i];
    if (former != nullptr) make_key(burst, i, *former, worker);
    if (former != nullptr && is_known(burst, i, worker)) {
      service = former;
      burst.backend[i] = source->former_backend;
    } else {
      burst.key[i] = own_key;
    }
  }
  if (hand_over(burst, i, *service, worker)) return true;
  if (snapshot.node_addresses->find(destination) != nullptr) {
    // To this host itself: a health answer, unless the table knows a local client's flow.
    if (!is_known(burst, i, worker)) return false;
    burst.to_host[i] = 1;
  } else if (const uint8_t* ip = view.ip(burst.frame[i].data); (view.l3 == L3::ipv4 ? ip[8] : ip[7]) <= 1) {
    worker.count_service_drop(service->id, DropReason::ttl);
    burst.drop(i, DropReason::ttl);
    return true;
  }
  burst.service[i] = service;
  return true;
}

void classify_packet(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  const PacketView& view = burst.view[i];
  const uint8_t* frame = burst.frame[i].data;
  if (!view.is_ip()) return give_to_kernel(burst, i, snapshot);
  const bool v4 = view.l3 == L3::ipv4;
  const AddressKey destination = v4 ? AddressKey::v4(load<uint32_t>(view.destination_bytes(frame)))
                                    : AddressKey::v6(view.destination_bytes(frame));
  const VipTable::Match match =
      snapshot.vips->find(destination, v4 ? Family::ipv4 : Family::ipv6, view.protocol,
                          view.l4_offset != 0 ? view.dport.host() : uint16_t{0});
  if (match.is_vip && !match.punt_unserved && view.has_defect) {
    if (match.service != 0) worker.count_service_drop(match.service, view.defect);
    return burst.drop(i, view.defect);
  }
  if (match.service != 0 && view.has_defect) return burst.drop(i, view.defect);
  if (const Service* service = snapshot.service(match.service); service != nullptr && match.service != 0) {
    return give_to_service(burst, i, *service, worker);
  }
  if (match.is_vip && !match.punt_unserved) return burst.drop(i, DropReason::no_service);
  if (!match.is_vip && take_reply(burst, i, snapshot, worker, destination)) return;
  give_to_kernel(burst, i, snapshot);
}

}  // namespace

void classify(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  for (unsigned n = 0; n < burst.live_count; ++n)
    classify_packet(burst, burst.live[n], snapshot, worker);
  burst.compact();
}

}  // namespace shunt
