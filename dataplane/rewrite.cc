// rewrite: makes of each packet what its next hop is to get: new MACs and one hop less in every mode, an
// outer header (ipip) or another destination (nat), and back again for nat's replies.
//
// Cost: the destination's line and the frame's first two. Checksums are edited (RFC 1624), never verified, so
// that an error passes on to who can see it.
#include "common/checksum.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

void drop_for(Burst& burst, unsigned i, WorkerState& worker, DropReason reason) {
  worker.count_service_drop(burst.service[i]->id, reason);
  burst.drop(i, reason);
}

// RFC 791, RFC 8200: one hop less. IPv4's header checksum follows. (TTL and protocol are loaded and stored as
// one word: a byte store before a wider load of it stalls.)
void decrement_hops(const PacketView& view, uint8_t* frame) {
  uint8_t* ip = view.ip(frame);
  if (view.l3 == L3::ipv6) {
    --ip[7];
    return;
  }
  const auto before = load<uint16_t>(ip + 8);
  const uint16_t after = be16(static_cast<uint16_t>(be16::from_raw(before).host() - 0x0100)).raw();
  store(ip + 8, after);
  store(ip + 10, apply_delta(load<uint16_t>(ip + 10), checksum_delta(before, after)));
}

// Pads to the shortest Ethernet frame are not carried, nor is anything else behind the IP packet.
void trim(Frame& frame, const PacketView& view) {
  frame.bytes = view.frame_bytes();
}

void write_macs(Frame& frame, const Destination& destination) {
  std::memcpy(frame.data, destination.macs.data(), destination.macs.size());
}

// Changes an address and a port of an IPv4 packet and the checksums that cover them. `address_at` is 12
// (source) or 16 (destination), `port_at` 0 or 2.
void translate_v4(const PacketView& view, uint8_t* frame, unsigned address_at, be32 address, unsigned port_at,
                  be16 port) {
  uint8_t* ip = view.ip(frame);
  uint8_t* l4 = view.l4(frame);
  const uint64_t address_delta = checksum_delta(load<uint32_t>(ip + address_at), address.raw());
  const uint64_t port_delta = checksum_delta(load<uint16_t>(l4 + port_at), port.raw());
  store(ip + address_at, address);
  store(l4 + port_at, port);
  store(ip + 10, apply_delta(load<uint16_t>(ip + 10), address_delta));
  uint8_t* sum = l4 + (view.protocol == kProtocolTcp ? 16 : 6);
  const auto old_sum = load<uint16_t>(sum);
  // RFC 768: a UDP checksum of 0 says that there is none, so a computed 0 is sent as its other form.
  if (view.protocol == kProtocolUdp && old_sum == 0) return;
  uint16_t new_sum = apply_delta(old_sum, address_delta + port_delta);
  if (view.protocol == kProtocolUdp && new_sum == 0) new_sum = 0xffff;
  store(sum, new_sum);
}

// An IPv4 header as five words in packet order, so that it is summed and stored from registers.
struct Ipv4Words {
  uint32_t words[5];

  void seal() {
    uint64_t sum = 0;
    for (const uint32_t word : words)
      sum += word;
    words[2] |= static_cast<uint32_t>(static_cast<uint16_t>(~fold_checksum(sum))) << 16U;
  }
};

// Two 16-bit packet words, or four bytes, as one in memory order.
uint32_t pair_of(be16 first, be16 second) {
  return first.raw() | (static_cast<uint32_t>(second.raw()) << 16U);
}

// RFC 2003, 4in4. RFC 6040 normal mode: DSCP and ECN as inside; DF as inside; TTL 64 of its own. The frame's
// first 12 bytes are left for write_macs.
void push_ipip(Burst& burst, unsigned i, const Destination& destination) {
  const PacketView& view = burst.view[i];
  Frame& frame = burst.frame[i];
  const uint8_t* inner = view.ip(frame.data);
  const bool dont_fragment = (inner[6] & 0x40U) != 0;
  // RFC 6864: an identification means something only while DF is clear; the inner one is as unique as its
  // sender made it.
  const be16 id = dont_fragment ? be16(0) : load<be16>(inner + 4);
  // One source per flow, so that the backend's RSS, which sees only the outer header, spreads flows.
  const uint32_t source =
      destination.outer_source.host() | (burst.key[i].index & destination.source_spread_mask);
  Ipv4Words outer{{pair_of(be16(static_cast<uint16_t>(0x4500U | inner[1])),
                           be16(static_cast<uint16_t>(view.ip_bytes + kIpv4HeaderBytes))),
                   pair_of(id, be16(dont_fragment ? 0x4000 : 0)),
                   pair_of(be16(static_cast<uint16_t>(64U << 8U | kProtocolIpip)), be16(0)),
                   be32(source).raw(), load<uint32_t>(destination.address.wire())}};
  outer.seal();

  // The type, and tags before it, move down; the outer header takes their place.
  uint8_t* start = frame.data - kIpv4HeaderBytes;
  if (view.l3_offset == kEtherHeaderBytes) [[likely]] {
    store(start + 12, load<uint16_t>(frame.data + 12));
  } else {
    std::memmove(start + 12, frame.data + 12, view.l3_offset - 12U);
  }
  std::memcpy(start + view.l3_offset, outer.words, sizeof outer.words);
  frame.data = start;
  frame.bytes += kIpv4HeaderBytes;
}

