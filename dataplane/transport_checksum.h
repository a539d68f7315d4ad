// The checksum of TCP and UDP, edited where it stands (RFC 1624).
#pragma once

#include "common/checksum.h"
#include "dataplane/packet_view.h"

namespace shunt {

// From the transport header on.
inline unsigned transport_checksum_offset(uint8_t protocol) {
  return protocol == kProtocolTcp ? 16 : 6;
}

// The transport checksum after an edit by `delta`.
inline void adjust_transport(uint8_t protocol, uint8_t* l4, uint64_t delta) {
  uint8_t* at = l4 + transport_checksum_offset(protocol);
  const auto old_sum = load<uint16_t>(at);
  uint16_t new_sum = apply_delta(old_sum, delta);
  if (protocol == kProtocolUdp) {
    // RFC 768: a UDP checksum of 0 says that there is none, so a computed 0 is sent as its other form.
    if (old_sum == 0) return;
    if (new_sum == 0) new_sum = 0xffff;
  }
  store(at, new_sum);
}

}  // namespace shunt
