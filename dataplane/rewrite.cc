// rewrite: makes of each packet what its next hop is to get: new MACs and one hop less in every mode, an
// outer header (ipip, gue) or another destination (nat), and back again for nat's replies.
//
// Cost: the destination's line and the frame's first two, all asked for before. Checksums are edited (RFC
// 1624), never verified, so that an error passes on to who can see it.
#include "common/checksum.h"
#include "dataplane/outer_header.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

constexpr uint16_t kIpv4Type = be16(kEtherTypeIpv4).raw();
constexpr uint16_t kIpv6Type = be16(kEtherTypeIpv6).raw();

void drop_for(Burst& burst, unsigned i, WorkerState& worker, DropReason reason) {
  worker.count_service_drop(burst.service[i]->id, reason);
  burst.drop(i, reason);
}

// RFC 791, RFC 8200: one hop less. IPv4's header checksum follows.
inline void decrement_hops(uint8_t* ip, bool is_v4) {
  if (!is_v4) {
    --ip[7];
    return;
  }
  const uint16_t checksum = checksum_after_hop(load<uint16_t>(ip + 10));
  --ip[8];
  store(ip + 10, checksum);
}

// The transport checksum after an edit by `delta`.
inline void adjust_transport(uint8_t protocol, uint8_t* l4, uint64_t delta) {
  uint8_t* at = l4 + (protocol == kProtocolTcp ? 16 : 6);
  const auto old_sum = load<uint16_t>(at);
  uint16_t new_sum = apply_delta(old_sum, delta);
  if (protocol == kProtocolUdp) {
    // RFC 768: a UDP checksum of 0 says that there is none, so a computed 0 is sent as its other form.
    if (old_sum == 0) return;
    if (new_sum == 0) new_sum = 0xffff;
  }
  store(at, new_sum);
}

// Which end of a packet nat changes.
enum class End : uint8_t { source, destination };

// Changes an address and a port and takes one hop away, with the checksums that cover them.
inline void translate4(uint8_t* ip, uint8_t* l4, uint8_t protocol, End end, be32 address, be16 port,
                       uint8_t hops) {
  const unsigned address_at = end == End::source ? 12 : 16;
  const unsigned port_at = end == End::source ? 0 : 2;
  const uint64_t address_delta = checksum_delta(load<uint32_t>(ip + address_at), address.raw());
  const uint64_t delta = address_delta + checksum_delta(load<uint16_t>(l4 + port_at), port.raw());
  // The word of TTL and protocol goes down by 0x0100 for each hop, which is 1 in memory order.
  const uint64_t hop_delta = hops != 0 ? 0xfffeU : 0U;
  const uint16_t checksum = apply_delta(load<uint16_t>(ip + 10), address_delta + hop_delta);
  adjust_transport(protocol, l4, delta);
  ip[8] = static_cast<uint8_t>(ip[8] - hops);
  store(ip + 10, checksum);
  store(ip + address_at, address);
  store(l4 + port_at, port);
}

// `address`: 16 bytes. (IPv6 has no checksum of its own.)
inline void translate6(uint8_t* ip, uint8_t* l4, uint8_t protocol, End end, const uint8_t* address, be16 port,
                       uint8_t hops) {
  uint8_t* at = ip + (end == End::source ? 8 : 24);
  const unsigned port_at = end == End::source ? 0 : 2;
  const __m128i fresh = load_block(address);
  uint64_t delta = checksum_delta(load<uint16_t>(l4 + port_at), port.raw());
  for (unsigned word = 0; word < 16; word += 4)
    delta += checksum_delta(load<uint32_t>(at + word), load<uint32_t>(address + word));
  adjust_transport(protocol, l4, delta);
  ip[7] = static_cast<uint8_t>(ip[7] - hops);
  store(at, fresh);
  store(l4 + port_at, port);
}

