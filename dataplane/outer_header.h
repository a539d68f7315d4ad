// Outer headers: what stands before a packet on its way to a backend in ipip and gue.
//
// RFC 2003 (4in4), RFC 2473 (6in6, 4in6), RFC 4213 (6in4); gue is draft-ietf-intarea-gue variant 1: the
// packet itself behind UDP port 6080. DSCP and ECN as inside (RFC 6040, normal mode), DF as inside and set
// for IPv6, 64 hops of its own. Everything that no packet changes comes from the destination's words. Cost:
// five stores.
#pragma once

#include "common/checksum.h"
#include "dataplane/burst.h"

namespace shunt {

inline constexpr uint16_t kGuePort = 6080;
inline constexpr uint8_t kOuterHops = 64;

// What an outer header takes from the packet inside.
struct InnerMarks {
  uint8_t traffic_class = 0;    // DSCP and ECN
  bool dont_fragment = true;    // IPv6 never is cut on its way
  uint16_t identification = 0;  // raw. RFC 6864: it means something only while DF is clear; then the inner
                                // one is as unique as its sender made it
};

// Reads them and takes one hop away (RFC 791, RFC 8200), which IPv4's header checksum follows.
inline InnerMarks take_marks(uint8_t* ip, bool is_v4) {
  if (!is_v4) {
    const auto traffic_class = static_cast<uint8_t>(load<be16>(ip).host() >> 4U);
    --ip[7];
    return {traffic_class, true, 0};
  }
  const uint8_t traffic_class = ip[1];
  const bool dont_fragment = (ip[6] & 0x40U) != 0;
  const uint16_t identification = dont_fragment ? uint16_t{0} : load<uint16_t>(ip + 4);
  const uint16_t checksum = checksum_after_hop(load<uint16_t>(ip + 10));
  --ip[8];
  store(ip + 10, checksum);
  return {traffic_class, dont_fragment, identification};
}

// The bits of the outer source, its last four bytes, that a flow's hash fills in: one source is one flow's,
// so that the backend's RSS, which sees only the outer header, spreads flows. They are 0 in the source
// itself, so adding them to its sum is enough.
inline uint32_t spread_of(const Destination& destination, uint32_t flow) {
  return be32(flow & destination.source_spread_mask).raw();
}

inline void write_outer4(uint8_t* at, const Destination& destination, const InnerMarks& inner,
                         unsigned total_bytes, uint32_t flow) {
  const uint64_t begin = 0x45U | (uint64_t{inner.traffic_class} << 8U) |
                         (uint64_t{be16(static_cast<uint16_t>(total_bytes)).raw()} << 16U) |
                         (uint64_t{inner.identification} << 32U) |
                         (inner.dont_fragment ? uint64_t{be16(0x4000).raw()} << 48U : 0U);
  const uint32_t spread = spread_of(destination, flow);
  const uint64_t sum = uint64_t{destination.outer_sum} + spread + (begin & 0xffffffffU) + (begin >> 32U);
  const uint64_t end = destination.outer4_end | (uint64_t{spread} << 32U) |
                       (uint64_t{static_cast<uint16_t>(~fold_checksum(sum))} << 16U);
  store(at, begin);
  store(at + 8, end);
  store(at + 16, destination.address4);
}

// RFC 6438: the flow label may stay 0 where UDP or the source spreads flows.
inline void write_outer6(uint8_t* at, const Destination& destination, const InnerMarks& inner,
                         unsigned payload_bytes, uint32_t flow) {
  store(at, be32(0x60000000U | (uint32_t{inner.traffic_class} << 20U)));
  store(at + 4, be32((payload_bytes << 16U) | (uint32_t{destination.inner_protocol} << 8U) | kOuterHops));
  std::memcpy(at + 8, destination.outer_source.bytes().data(), 16);
  std::memcpy(at + 24, destination.address.bytes().data(), 16);
  if (destination.source_spread_mask == 0) return;
  store(at + 20, load<uint32_t>(destination.outer_source.bytes().data() + 12) | spread_of(destination, flow));
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

// The outer UDP checksum over IPv6 (RFC 8200 8.1: 0 isn't allowed). What the packet inside adds to it is
// known without reading it all: its own transport checksum makes its segment's sum the complement of its
// pseudo header's (as Linux's "local checksum offload"). If that checksum is wrong the outer one is wrong as
// well, and the backend drops the packet one header earlier. Raw. `inner`: the IP packet as it travels, hops
// already taken.
inline uint16_t gue_checksum6(const PacketView& view, const uint8_t* inner, const Destination& destination,
                              be16 sport, uint32_t flow) {
  const auto raw = [](unsigned value) { return uint64_t{be16(static_cast<uint16_t>(value)).raw()}; };
  const unsigned l4_at = static_cast<unsigned>(view.l4_offset - view.l3_offset);
  const unsigned l4_bytes = view.ip_bytes - l4_at;
  const uint64_t udp_length = raw(view.ip_bytes + kUdpHeaderBytes);
  uint64_t sum =
      uint64_t{destination.outer_sum} + spread_of(destination, flow) + sport.raw() + 2 * udp_length;
  if (view.protocol == kProtocolUdp && load<uint16_t>(inner + l4_at + 6) == 0) {  // IPv4 without a checksum
    sum = checksum_sum(inner, view.ip_bytes, sum);
  } else if (view.l3 == L3::ipv4) {
    // The header's own sum is 0; the segment's is that of the pseudo header, negative.
    const uint64_t addresses = load<uint64_t>(inner + 12);
    const uint64_t pseudo =
        (addresses & 0xffffffffU) + (addresses >> 32U) + raw(view.protocol) + raw(l4_bytes);
    sum += static_cast<uint16_t>(~fold_checksum(pseudo));
  } else {
    // The addresses stand in the header and in the pseudo header.
    sum = checksum_sum(inner, 8, sum);
    sum += static_cast<uint16_t>(~fold_checksum(raw(l4_bytes) + raw(view.protocol)));
  }
  const auto checksum = static_cast<uint16_t>(~fold_checksum(sum));
  return checksum != 0 ? checksum : uint16_t{0xffff};
}

}  // namespace shunt
