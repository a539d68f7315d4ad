// rewrite: makes of each packet what its next hop is to get: new MACs and one hop less in every mode, an
// outer header (ipip, gue, gre) or another destination (nat), and back again for nat's replies.
//
// Cost: the destination's line and the frame's first two, all asked for before. Checksums are edited (RFC
// 1624), never verified, so that an error passes on to who can see it.
#include <algorithm>
#include <cstddef>

#include "common/checksum.h"
#include "dataplane/icmp_error.h"
#include "dataplane/mss_clamp.h"
#include "dataplane/outer_header.h"
#include "dataplane/stages.h"
#include "dataplane/translation.h"

namespace shunt {
namespace {

void drop_for(Burst& burst, unsigned i, WorkerState& worker, DropReason reason) {
  worker.count_service_drop(burst.packet[i].service->id, reason);
  burst.drop(i, reason);
}

// RFC 791: without DF it may travel in pieces.
bool is_cuttable(const Packet& packet) {
  return packet.view.l3 == L3::ipv4 && (packet.view.ip(packet.data)[6] & 0x40U) == 0;
}
// Where its service has that.
bool may_be_cut(const Packet& packet) {
  return packet.service->cuts && is_cuttable(packet);
}
void cut(Burst& burst, unsigned i, WorkerState& worker, const Destination& destination);

// What becomes of a packet that is longer than the `fitting` bytes of its way out and isn't cut: its source
// is told, unless it couldn't know of such ways. (A way that fits nothing isn't a matter of size.)
[[gnu::noinline]] void refuse_too_big(Burst& burst, unsigned i, WorkerState& worker, uint16_t fitting) {
  if (is_cuttable(burst.packet[i]) || fitting == 0) return drop_for(burst, i, worker, DropReason::too_big);
  burst.answer(i, DropReason::too_big, fitting);
}

// Of what was refused as too big: nobody is told who can't have asked.
[[gnu::noinline]] void silence(Burst& burst, uint64_t refused, const Snapshot& snapshot,
                               WorkerState& worker) {
  for (const unsigned i : bits_of(refused)) {
    if (burst.fate[i] == Fate::answer && !may_be_answered(burst, i, snapshot))
      drop_for(burst, i, worker, burst.reason[i]);
  }
}

// Why a packet can't take the way that its destination has.
[[gnu::noinline]] void refuse(Burst& burst, unsigned i, WorkerState& worker, const Destination& destination) {
  if (!destination.present) return drop_for(burst, i, worker, DropReason::no_backend);
  if (!destination.has_route) return drop_for(burst, i, worker, DropReason::no_neighbour);
  if (burst.packet[i].service->forward == Forward::l2 && !destination.on_link)
    return drop_for(burst, i, worker, DropReason::not_on_link);
  if (!destination.has_mac) return drop_for(burst, i, worker, DropReason::no_neighbour);
  if (destination.longest != 0 && may_be_cut(burst.packet[i])) return cut(burst, i, worker, destination);
  refuse_too_big(burst, i, worker, destination.longest);
}

constexpr bool is_outer(Change change) {
  return change >= Change::outer4;
}
constexpr bool is_outer4(Change change) {
  return is_outer(change) && change < Change::outer6;
}
constexpr bool has_gue(Change change) {
  return change == Change::outer4_udp_gue || change == Change::outer6_udp_gue;
}
constexpr bool has_udp(Change change) {
  return change == Change::outer4_udp || change == Change::outer6_udp || has_gue(change);
}
constexpr bool has_gre(Change change) {
  return change == Change::outer4_gre || change == Change::outer6_gre;
}
// Of what stands between the outer IP header and the packet.
constexpr unsigned shim_bytes(Change change) {
  return has_gue(change)   ? unsigned{kUdpHeaderBytes} + kGueHeaderBytes
         : has_udp(change) ? kUdpHeaderBytes
         : has_gre(change) ? kGreHeaderBytes
                           : 0U;
}

// The tags of a tagged frame stand behind the MACs of the new one, and the outer headers, which were written
// for a frame without tags, begin so much earlier.
[[gnu::noinline]] uint8_t* put_tags(uint8_t* start, const uint8_t* tags, unsigned tag_bytes) {
  uint8_t* const moved = start - tag_bytes;
  std::memmove(moved, start, 12);
  std::memcpy(moved + 12, tags, tag_bytes);
  return moved;
}

// What packets that go through one loop have in common. `kPlain`: the burst says that they have no tags and
// are of this family (Burst::plain4, plain6); others are asked.
template <Change kChangeOf, L3 kInnerOf, bool kPlainIs>
struct Kind {
  static constexpr Change kChange = kChangeOf;
  static constexpr L3 kInner = kInnerOf;
  static constexpr bool kPlain = kPlainIs;