// Why a packet can't take the way that its destination has.
[[gnu::noinline]] void refuse(Burst& burst, unsigned i, WorkerState& worker, const Destination& destination) {
  if (!destination.present) return drop_for(burst, i, worker, DropReason::no_backend);
  if (!destination.has_route) return drop_for(burst, i, worker, DropReason::no_neighbour);
  if (burst.service[i]->forward == Forward::l2 && !destination.on_link)
    return drop_for(burst, i, worker, DropReason::not_on_link);
  if (!destination.has_mac) return drop_for(burst, i, worker, DropReason::no_neighbour);
  drop_for(burst, i, worker, DropReason::too_big);
}

constexpr bool is_outer(Change change) {
  return change >= Change::outer4;
}
constexpr bool has_udp(Change change) {
  return change == Change::outer4_udp || change == Change::outer6_udp;
}

// The packet inside another one.
template <Change kChange>
void encapsulate(Burst& burst, unsigned i, const Destination& destination) {
  const PacketView view = burst.view[i];
  uint8_t* const frame = burst.frame[i].data;
  const uint32_t flow = burst.key[i].index;
  const MacPair macs = destination.mac_pair();
  uint8_t* const ip = frame + view.l3_offset;
  const InnerMarks inner = take_marks(ip, view.l3 == L3::ipv4);
  constexpr bool kIsOuter4 = kChange == Change::outer4 || kChange == Change::outer4_udp;
  constexpr unsigned kOuterIp = kIsOuter4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  constexpr unsigned kOuter = kOuterIp + (has_udp(kChange) ? kUdpHeaderBytes : 0U);
  uint8_t* const start = frame - kOuter;
  if constexpr (has_udp(kChange)) {
    const be16 sport = gue_source_port(flow);
    const uint16_t checksum = kIsOuter4 ? uint16_t{0} : gue_checksum6(view, ip, destination, sport, flow);
    write_udp(ip - kUdpHeaderBytes, sport, view.ip_bytes + kUdpHeaderBytes, checksum);
  }
  if constexpr (kIsOuter4) {
    write_outer4(ip - kOuter, destination, inner, view.ip_bytes + kOuter, flow);
  } else {
    write_outer6(ip - kOuter, destination, inner, view.ip_bytes + kOuter - kOuterIp, flow);
  }
  // MACs, tags and the outer family's EtherType go first.
  if (view.l3_offset != kEtherHeaderBytes) [[unlikely]]
    std::memmove(start + 12, frame + 12, view.l3_offset - 14U);
  macs.write(start);
  store(ip - kOuter - 2, kIsOuter4 ? kIpv4Type : kIpv6Type);
  burst.frame[i].data = start;
  burst.frame[i].bytes = view.l3_offset + view.ip_bytes + kOuter;
}

// The packet itself, to another MAC or address. Pads to the shortest Ethernet frame are not carried, nor is
// anything else behind the IP packet.
template <Change kChange>
void edit(Burst& burst, unsigned i, const Destination& destination) {
  const PacketView view = burst.view[i];
  uint8_t* const frame = burst.frame[i].data;
  uint8_t* const ip = frame + view.l3_offset;
  const MacPair macs = destination.mac_pair();
  const be16 port = destination.backend_port != be16(0) ? destination.backend_port : view.dport;
  if constexpr (kChange == Change::l2) decrement_hops(ip, view.l3 == L3::ipv4);
  if constexpr (kChange == Change::nat4)
    translate4(ip, frame + view.l4_offset, view.protocol, End::destination, destination.address4, port, 1);
  if constexpr (kChange == Change::nat6)
    translate6(ip, frame + view.l4_offset, view.protocol, End::destination,
               destination.address.bytes().data(), port, 1);
  macs.write(frame);
  burst.frame[i].bytes = view.frame_bytes();
}

// The first packets of `rest` that all get this change; what is left of `rest` begins with another one. One
// loop per change, because nearly every burst has one only, and each keeps its own values in registers.
template <Change kChange>
[[gnu::noinline]] uint64_t run(Burst& burst, uint64_t rest, WorkerState& worker) {
  PairCounters* const pairs = worker.pairs.data();
  do {
    const auto i = static_cast<unsigned>(std::countr_zero(rest));
    const Destination& destination = *burst.destination[i];
    if (destination.change != kChange) break;
    rest &= rest - 1;
    if (burst.view[i].ip_bytes > destination.longest) [[unlikely]] {
      refuse(burst, i, worker, destination);
      continue;
    }
    PairCounters& pair = pairs[burst.pair[i]];
    const uint32_t received_bytes = burst.frame[i].bytes;
    burst.out_port[i] = destination.port;
    if constexpr (is_outer(kChange)) {
      encapsulate<kChange>(burst, i, destination);
    } else {
      edit<kChange>(burst, i, destination);
    }
    pair.packets.add(1);
    pair.bytes.add(received_bytes);
  } while (rest != 0);
  return rest;
}

