// classify: whose packet is it? A service's, a nat backend's reply, or the kernel's.
//
// Of what plain.cc left: VIP prefixes, services of any port, replies, the kernel's. Cost: a probe of the VIP
// table for each prefix length; the flow key is made and its bucket asked for here, so that the lines arrive
// while the rest of the burst is classified.
#include "dataplane/flow_state.h"
#include "dataplane/fragments.h"
#include "dataplane/icmp_error.h"
#include "dataplane/own_outer.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

// BGP, BFD (single hop, multihop, echo), ND: what keeps routes and neighbours alive goes before the rest.
bool is_urgent(const PacketView& view, const uint8_t* frame, const Snapshot& snapshot) {
  if (view.l3 == L3::arp) return true;
  if (!view.is_ip()) return false;
  if (view.protocol == kProtocolIcmp6) return true;  // from :: too, who looks for a duplicate
  if (view.has_defect) return false;
  if (view.l4_offset == 0) return false;
  if (view.protocol == kProtocolTcp && (view.sport(frame) == be16(179) || view.dport(frame) == be16(179)))
    return true;
  if (view.protocol == kProtocolUdp && view.dport(frame).host() >= 3784 && view.dport(frame).host() <= 3785)
    return true;
  if (view.protocol == kProtocolUdp && view.dport(frame) == be16(4784)) return true;
  return snapshot.urgent_sources->find(AddressKey::of(view.source(frame))) != nullptr;
}

// RFC 4861 4.3: somebody asks for an address, the VIP itself perhaps, to hear whether it is still there. (Its
// source may be ::, which elsewhere is a fault.)
bool is_solicitation(const PacketView& view, const uint8_t* frame) {
  return view.l3 == L3::ipv6 && view.ip_bytes > kIpv6HeaderBytes && view.ip(frame)[6] == kProtocolIcmp6 &&
         view.ip(frame)[kIpv6HeaderBytes] == 135;
}

void give_to_kernel(Burst& burst, unsigned i, const Snapshot& snapshot) {
  const PacketView& view = burst.packet[i].view;
  const uint8_t* frame = burst.packet[i].data;
  // ARP and ND go to the punt thread without a host_interface too: it is what answers for VIPs.
  if (snapshot.ports[burst.port].has_host_interface || view.l3 == L3::arp || is_solicitation(view, frame))
    return burst.punt(i, is_urgent(view, frame, snapshot));
  burst.drop(i, view.is_ip() ? DropReason::no_host_interface : DropReason::not_ip);
}

// A flow's key is made of the packet as the client sent it, whichever way it goes.
FlowKey digest_key(const Burst& burst, unsigned i, const Service& service, const HashKey& key) {
  const PacketView& view = burst.packet[i].view;
  const uint8_t* frame = burst.packet[i].data;
  if (!burst.is_reply(i)) {
    const uint8_t* source = view.source_bytes(frame);
    const uint8_t* destination = view.destination_bytes(frame);
    if (view.l3 == L3::ipv6)
      return digest_flow_key_v6(key, service.id, source, destination, view.sport(frame), view.dport(frame),
                                view.protocol);
    return digest_flow_key_v4(key, service.id, load<be32>(source), load<be32>(destination), view.sport(frame),
                              view.dport(frame), view.protocol);
  }
  // A nat reply's source port is its backend's; an any-port service with nat keeps ports, so it is the VIP's
  // as well.
  const be16 vip_port = service.port != be16(0) ? service.port : view.sport(frame);
  const uint8_t* client = view.destination_bytes(frame);
  const uint8_t* vip = service.vip.address.wire();
  if (view.l3 == L3::ipv6)
    return digest_flow_key_v6(key, service.id, client, vip, view.dport(frame), vip_port, view.protocol);
  return digest_flow_key_v4(key, service.id, load<be32>(client), load<be32>(vip), view.dport(frame), vip_port,
                            view.protocol);
}

