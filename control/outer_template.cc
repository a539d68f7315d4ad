#include "control/outer_template.h"

#include "common/checksum.h"
#include "dataplane/outer_header.h"

namespace shunt {

Change change_for(Forward forward, uint8_t gue_variant, Family backend) {
  const bool v4 = backend == Family::ipv4;
  switch (forward) {
    case Forward::ipip:
      return v4 ? Change::outer4 : Change::outer6;
    case Forward::gue:
      if (gue_variant == 0) return v4 ? Change::outer4_udp_gue : Change::outer6_udp_gue;
      return v4 ? Change::outer4_udp : Change::outer6_udp;
    case Forward::gre:
      return v4 ? Change::outer4_gre : Change::outer6_gre;
    case Forward::nat:
      return v4 ? Change::nat4 : Change::nat6;
    default:
      return Change::l2;
  }
}

uint8_t outer_bytes_of(Change change) {
  switch (change) {
    case Change::outer4:
      return kIpv4HeaderBytes;
    case Change::outer4_udp:
      return kIpv4HeaderBytes + kUdpHeaderBytes;
    case Change::outer4_udp_gue:
      return kIpv4HeaderBytes + kUdpHeaderBytes + kGueHeaderBytes;
    case Change::outer4_gre:
      return kIpv4HeaderBytes + kGreHeaderBytes;
    case Change::outer6:
      return kIpv6HeaderBytes;
    case Change::outer6_udp:
      return kIpv6HeaderBytes + kUdpHeaderBytes;
    case Change::outer6_udp_gue:
      return kIpv6HeaderBytes + kUdpHeaderBytes + kGueHeaderBytes;
    case Change::outer6_gre:
      return kIpv6HeaderBytes + kGreHeaderBytes;
    default:
      return 0;
  }
}

namespace {

uint8_t protocol_of(Family family) {
  return family == Family::ipv4 ? kProtocolIpip : kProtocolIpv6;
}

uint8_t protocol_behind(Forward forward, Family inner) {
  switch (forward) {
    case Forward::gue:
      return kProtocolUdp;
    case Forward::gre:
      return kProtocolGre;
    default:
      return protocol_of(inner);
  }
}

}  // namespace

void seal_outer(Destination& destination, const IpAddress& source, Forward forward, Family inner) {
  destination.outer_source = source;
  destination.inner_protocol = protocol_behind(forward, inner);
  if (!destination.address.is_v4()) {
    // Of the UDP checksum: the pseudo header but its length, the port, and what write_gue writes.
    uint64_t sum = uint64_t{be16(kProtocolUdp).raw()} + be16(kGuePort).raw();
    for (const IpAddress& address : {source, destination.address})
      sum = checksum_sum(address.wire(), address.bits() / 8, sum);
    if (destination.change == Change::outer6_udp_gue) sum += be16(protocol_of(inner)).raw();
    destination.outer_sum = fold_checksum(sum);
    return;
  }
  uint8_t* const ip = destination.head.data() + kEtherHeaderBytes;
  store(ip - 2, be16(kEtherTypeIpv4));
  ip[0] = 0x45;
  ip[6] = 0x40;  // DF
  ip[8] = kOuterHops;
  ip[9] = destination.inner_protocol;
  store(ip + 12, source.v4());
  store(ip + 16, destination.address4);
  destination.outer_sum = fold_checksum(checksum_sum(ip, kIpv4HeaderBytes));
}

}  // namespace shunt
