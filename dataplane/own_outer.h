// Does a packet carry one of our own outer headers? Then it has been here before: two shunts that name each
// other's VIPs as backends would send it round for ever, since every outer header begins with its own hops.
#pragma once

#include <cstdint>

#include "dataplane/packet_view.h"
#include "dataplane/vip_table.h"

namespace shunt {

// May `protocol` (and, of UDP, the destination port) stand in an outer header of ipip, gre or gue?
constexpr bool may_be_outer(uint8_t protocol, be16 dport) {
  return protocol == kProtocolIpip || protocol == kProtocolIpv6 || protocol == kProtocolGre ||
         (protocol == kProtocolUdp && dport == be16(kGuePort));
}

// True: it is, or behind at most kOuterHeadersOpened headers has, an outer header from an encap_source.
// `ip`: `bytes` of an IP packet. Cost: out of line, for what may_be_outer only.
inline constexpr unsigned kOuterHeadersOpened = 8;
bool carries_own_outer(const uint8_t* ip, unsigned bytes, const VipTable& encap_sources);

}  // namespace shunt