void make_key(Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  FlowKey key;
  if (service.exact_key) {
    const PacketView& view = burst.packet[i].view;
    const uint8_t* frame = burst.packet[i].data;
    const bool reply = burst.is_reply(i);
    const be32 client = load<be32>(reply ? view.destination_bytes(frame) : view.source_bytes(frame));
    key = exact_flow_key(worker.table_key, service.id, client, reply ? view.dport(frame) : view.sport(frame));
  } else {
    key = digest_key(burst, i, service, worker.table_key);
  }
  worker.flows.prefetch(key);
  burst.packet[i].set_key(key);
}

// Both directions of a nat flow have one key and meet two queues; the key names the worker that owns the
// flow. True: it is another one.
inline bool hand_over(Burst& burst, unsigned i, const Service& service, const WorkerState& worker) {
  if (worker.workers < 2 || service.forward != Forward::nat) return false;
  const unsigned owner = burst.packet[i].key_index % worker.workers;
  if (owner == worker.index) return false;
  burst.hand_over(i, static_cast<uint8_t>(owner));
  return true;
}

void drop_for(Burst& burst, unsigned i, const Service& service, WorkerState& worker, DropReason reason) {
  worker.count_service_drop(service.id, reason);
  burst.drop(i, reason);
}

[[gnu::noinline]] void drop_expired(Burst& burst, unsigned i, const Service& service,
                                    const Snapshot& snapshot, WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  // One hop is left by somebody who may want to hear that it ended here; 0 nobody sends who means well.
  if (packet.view.hops(packet.data) == 1 && may_be_answered(burst, i, snapshot)) {
    burst.packet[i].service = &service;
    return burst.answer(i, DropReason::ttl);
  }
  drop_for(burst, i, service, worker, DropReason::ttl);
}

void give_to_service(Burst& burst, unsigned i, const Service& service, const Snapshot& snapshot,
                     WorkerState& worker) {
  const PacketView& view = burst.packet[i].view;
  if (view.hops(burst.packet[i].data) <= 1) return drop_expired(burst, i, service, snapshot, worker);
  if (view.binds_addresses && service.forward == Forward::nat) [[unlikely]]
    return drop_for(burst, i, service, worker, DropReason::extension_headers);
  burst.packet[i].service = &service;
  make_key(burst, i, service, worker);
  hand_over(burst, i, service, worker);
}

bool is_known(const Burst& burst, unsigned i, const WorkerState& worker) {
  return worker.flows.find(burst.packet[i].key()) ||
         worker.probation.holds(burst.packet[i].key(), half_of(burst.packet[i].view.protocol));
}

// True: the packet's source is a nat backend and it came in where that backend is, so it may be a reply.
bool take_reply(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker,
                const AddressKey& destination) {
  const PacketView& view = burst.packet[i].view;
  if (snapshot.nat_sources->empty() || view.l4_offset == 0 || view.has_defect) return false;
  const auto key = AddressKey::of(view.source(burst.packet[i].data));
  const auto family = view.l3 == L3::ipv4 ? Family::ipv4 : Family::ipv6;
  const NatSource* source = snapshot.nat_sources->find(
      key.with(Snapshot::nat_extra(family, view.protocol, view.sport(burst.packet[i].data).host())));
  if (source == nullptr)
    source = snapshot.nat_sources->find(key.with(Snapshot::nat_extra(family, view.protocol, 0)));
  if (source == nullptr || source->port != burst.port) return false;
  const Service* service = snapshot.service(source->service);
  if (service == nullptr) return false;
  burst.replies |= bit_of(i);
  burst.backend[i] = source->backend;
  make_key(burst, i, *service, worker);
  if (source->former_service != 0 && !is_known(burst, i, worker)) {
    const Service* former = snapshot.service(source->former_service);
    const FlowKey own_key = burst.packet[i].key();
    if (former != nullptr) make_key(burst, i, *former, worker);
    if (former != nullptr && is_known(burst, i, worker)) {
      service = former;
      burst.backend[i] = source->former_backend;
    } else {
      burst.packet[i].set_key(own_key);
    }
  }
  if (hand_over(burst, i, *service, worker)) return true;
  if (snapshot.node_addresses->find(destination) != nullptr) {
    // To this host itself: a health answer, unless the table knows a local client's flow.
    if (!is_known(burst, i, worker)) return false;
    burst.to_host |= bit_of(i);
  } else if (view.hops(burst.packet[i].data) <= 1) {
    drop_expired(burst, i, *service, snapshot, worker);
    return true;
  }
  burst.packet[i].service = service;
  if (view.binds_addresses) [[unlikely]]
    drop_for(burst, i, *service, worker, DropReason::extension_headers);
  return true;
}

