// classify: whose packet is it? A service's, a nat backend's reply, or the kernel's.
//
// Cost: one probe of the VIP table; the flow key is made and its bucket asked for here, so that the lines
// arrive while the rest of the burst is classified; so is the room where an outer header will go (fastpath:
// 26 ticks a packet when it isn't).
#include "dataplane/flow_state.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

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

// A flow's key is made of the packet as the client sent it, whichever way it goes.
FlowKey digest_key(const Burst& burst, unsigned i, const Service& service, const HashKey& key) {
  const PacketView& view = burst.view[i];
  const uint8_t* frame = burst.frame[i].data;
  if (!burst.is_reply(i)) {
    const uint8_t* source = view.source_bytes(frame);
    const uint8_t* destination = view.destination_bytes(frame);
    if (view.l3 == L3::ipv6)
      return digest_flow_key_v6(key, service.id, source, destination, view.sport, view.dport, view.protocol);
    return digest_flow_key_v4(key, service.id, load<be32>(source), load<be32>(destination), view.sport,
                              view.dport, view.protocol);
  }
  // A nat reply's source port is its backend's; an any-port service with nat keeps ports, so it is the VIP's
  // as well.
  const be16 vip_port = service.port != be16(0) ? service.port : view.sport;
  const uint8_t* client = view.destination_bytes(frame);
  const uint8_t* vip = service.vip.address.wire();
  if (view.l3 == L3::ipv6)
    return digest_flow_key_v6(key, service.id, client, vip, view.dport, vip_port, view.protocol);
  return digest_flow_key_v4(key, service.id, load<be32>(client), load<be32>(vip), view.dport, vip_port,
                            view.protocol);
}

void make_key(Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  FlowKey key;
  if (service.exact_key) {
    const PacketView& view = burst.view[i];
    const uint8_t* frame = burst.frame[i].data;
    const bool reply = burst.is_reply(i);
    const be32 client = load<be32>(reply ? view.destination_bytes(frame) : view.source_bytes(frame));
    key = exact_flow_key(worker.table_key, service.id, client, reply ? view.dport : view.sport);
  } else {
    key = digest_key(burst, i, service, worker.table_key);
  }
  worker.flows.prefetch(key);
  burst.key[i] = key;
}

// Both directions of a nat flow have one key and meet two queues; the key names the worker that owns the
// flow. True: it is another one.
inline bool hand_over(Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  if (worker.workers < 2 || service.forward != Forward::nat) return false;
  const unsigned owner = burst.key[i].index % worker.workers;
  if (owner == worker.index) return false;
  burst.hand_over(i, static_cast<uint8_t>(owner));
  return true;
}

void drop_expired(Burst& burst, unsigned i, const Service& service, WorkerState& worker) {
  worker.count_service_drop(service.id, DropReason::ttl);
  burst.drop(i, DropReason::ttl);
}

void give_to_service(Burst& burst, unsigned i, const Service& service, WorkerState& worker) {
  if (burst.view[i].hops(burst.frame[i].data) <= 1) return drop_expired(burst, i, service, worker);
  burst.service[i] = &service;
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
  burst.replies |= bit_of(i);
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
    burst.to_host |= bit_of(i);
  } else if (view.hops(burst.frame[i].data) <= 1) {
    drop_expired(burst, i, *service, worker);
    return true;
  }
  burst.service[i] = service;
  return true;
}

// RFC 4861 4.3: somebody asks the VIP itself whether it is still there, which the punt thread answers.
bool is_solicitation(const PacketView& view, const uint8_t* frame) {
  return view.l3 == L3::ipv6 && view.protocol == kProtocolIcmp6 && !view.has_defect &&
         view.ip_bytes > kIpv6HeaderBytes && view.ip(frame)[kIpv6HeaderBytes] == 135;
}

// By all the rules: prefixes, services of any port, replies, what is the kernel's.
[[gnu::noinline]] void classify_any(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  const PacketView& view = burst.view[i];
  const uint8_t* frame = burst.frame[i].data;
  if (!view.is_ip()) return give_to_kernel(burst, i, snapshot);
  const bool v4 = view.l3 == L3::ipv4;
  const AddressKey destination = v4 ? AddressKey::v4(load<uint32_t>(view.destination_bytes(frame)))
                                    : AddressKey::v6(view.destination_bytes(frame));
  const VipTable::Match match =
      snapshot.vips->find(destination, v4 ? Family::ipv4 : Family::ipv6, view.protocol,
                          view.l4_offset != 0 ? view.dport.host() : uint16_t{0});
  if (match.is_vip && is_solicitation(view, frame)) return give_to_kernel(burst, i, snapshot);
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

// A packet to exactly a service's address and port, which no other service goes before, and without a fault:
// its service and its key. nullptr: ask classify_any. Values are kept in registers until the end: a packet
// that reads back what it has just written waits for it, and the ones behind it as well (20 ticks each).
inline const Service* classify_v4(const PacketView& view, const uint8_t* frame, const Snapshot& snapshot,
                                  const WorkerState& worker, FlowKey& key) {
  const uint8_t* ip = frame + view.l3_offset;
  const be16 sport = view.sport;
  const uint16_t id = snapshot.vips->find_exact_v4(load<uint32_t>(ip + 16), view.dport, view.protocol);
  if (id == 0 || ip[8] <= 1) [[unlikely]]
    return nullptr;
  key = exact_flow_key(worker.table_key, id, load<be32>(ip + 12), sport);
  return &snapshot.services[id];
}
inline const Service* classify_v6(const PacketView& view, const uint8_t* frame, const Snapshot& snapshot,
                                  const WorkerState& worker, FlowKey& key) {
  const uint8_t* ip = frame + view.l3_offset;
  const be16 sport = view.sport;
  const be16 dport = view.dport;
  const uint16_t id = snapshot.vips->find_exact_v6(ip + 24, dport, view.protocol);
  if (id == 0 || ip[7] <= 1) [[unlikely]]
    return nullptr;
  key = digest_flow_key_v6(worker.table_key, id, ip + 8, ip + 24, sport, dport, view.protocol);
  return &snapshot.services[id];
}

}  // namespace

void classify(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  for (const unsigned i : bits_of(burst.live)) {
    const PacketView& view = burst.view[i];
    const uint8_t* frame = burst.frame[i].data;
    FlowKey key;
    const Service* service = nullptr;
    if (view.l4_offset != 0 && !view.has_defect) [[likely]] {
      service = view.l3 == L3::ipv4 ? classify_v4(view, frame, snapshot, worker, key)
                                    : classify_v6(view, frame, snapshot, worker, key);
    }
    if (service == nullptr) [[unlikely]] {
      classify_any(burst, i, snapshot, worker);
      continue;
    }
    worker.flows.prefetch(key);
    if (service->grows) __builtin_prefetch(frame - 1, 1);
    burst.service[i] = service;
    burst.key[i] = key;
    if (worker.workers > 1) hand_over(burst, i, *service, worker);
  }
}

}  // namespace shunt