  static bool holds(const PacketView& view) { return kPlain || view.l3 == kInner; }
  static unsigned l3_offset(const PacketView& view) {
    return kPlain ? unsigned{kEtherHeaderBytes} : unsigned{view.l3_offset};
  }
};

// The packet inside another one. (Inlined by word: fragments take this way too, and a call costs the others
// 11 instructions.)
template <typename Kind>
[[gnu::always_inline]] inline void encapsulate(Packet& packet, const Destination& destination,
                                               unsigned ip_bytes, WorkerState& worker) {
  constexpr Change kChange = Kind::kChange;
  constexpr L3 kInner = Kind::kInner;
  constexpr unsigned kOuterIp = is_outer4(kChange) ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  constexpr unsigned kOuter = kOuterIp + shim_bytes(kChange);
  const unsigned l3_offset = Kind::l3_offset(packet.view);
  const uint32_t flow = packet.key_index;
  uint8_t* const ip = packet.data + l3_offset;
  uint8_t* start = ip - kOuter - kEtherHeaderBytes;
  std::array<uint8_t, 2 * kVlanTagBytes> tags;
  const unsigned tag_bytes = l3_offset - kEtherHeaderBytes;
  if constexpr (!Kind::kPlain)
    std::memcpy(tags.data(), packet.data + 12, tag_bytes);  // an outer header may come to lie there
  const uint8_t traffic_class = outer_class<kInner>(ip, destination);
  take_hop<kInner>(ip);
  if constexpr (has_gre(kChange)) write_gre<kInner>(ip - kGreHeaderBytes);
  if constexpr (has_gue(kChange)) write_gue<kInner>(ip - kGueHeaderBytes);
  if constexpr (has_udp(kChange)) {
    constexpr unsigned kShim = shim_bytes(kChange);
    const be16 sport = gue_source_port(flow);
    uint16_t checksum = 0;  // RFC 768: over IPv4 it may do without one
    if constexpr (!is_outer4(kChange))
      checksum = gue_checksum6<kInner, kShim>(packet.view, ip, destination, sport, flow);
    write_udp(ip - kShim, sport, ip_bytes + kShim, checksum);
  }
  if constexpr (is_outer4(kChange)) {
    write_outer4(start, destination, traffic_class, ip_bytes + kOuter, flow);
    if (allows_cutting<kInner>(ip)) [[unlikely]]
      allow_cutting(ip - kOuter, worker.outer_ids.next(destination.address4, worker.index, worker.workers));
  } else {
    write_outer6(start, destination, traffic_class, ip_bytes + kOuter - kOuterIp, flow);
  }
  if constexpr (!Kind::kPlain) start = put_tags(start, tags.data(), tag_bytes);
  packet.data = start;
  packet.bytes = l3_offset + ip_bytes + kOuter;
}

// The packet itself, to another MAC or address. Pads to the shortest Ethernet frame are not carried, nor is
// anything else behind the IP packet.
template <typename Kind>
[[gnu::always_inline]] inline void edit(Packet& packet, const Destination& destination, unsigned ip_bytes) {
  constexpr Change kChange = Kind::kChange;
  const unsigned l3_offset = Kind::l3_offset(packet.view);
  uint8_t* const frame = packet.data;
  uint8_t* const ip = frame + l3_offset;
  const auto macs_begin = load<uint64_t>(destination.head.data());
  const auto macs_end = load<uint32_t>(destination.head.data() + 8);
  packet.bytes = l3_offset + ip_bytes;
  if constexpr (kChange == Change::l2) {
    take_hop<Kind::kInner>(ip);
  } else {
    uint8_t* const l4 = frame + packet.view.l4_offset;
    const uint8_t protocol = packet.view.protocol;
    const be16 port = destination.backend_port != be16(0) ? destination.backend_port : load<be16>(l4 + 2);
    if constexpr (kChange == Change::nat4)
      translate4(ip, l4, protocol, End::destination, destination.address4, port, 1);
    if constexpr (kChange == Change::nat6)
      translate6(ip, l4, protocol, End::destination, destination.address.bytes().data(), port, 1);
  }
  store(frame, macs_begin);
  store(frame + 8, macs_end);
}

// Destination::change and port: what the packets of a run have in common.
inline uint16_t way_of(const Destination& destination) {
  return load<uint16_t>(&destination.change);
}
static_assert(offsetof(Destination, port) == offsetof(Destination, change) + 1);

// Changes all of `packets` that are like the first one, and leaves the rest, if any, to another run. One
// loop for each kind, because nearly every burst has one only, and each keeps its own values in registers.
template <typename Kind>
[[gnu::noinline]] uint64_t run(Burst& burst, uint64_t packets, WorkerState& worker) {
  PairCounters* const pairs = worker.pairs.data();
  const Packet& first = burst.packet[static_cast<unsigned>(std::countr_zero(packets))];
  const uint8_t port = first.destination->port;
  const uint16_t way = way_of(*first.destination);
  uint64_t rest = 0;
  burst.each_of(packets, [&](Packet& packet) {
    const Destination& destination = *packet.destination;
    const unsigned ip_bytes = packet.view.ip_bytes;
    const uint32_t bytes = packet.bytes;
    if (way_of(destination) != way || !Kind::holds(packet.view)) [[unlikely]] {
      rest |= bit_of(burst.index_of(packet));
      return;
    }
    if (ip_bytes > destination.longest) [[unlikely]]
      return refuse(burst, burst.index_of(packet), worker, destination);
    PairCounters& pair = pairs[packet.pair];
    if constexpr (is_outer(Kind::kChange)) {
      encapsulate<Kind>(packet, destination, ip_bytes, worker);
    } else {
      edit<Kind>(packet, destination, ip_bytes);
    }
    pair.packets.add(1);
    pair.bytes.add(bytes);
  });
  burst.leave_by(port, packets & ~rest);
  return rest;
}

template <L3 kInner, bool kPlain>
uint64_t run_of(Change change, Burst& burst, uint64_t packets, WorkerState& worker) {
  switch (change) {
    case Change::l2:
      return run<Kind<Change::l2, kInner, kPlain>>(burst, packets, worker);
    case Change::nat4:
      return run<Kind<Change::nat4, kInner, kPlain>>(burst, packets, worker);
    case Change::nat6:
      return run<Kind<Change::nat6, kInner, kPlain>>(burst, packets, worker);
    case Change::outer4:
      return run<Kind<Change::outer4, kInner, kPlain>>(burst, packets, worker);
    case Change::outer4_udp:
      return run<Kind<Change::outer4_udp, kInner, kPlain>>(burst, packets, worker);
    case Change::outer4_udp_gue:
      return run<Kind<Change::outer4_udp_gue, kInner, kPlain>>(burst, packets, worker);
    case Change::outer4_gre:
      return run<Kind<Change::outer4_gre, kInner, kPlain>>(burst, packets, worker);
    case Change::outer6:
      return run<Kind<Change::outer6, kInner, kPlain>>(burst, packets, worker);
    case Change::outer6_udp:
      return run<Kind<Change::outer6_udp, kInner, kPlain>>(burst, packets, worker);
    case Change::outer6_udp_gue:
      return run<Kind<Change::outer6_udp_gue, kInner, kPlain>>(burst, packets, worker);
    case Change::outer6_gre:
      return run<Kind<Change::outer6_gre, kInner, kPlain>>(burst, packets, worker);
  }
  return 0;
}

template <bool kPlain>
void run_all(Burst& burst, uint64_t packets, WorkerState& worker) {
  while (packets != 0) {
    const Packet& first = burst.packet[static_cast<unsigned>(std::countr_zero(packets))];
    const Change change = first.destination->change;
    packets = first.view.l3 == L3::ipv4 ? run_of<L3::ipv4, kPlain>(change, burst, packets, worker)
                                        : run_of<L3::ipv6, kPlain>(change, burst, packets, worker);
  }
}

// The tags go; what the frame is for now has its own MACs.
[[gnu::noinline]] void strip_tags(Packet& packet) {
  const unsigned tag_bytes = packet.view.l3_offset - kEtherHeaderBytes;
  if (tag_bytes == 0) return;
  std::memmove(packet.data + tag_bytes, packet.data, 12);
  packet.data += tag_bytes;
  packet.bytes -= tag_bytes;
  packet.view.l3_offset = kEtherHeaderBytes;
  if (packet.view.l4_offset != 0)
    packet.view.l4_offset = static_cast<uint16_t>(packet.view.l4_offset - tag_bytes);
}

// Of a port with vlan = "strip". What doesn't fit keeps its tags: it isn't sent on, and an answer to it goes
// back by the same VLAN.
[[gnu::noinline]] void strip_all(Burst& burst, uint64_t packets) {
  for (const unsigned i : bits_of(packets)) {
    Packet& packet = burst.packet[i];
    if (packet.view.ip_bytes <= packet.destination->longest) strip_tags(packet);
  }
}

// SYNs to services with an mss_clamp: an opening's, or one that hit an entry.
[[gnu::noinline]] void clamp_all(Burst& burst, uint64_t packets) {
  for (const unsigned i : bits_of(packets)) {
    const Packet& packet = burst.packet[i];
    const PacketView& view = packet.view;
    if (packet.service->mss_clamp == 0 || view.protocol != kProtocolTcp || view.l4_offset == 0 ||
        (view.tcp_flags & tcp_flag::kSyn) == 0)
      continue;
    clamp_mss(view.l4(packet.data),
              largest_segment(*packet.service, packet.destination->longest, view.l3 == L3::ipv4));
  }
}

// A nat backend's SYN-ACK: what the client then sends has to fit the way to the backend, and its answers the
// one to the client.
[[gnu::noinline]] void clamp_answer(Packet& packet, const Destination& destination, uint16_t client_mtu) {
  const PacketView& view = packet.view;
  if (view.protocol != kProtocolTcp || (view.tcp_flags & tcp_flag::kSyn) == 0) return;
  const unsigned fitting = std::min(destination.longest, client_mtu);
  clamp_mss(view.l4(packet.data), largest_segment(*packet.service, fitting, view.l3 == L3::ipv4));
}

// A later fragment: neither ports nor checksum are there to be edited.
void edit_later_fragment(Packet& packet, const Destination& destination) {
  uint8_t* const frame = packet.data;
  uint8_t* const ip = packet.view.ip(frame);
  packet.bytes = packet.view.frame_bytes();
  std::memcpy(frame, destination.head.data(), 12);
  if (destination.change == Change::nat4) {
    translate_address4(ip, End::destination, destination.address4, 1);
  } else {
    translate_address6(ip, End::destination, destination.address.bytes().data(), 1);
  }
}

template <Change kChange, L3 kInner>
void change_one(Packet& packet, const Destination& destination, WorkerState& worker) {
  using Any = Kind<kChange, kInner, false>;
  if constexpr (is_outer(kChange)) {
    encapsulate<Any>(packet, destination, packet.view.ip_bytes, worker);
  } else {
    edit<Any>(packet, destination, packet.view.ip_bytes);
  }
}

template <L3 kInner>
void change_fragment(Packet& packet, const Destination& destination, WorkerState& worker) {
  const bool is_later = packet.view.l4_offset == 0;
  switch (destination.change) {
    case Change::l2:
      return change_one<Change::l2, kInner>(packet, destination, worker);
    case Change::nat4:
      return is_later ? edit_later_fragment(packet, destination)
                      : change_one<Change::nat4, kInner>(packet, destination, worker);
    case Change::nat6:
      return is_later ? edit_later_fragment(packet, destination)
                      : change_one<Change::nat6, kInner>(packet, destination, worker);
    case Change::outer4:
      return change_one<Change::outer4, kInner>(packet, destination, worker);
    case Change::outer4_udp:
      return change_one<Change::outer4_udp, kInner>(packet, destination, worker);
    case Change::outer4_udp_gue:
      return change_one<Change::outer4_udp_gue, kInner>(packet, destination, worker);
    case Change::outer6:
      return change_one<Change::outer6, kInner>(packet, destination, worker);
    case Change::outer6_udp:
      return change_one<Change::outer6_udp, kInner>(packet, destination, worker);
    case Change::outer6_udp_gue:
      return change_one<Change::outer6_udp_gue, kInner>(packet, destination, worker);
    case Change::outer4_gre:
      return change_one<Change::outer4_gre, kInner>(packet, destination, worker);
    case Change::outer6_gre:
      return change_one<Change::outer6_gre, kInner>(packet, destination, worker);
  }
}

void count_for(const Packet& packet, WorkerState& worker) {
  PairCounters& pair = worker.pairs[packet.pair];
  pair.packets.add(1);
  pair.bytes.add(packet.bytes);
}

// It leaves in pieces, which transmit makes: of the packet as it is, where each gets an outer header, else of
// what it has become.
[[gnu::noinline]] void cut(Burst& burst, unsigned i, WorkerState& worker, const Destination& destination) {
  Packet& packet = burst.packet[i];
  count_for(packet, worker);
  if (burst.strips_tags) strip_tags(packet);
  if (!is_outer(destination.change)) change_fragment<L3::ipv4>(packet, destination, worker);
  burst.cut(i, destination.longest, destination.port);
}

[[gnu::noinline]] void fragment_to_backend(Burst& burst, unsigned i, WorkerState& worker) {
  Packet& packet = burst.packet[i];
  const Destination& destination = *packet.destination;
  if (packet.view.ip_bytes > destination.longest) return refuse(burst, i, worker, destination);
  count_for(packet, worker);
  rewrite_fragment(packet, worker);
  burst.leave_by(destination.port, bit_of(i));
}

// One that is rewritten leaves whole, or in pieces.
void leave(Burst& burst, unsigned i, uint16_t longest, uint8_t out_port) {
  if (burst.packet[i].view.ip_bytes > longest) [[unlikely]]
    return burst.cut(i, longest, out_port);
  burst.leave_by(out_port, bit_of(i));
}

// Where a reply to a client leaves, and to whom; asks for a MAC that isn't known. False: dropped.
bool find_way_to_client(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker,
                        uint8_t& out_port) {
  uint8_t* frame = burst.packet[i].data;
  const IpAddress client = burst.packet[i].view.destination(frame);
  const Route* route = snapshot.routes->find(client);
  if (route == nullptr) return drop_for(burst, i, worker, DropReason::no_neighbour), false;
  const PortState& port = snapshot.ports[route->port];
  if (burst.packet[i].view.ip_bytes > port.mtu && !may_be_cut(burst.packet[i]))
    return refuse_too_big(burst, i, worker, port.mtu), false;
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

// The source of a later fragment is the VIP's again; ports and checksum are in the first one.
[[gnu::noinline]] void restore_address(const PacketView& view, uint8_t* ip, const IpAddress& vip,
                                       uint8_t hops) {
  if (view.l3 == L3::ipv4) {
    translate_address4(ip, End::source, vip.v4(), hops);
  } else {
    translate_address6(ip, End::source, vip.bytes().data(), hops);
  }
}

[[gnu::noinline]] void to_client(Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker) {
  const Service& service = *burst.packet[i].service;
  const PacketView view = burst.packet[i].view;
  Packet& packet = burst.packet[i];
  const bool to_host = burst.is_to_host(i);
  uint8_t out_port = 0;
  if (!to_host && !find_way_to_client(burst, i, snapshot, worker, out_port)) return;
  PairCounters& pair = worker.pairs[service.pair(burst.backend[i])];
  pair.reply_packets.add(1);
  pair.reply_bytes.add(packet.bytes);
  packet.bytes = view.frame_bytes();
  const IpAddress& vip = service.vip.address;
  const uint8_t hops = to_host ? 0 : 1;
  if (burst.is_error(i)) [[unlikely]] {
    translate_error(view, packet.data, End::source, vip, service.port, hops);
    if (!to_host && burst.strips_tags) strip_tags(packet);
    return to_host ? burst.punt(i, true) : leave(burst, i, snapshot.ports[out_port].mtu, out_port);
  }
  uint8_t* const ip = view.ip(packet.data);
  if (view.l4_offset == 0) [[unlikely]] {
    restore_address(view, ip, vip, hops);
  } else {
    const be16 port = service.port != be16(0) ? service.port : view.sport(packet.data);
    uint8_t* const l4 = view.l4(packet.data);
    if (view.l3 == L3::ipv4) {
      translate4(ip, l4, view.protocol, End::source, vip.v4(), port, hops);
    } else {
      translate6(ip, l4, view.protocol, End::source, vip.bytes().data(), port, hops);
    }
    if (service.mss_clamp != 0) [[unlikely]]
      clamp_answer(packet, service.destination(burst.backend[i]),
                   to_host ? uint16_t{0xffff} : snapshot.ports[out_port].mtu);
  }
  if (to_host) return burst.punt(i, true);
  if (burst.strips_tags) [[unlikely]]
    strip_tags(packet);
  leave(burst, i, snapshot.ports[out_port].mtu, out_port);
}

// ICMP errors about what a nat backend sent. (Those of other modes travel as any packet of their flow.)
// Returns them.
[[gnu::noinline]] uint64_t errors_to_nat_backends(Burst& burst, uint64_t errors, WorkerState& worker) {
  uint64_t done = 0;
  for (const unsigned i : bits_of(errors)) {
    Packet& packet = burst.packet[i];
    const Destination& destination = *packet.destination;
    if (destination.change != Change::nat4 && destination.change != Change::nat6) continue;
    done |= bit_of(i);
    const bool fits_in_pieces = destination.longest != 0 && may_be_cut(packet);
    if (packet.view.ip_bytes > destination.longest && !fits_in_pieces) {
      refuse(burst, i, worker, destination);
      continue;
    }
    count_for(packet, worker);
    packet.bytes = packet.view.frame_bytes();
    translate_error(packet.view, packet.data, End::destination, destination.address, destination.backend_port,
                    1);
    if (burst.strips_tags) strip_tags(packet);  // of one that leaves in pieces
    std::memcpy(packet.data, destination.head.data(), 12);
    leave(burst, i, destination.longest, destination.port);
  }
  return done;
}

}  // namespace

void rewrite_fragment(Packet& packet, WorkerState& worker) {
  const Destination& destination = *packet.destination;
  if (packet.view.l3 == L3::ipv4) {
    change_fragment<L3::ipv4>(packet, destination, worker);
  } else {
    change_fragment<L3::ipv6>(packet, destination, worker);
  }
}

void rewrite(Burst& burst, const Snapshot& snapshot, WorkerState& worker) {
  const uint64_t live = burst.live;
  const uint64_t replies = live & burst.replies;
  const uint64_t fragments = live & burst.fragments & ~replies;
  burst.strips_tags = snapshot.ports[burst.port].strips_tags;
  for (const unsigned i : bits_of(replies))
    to_client(burst, i, snapshot, worker);
  if (burst.strips_tags) [[unlikely]]
    strip_all(burst, live & ~replies & ~burst.plain4 & ~burst.plain6);
  if (snapshot.clamps_mss) [[unlikely]]
    clamp_all(burst, live & ~replies & (burst.selecting | burst.known_syns));
  for (const unsigned i : bits_of(fragments))
    fragment_to_backend(burst, i, worker);
  uint64_t forward = live & ~replies & ~fragments;
  if (burst.errors != 0) [[unlikely]]
    forward &= ~errors_to_nat_backends(burst, forward & burst.errors, worker);
  run_all<true>(burst, forward & burst.plain4, worker);
  run_all<true>(burst, forward & burst.plain6, worker);
  run_all<false>(burst, forward & ~burst.plain4 & ~burst.plain6, worker);
  if ((live & ~burst.live) != 0) [[unlikely]]
    silence(burst, live & ~burst.live, snapshot, worker);
}

}  // namespace shunt
