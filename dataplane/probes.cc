#include "dataplane/probes.h"

#include "dataplane/flow_key.h"
#include "dataplane/icmp_error.h"
#include "dataplane/mss_clamp.h"
#include "dataplane/stages.h"
#include "dataplane/translation.h"

namespace shunt {
namespace {

// What keeps packets from a backend whatever their size.
std::optional<DropReason> obstacle(const Destination& destination, Forward forward) {
  if (!destination.present) return DropReason::no_backend;
  if (!destination.has_route) return DropReason::no_neighbour;
  if (forward == Forward::l2 && !destination.on_link) return DropReason::not_on_link;
  if (!destination.has_mac) return DropReason::no_neighbour;
  if (destination.longest == 0) return DropReason::too_big;
  return {};
}

// What is wrong with it before anybody asks where it goes.
std::optional<DropReason> fault(const Packet& packet, const Snapshot& snapshot) {
  const PacketView& view = packet.view;
  if (!view.is_ip()) return DropReason::not_ip;
  if (view.has_defect) return view.defect;
  // Whoever had this host forward a packet to a probe address isn't a health check.
  if (snapshot.node_addresses->find(AddressKey::of(view.source(packet.data))) == nullptr)
    return DropReason::bad_source;
  if (view.protocol != kProtocolTcp && view.protocol != kProtocolUdp) return DropReason::no_service;
  if (view.hops(packet.data) <= 1) return DropReason::ttl;
  return {};
}

// RFC 791: without DF its source can't have meant to hear of it.
bool asks_for_mtu(const Packet& packet) {
  return packet.view.l3 == L3::ipv6 || (packet.view.ip(packet.data)[6] & 0x40U) != 0;
}

void refuse_too_big(Burst& burst, unsigned i, uint16_t fitting, const Snapshot& snapshot) {
  Packet& packet = burst.packet[i];
  packet.service = nullptr;  // no client's loss
  if (!asks_for_mtu(packet) || !may_be_answered(burst, i, snapshot))
    return burst.drop(i, DropReason::too_big);
  burst.answer(i, DropReason::too_big, fitting);
}

// The outer header's source and ports spread flows by this. A later fragment has no ports.
uint32_t flow_index(const Packet& packet, const Service& service, const HashKey& key) {
  const PacketView& view = packet.view;
  const bool has_ports = view.l4_offset != 0;
  const be16 sport = has_ports ? view.sport(packet.data) : be16(0);
  const be16 dport = has_ports ? view.dport(packet.data) : be16(0);
  const uint8_t* source = view.source_bytes(packet.data);
  const uint8_t* destination = view.destination_bytes(packet.data);
  if (view.l3 == L3::ipv6)
    return digest_flow_key_v6(key, service.id, source, destination, sport, dport, view.protocol).index;
  return digest_flow_key_v4(key, service.id, load<be32>(source), load<be32>(destination), sport, dport,
                            view.protocol)
      .index;
}

void address_to_vip(const Packet& packet, const IpAddress& vip) {
  const PacketView& view = packet.view;
  uint8_t* const ip = view.ip(packet.data);
  if (view.l4_offset == 0) {
    if (view.l3 == L3::ipv4) return translate_address4(ip, End::destination, vip.v4(), 0);
    return translate_address6(ip, End::destination, vip.bytes().data(), 0);
  }
  uint8_t* const l4 = view.l4(packet.data);
  const be16 port = view.dport(packet.data);
  if (view.l3 == L3::ipv4) return translate4(ip, l4, view.protocol, End::destination, vip.v4(), port, 0);
  translate6(ip, l4, view.protocol, End::destination, vip.bytes().data(), port, 0);
}

void clamp(const Packet& packet, const Service& service) {
  const PacketView& view = packet.view;
  if (service.mss_clamp == 0 || view.protocol != kProtocolTcp || view.l4_offset == 0 ||
      (view.tcp_flags & kTcpSyn) == 0)
    return;
  clamp_mss(view.l4(packet.data), largest_segment(service, packet.destination->longest, view.l3 == L3::ipv4));
}

void direct(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  Packet& packet = burst.packet[i];
  if (const auto why = fault(packet, snapshot)) return burst.drop(i, *why);
  const ProbeTarget* target =
      snapshot.probes != nullptr ? snapshot.probes->find(AddressKey::of(packet.view.destination(packet.data)))
                                 : nullptr;
  const Service* service = target != nullptr ? snapshot.service(target->service) : nullptr;
  const IpAddress vip = service != nullptr ? service->vip.network() : IpAddress();
  const Family family = packet.view.l3 == L3::ipv4 ? Family::ipv4 : Family::ipv6;
  if (service == nullptr || vip.family() != family) return burst.drop(i, DropReason::no_backend);
  const Destination& destination = service->destination(target->backend);
  if (const auto why = obstacle(destination, service->forward)) return burst.drop(i, *why);
  if (packet.view.ip_bytes > destination.longest)
    return refuse_too_big(burst, i, destination.longest, snapshot);
  packet.service = service;
  packet.destination = &destination;
  address_to_vip(packet, vip);
  clamp(packet, *service);
  packet.key_index = flow_index(packet, *service, worker.table_key);
  rewrite_fragment(packet, worker);
  burst.leave_by(destination.port, bit_of(i));
}

}  // namespace

void direct_probes(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  for (const unsigned i : bits_of(burst.live))
    direct(burst, i, snapshot, worker);
}

}  // namespace shunt