// A packet to a VIP that one of our own outer headers is in.
bool came_round(const PacketView& view, const uint8_t* frame, const Snapshot& snapshot) {
  const be16 dport = view.l4_offset != 0 ? view.dport(frame) : be16(0);
  return may_be_outer(view.protocol, dport) &&
         carries_own_outer(view.ip(frame), view.ip_bytes, *snapshot.encap_sources);
}

[[gnu::noinline]] void drop_loop(Burst& burst, unsigned i, uint16_t service, WorkerState& worker) {
  if (service != 0) worker.count_service_drop(service, DropReason::loop);
  burst.drop(i, DropReason::loop);
}

// By all the rules: prefixes, services of any port, replies, what is the kernel's.
void classify_any(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  const PacketView& view = burst.packet[i].view;
  const uint8_t* frame = burst.packet[i].data;
  if (!view.is_ip()) return give_to_kernel(burst, i, snapshot);
  if (view.is_fragment) [[unlikely]] {
    if (take_fragment(burst, i, snapshot, worker)) return;
  }
  const bool v4 = view.l3 == L3::ipv4;
  const AddressKey destination = v4 ? AddressKey::v4(load<uint32_t>(view.destination_bytes(frame)))
                                    : AddressKey::v6(view.destination_bytes(frame));
  const VipTable::Match match =
      snapshot.vips->find(destination, v4 ? Family::ipv4 : Family::ipv6, view.protocol,
                          view.l4_offset != 0 ? view.dport(frame).host() : uint16_t{0});
  if (match.is_vip && is_solicitation(view, frame)) return give_to_kernel(burst, i, snapshot);
  if (match.is_vip && !match.punt_unserved && view.has_defect) {
    if (match.service != 0) worker.count_service_drop(match.service, view.defect);
    return burst.drop(i, view.defect);
  }
  const bool is_ours = match.service != 0 || (match.is_vip && !match.punt_unserved);
  // A VIP may be, or have in it, a broadcast address: what came to everybody is forwarded by nobody.
  if (is_ours && (frame[0] & 1U) != 0) return burst.drop(i, DropReason::not_our_mac);
  if (is_ours && came_round(view, frame, snapshot)) return drop_loop(burst, i, match.service, worker);
  if (const Service* service = snapshot.service(match.service); service != nullptr && match.service != 0) {
    return give_to_service(burst, i, *service, snapshot, worker);
  }
  if (view.l4_offset == 0 && take_icmp(burst, i, match, snapshot, worker)) return;
  if (match.is_vip && !match.punt_unserved) return burst.drop(i, DropReason::no_service);
  if (!match.is_vip && take_reply(burst, i, snapshot, worker, destination)) return;
  give_to_kernel(burst, i, snapshot);
}

// What take_plain took for this worker's.
void hand_over_others(Burst& burst, uint64_t packets, WorkerState& worker) {
  for (const unsigned i : bits_of(packets))
    hand_over(burst, i, *burst.packet[i].service, worker);
}

}  // namespace

void classify(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  const uint64_t plain = burst.live & ~burst.unclassified;
  for (const unsigned i : bits_of(burst.live & burst.unclassified))
    classify_any(burst, i, snapshot, worker);
  if (worker.workers > 1) hand_over_others(burst, plain, worker);
}

}  // namespace shunt