uint64_t run_of(Change change, Burst& burst, uint64_t rest, WorkerState& worker) {
  switch (change) {
    case Change::l2:
      return run<Change::l2>(burst, rest, worker);
    case Change::nat4:
      return run<Change::nat4>(burst, rest, worker);
    case Change::nat6:
      return run<Change::nat6>(burst, rest, worker);
    case Change::outer4:
      return run<Change::outer4>(burst, rest, worker);
    case Change::outer4_udp:
      return run<Change::outer4_udp>(burst, rest, worker);
    case Change::outer6:
      return run<Change::outer6>(burst, rest, worker);
    case Change::outer6_udp:
      return run<Change::outer6_udp>(burst, rest, worker);
  }
  return 0;
}

// Where a reply to a client leaves, and to whom; asks for a MAC that isn't known. False: dropped.
bool find_way_to_client(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker,
                        uint8_t& out_port) {
  uint8_t* frame = burst.frame[i].data;
  const IpAddress client = burst.view[i].destination(frame);
  const Route* route = snapshot.routes->find(client);
  if (route == nullptr) return drop_for(burst, i, worker, DropReason::no_neighbour), false;
  const PortState& port = snapshot.ports[route->port];
  if (burst.view[i].ip_bytes > port.mtu) return drop_for(burst, i, worker, DropReason::too_big), false;
  const IpAddress next_hop = route->gateway.value_or(client);
  const MacAddress* mac =
      port.gateway_mac ? &*port.gateway_mac : snapshot.neighbours->find(route->port, next_hop);
  if (mac == nullptr) {
    worker.questions.push({route->port, next_hop});  // full: somebody asks again with the next packet
    mac = worker.client_macs.find(route->port, next_hop);
  }
  if (mac == nullptr) return drop_for(burst, i, worker, DropReason::no_neighbour), false;
  std::memcpy(frame, mac->bytes.data(), 6);
  std::memcpy(frame + 6, port.mac.bytes.data(), 6);
  out_port = route->port;
  return true;
}

[[gnu::noinline]] void to_client(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  const Service& service = *burst.service[i];
  const PacketView view = burst.view[i];
  Frame& frame = burst.frame[i];
  const bool to_host = burst.is_to_host(i);
  if (!to_host && !find_way_to_client(burst, i, snapshot, worker, burst.out_port[i])) return;
  PairCounters& pair = worker.pairs[service.pair(burst.backend[i])];
  pair.reply_packets.add(1);
  pair.reply_bytes.add(frame.bytes);
  frame.bytes = view.frame_bytes();
  const be16 port = service.port != be16(0) ? service.port : view.sport;
  const IpAddress& vip = service.vip.address;
  const uint8_t hops = to_host ? 0 : 1;
  uint8_t* const ip = view.ip(frame.data);
  uint8_t* const l4 = view.l4(frame.data);
  if (view.l3 == L3::ipv4) {
    translate4(ip, l4, view.protocol, End::source, vip.v4(), port, hops);
  } else {
    translate6(ip, l4, view.protocol, End::source, vip.bytes().data(), port, hops);
  }
  if (to_host) burst.punt(i, true);
}

}  // namespace

void rewrite(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  const uint64_t live = burst.live;
  const uint64_t replies = live & burst.replies;
  for (const unsigned i : bits_of(replies))
    to_client(burst, i, snapshot, worker);
  for (uint64_t rest = live & ~replies; rest != 0;)
    rest = run_of(burst.destination[std::countr_zero(rest)]->change, burst, rest, worker);
}

}  // namespace shunt
