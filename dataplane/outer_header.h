// Outer headers: what stands before a packet on its way to a backend in ipip, gue and gre.
//
// RFC 2003 (4in4), RFC 2473 (6in6, 4in6), RFC 4213 (6in4); gue is draft-ietf-intarea-gue behind
// UDP port 6080: variant 1, the packet itself, or variant 0, a GUE header before it (its Hlen leaves room for
// private data; there is none so far); gre is RFC 2784 without options. ECN as inside (RFC 6040, normal
// mode), DSCP as well or the service's own, DF as inside and set for IPv6, 64 hops of its own. Everything
// that no packet changes comes from the destination. Cost: the destination's line copied, three fields
// written over it.
#pragma once

#include "common/checksum.h"
#include "dataplane/burst.h"

namespace shunt {

inline constexpr uint8_t kOuterHops = 64;

// RFC 791, RFC 8200: one hop less. IPv4's header checksum follows.
template <L3 kInner>
void take_hop(uint8_t* ip) {
  if constexpr (kInner == L3::ipv6) {
    --ip[7];
  } else {
    const uint16_t checksum = checksum_after_hop(load<uint16_t>(ip + 10));
    --ip[8];
    store(ip + 10, checksum);
  }
}

// DSCP and ECN of the outer header, by those of the packet inside.
template <L3 kInner>
uint8_t outer_class(const uint8_t* ip, const Destination& destination) {
  const uint8_t inner = kInner == L3::ipv6 ? static_cast<uint8_t>(load<be16>(ip).host() >> 4U) : ip[1];
  return static_cast<uint8_t>((inner & destination.class_kept) | destination.class_set);
}

// RFC 791: whether the packet may be cut on its way. (RFC 8200: an IPv6 one never.)
template <L3 kInner>
bool allows_cutting(const uint8_t* ip) {
  return kInner == L3::ipv4 && (ip[6] & 0x40U) == 0;
}

// An outer header is made as one that may not be cut. Its identification means something only when it may
// (RFC 6864), and then `id` must be its own: the inner one repeats from sender to sender.
inline void allow_cutting(uint8_t* outer_ip, uint16_t id) {
  const auto before = load<uint32_t>(outer_ip + 4);
  const uint32_t after = be16(id).raw();  // and no flag
  store(outer_ip + 10, apply_delta(load<uint16_t>(outer_ip + 10), checksum_delta(before, after)));
  store(outer_ip + 4, after);
}

// The bits of the outer source, its last four bytes, that a flow's hash fills in: one source is one flow's,
// so that the backend's RSS, which sees only the outer header, spreads flows. They are 0 in the source
// itself, so adding them to its sum is enough.
inline uint32_t spread_of(const Destination& destination, uint32_t flow) {
  return be32(flow & destination.source_spread_mask).raw();
}

// Ethernet and IPv4 at `frame`, which has no tag.
inline void write_outer4(uint8_t* frame, const Destination& destination, uint8_t traffic_class,
                         unsigned total_bytes, uint32_t flow) {
  const __m128i first = load_block(destination.head.data());
  const __m128i second = load_block(destination.head.data() + 16);
  const auto last = load<uint16_t>(destination.head.data() + 32);
  const uint32_t mask = destination.source_spread_mask;
  const uint32_t length = be16(static_cast<uint16_t>(total_bytes)).raw();
  uint32_t sum = destination.outer_sum + (uint32_t{traffic_class} << 8U) + length;
  store(frame, first);
  store(frame + 16, second);
  store(frame + 32, last);
  uint8_t* const ip = frame + kEtherHeaderBytes;
  if (mask != 0) {
    const uint32_t spread = be32(flow & mask).raw();
    sum += (spread & 0xffffU) + (spread >> 16U);
    store(ip + 12, load<uint32_t>(destination.head.data() + kEtherHeaderBytes + 12) | spread);
  }
  ip[1] = traffic_class;
  store(ip + 2, static_cast<uint16_t>(length));
  store(ip + 10, static_cast<uint16_t>(~fold_checksum32(sum)));
}

// Ethernet and IPv6. RFC 6438: the flow label may stay 0 where UDP or the source spreads flows.
inline void write_outer6(uint8_t* frame, const Destination& destination, uint8_t traffic_class,
                         unsigned payload_bytes, uint32_t flow) {
  const __m128i macs = load_block(destination.head.data());
  const __m128i source = load_block(destination.outer_source.bytes().data());
  const __m128i address = load_block(destination.address.bytes().data());
  const uint32_t begin = be32(0x60000000U | (uint32_t{traffic_class} << 20U)).raw();
  const uint32_t length = be16(static_cast<uint16_t>(payload_bytes)).raw();
  const uint32_t mask = destination.source_spread_mask;
  const uint64_t next = uint64_t{destination.inner_protocol} | (uint64_t{kOuterHops} << 8U);
  const auto source_end = load<uint32_t>(destination.outer_source.bytes().data() + 12);
  uint8_t* const ip = frame + kEtherHeaderBytes;
  store(frame, macs);  // and two bytes too many, which come next
  store(frame + 12, be16(kEtherTypeIpv6));
  store(ip, begin | ((length | (next << 16U)) << 32U));
  store(ip + 8, source);
  store(ip + 24, address);
  if (mask != 0) store(ip + 20, source_end | be32(flow & mask).raw());
}

// draft-ietf-intarea-gue 5.4: the source port is the flow's.
inline be16 gue_source_port(uint32_t flow) {
  return be16(static_cast<uint16_t>(0xc000U | (flow & 0x3fffU)));
}

inline void write_udp(uint8_t* at, be16 sport, unsigned udp_bytes, uint16_t checksum_raw) {
  store(at, sport.raw() | (uint64_t{be16(kGuePort).raw()} << 16U) |
                (uint64_t{be16(static_cast<uint16_t>(udp_bytes)).raw()} << 32U) |
                (uint64_t{checksum_raw} << 48U));
}

// draft-ietf-intarea-gue 3.1: variant 0, no control message, Hlen 0 (nothing between this and the packet),
// the protocol of the packet, no flags.
template <L3 kInner>
void write_gue(uint8_t* at) {
  store(at, uint32_t{be16(kInner == L3::ipv4 ? kProtocolIpip : kProtocolIpv6).raw()});
}

// RFC 2784 2: no checksum, version 0, and the EtherType of the packet behind it.
template <L3 kInner>
void write_gre(uint8_t* at) {
  store(at, uint32_t{be16(kInner == L3::ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6).raw()} << 16U);
}

// The outer UDP checksum over IPv6 (RFC 8200 8.1: 0 isn't allowed), raw. What the packet inside adds to it is
// known without reading it all: its own transport checksum makes its segment's sum the complement of its
// pseudo header's (as Linux's "local checksum offload"). If that checksum is wrong the outer one is wrong as
// well, and the backend drops the packet one header earlier. `inner`: the IP packet as it travels, hops
// already taken. `kShim`: bytes between it and the outer IP header.
template <L3 kInner, unsigned kShim>
uint16_t gue_checksum6(const PacketView& view, const uint8_t* inner, const Destination& destination,
                       be16 sport, uint32_t flow) {
  const auto raw = [](unsigned value) { return uint64_t{be16(static_cast<uint16_t>(value)).raw()}; };
  const unsigned l4_at = static_cast<unsigned>(view.l4_offset - view.l3_offset);
  const unsigned l4_bytes = view.ip_bytes - l4_at;
  const uint64_t udp_length = raw(view.ip_bytes + kShim);
  uint64_t sum =
      uint64_t{destination.outer_sum} + spread_of(destination, flow) + sport.raw() + 2 * udp_length;
  // IPv4 without a checksum, or bytes behind the datagram that it doesn't cover (RFC 9868).
  const auto is_uncovered_udp = [&] {
    return view.protocol == kProtocolUdp && (load<uint16_t>(inner + l4_at + 6) == 0 ||
                                             l4_bytes != unsigned{view.payload_bytes} + kUdpHeaderBytes);
  };
  const bool has_transport = view.l4_offset != 0;  // ICMP has another checksum
  // A fragment has but a part of what its checksum covers; extension headers are covered by none.
  const bool has_extensions = kInner == L3::ipv6 && l4_at != kIpv6HeaderBytes;
  if (!has_transport || view.is_fragment || has_extensions || is_uncovered_udp()) {
    sum = checksum_sum(inner, view.ip_bytes, sum);
  } else if constexpr (kInner == L3::ipv4) {
    // The header's own sum is 0; the segment's is that of the pseudo header, negative.
    const uint64_t pseudo = uint64_t{load<uint32_t>(inner + 12)} + load<uint32_t>(inner + 16) +
                            raw(view.protocol) + raw(l4_bytes);
    sum += static_cast<uint16_t>(~fold_checksum(pseudo));
  } else {
    // The addresses stand in the header and in the pseudo header. (Byte 7 was just written: not read in a
    // word.)
    sum +=
        uint64_t{load<uint32_t>(inner)} + load<uint16_t>(inner + 4) + inner[6] + (uint64_t{inner[7]} << 8U);
    sum += static_cast<uint16_t>(~fold_checksum(raw(l4_bytes) + raw(view.protocol)));
  }
  const auto checksum = static_cast<uint16_t>(~fold_checksum(sum));
  return checksum != 0 ? checksum : uint16_t{0xffff};
}

}  // namespace shunt