// Why this destination can't take the packet; true if it can.
bool can_leave(Burst& burst, unsigned i, WorkerState& worker, const Destination& destination,
               unsigned outer_bytes) {
  const Service& service = *burst.service[i];
  if (!destination.present) return drop_for(burst, i, worker, DropReason::no_backend), false;
  if (!destination.has_route) return drop_for(burst, i, worker, DropReason::no_neighbour), false;
  if (service.forward == Forward::l2 && !destination.on_link) {
    return drop_for(burst, i, worker, DropReason::not_on_link), false;
  }
  if (!destination.has_mac) return drop_for(burst, i, worker, DropReason::no_neighbour), false;
  if (burst.view[i].ip_bytes + outer_bytes > destination.mtu)
    return drop_for(burst, i, worker, DropReason::too_big), false;
  return true;
}

void to_backend(Burst& burst, unsigned i, WorkerState& worker) {
  const Service& service = *burst.service[i];
  const Destination& destination = *burst.destination[i];
  const unsigned outer_bytes = service.forward == Forward::ipip ? kIpv4HeaderBytes : 0U;
  if (!can_leave(burst, i, worker, destination, outer_bytes)) return;
  Frame& frame = burst.frame[i];
  trim(frame, burst.view[i]);
  decrement_hops(burst.view[i], frame.data);
  if (service.forward == Forward::ipip) push_ipip(burst, i, destination);
  if (service.forward == Forward::nat) {
    const be16 port = destination.backend_port != be16(0) ? destination.backend_port : burst.view[i].dport;
    translate_v4(burst.view[i], frame.data, 16, destination.address.v4(), 2, port);
  }
  write_macs(frame, destination);
  PairCounters& pair = worker.pairs[service.pair(burst.backend[i])];
  pair.packets.add(1);
  pair.bytes.add(burst.received_bytes[i]);
  burst.send(i, destination.port);
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

void to_client(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  const Service& service = *burst.service[i];
  Frame& frame = burst.frame[i];
  uint8_t out_port = 0;
  if (burst.to_host[i] == 0) {
    if (!find_way_to_client(burst, i, snapshot, worker, out_port)) return;
    decrement_hops(burst.view[i], frame.data);
  }
  trim(frame, burst.view[i]);
  const be16 port = service.port != be16(0) ? service.port : burst.view[i].sport;
  translate_v4(burst.view[i], frame.data, 12, service.vip.address.v4(), 0, port);
  PairCounters& pair = worker.pairs[service.pair(burst.backend[i])];
  pair.reply_packets.add(1);
  pair.reply_bytes.add(burst.received_bytes[i]);
  if (burst.to_host[i] != 0) return burst.punt(i, true);
  burst.send(i, out_port);
}

}  // namespace

void rewrite(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  // The destinations' lines and the room where an outer header goes are asked for before the first packet
  // needs them (fastpath: the headroom line costs 26 ticks a packet when it isn't).
  for (unsigned n = 0; n < burst.live_count; ++n) {
    const unsigned i = burst.live[n];
    if (burst.direction[i] == Direction::reply) continue;
    burst.destination[i] = &burst.service[i]->destination(burst.backend[i]);
    __builtin_prefetch(burst.destination[i]);
    __builtin_prefetch(burst.frame[i].data - kIpv4HeaderBytes, 1);
  }
  for (unsigned n = 0; n < burst.live_count; ++n) {
    const unsigned i = burst.live[n];
    if (burst.direction[i] == Direction::reply) {
      to_client(burst, i, snapshot, worker);
    } else {
      to_backend(burst, i, worker);
    }
  }
  burst.compact();
}

}  // namespace shunt
