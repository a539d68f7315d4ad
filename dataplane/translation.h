// nat's edits of a packet: an address, a port and the hops, with the checksums that cover them (RFC 1624).
#pragma once

#include "common/keyed_hash.h"
#include "dataplane/transport_checksum.h"

namespace shunt {

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

// The same of a packet without a transport header: a later fragment. The checksum of the whole datagram is in
// the first one.
inline void translate_address4(uint8_t* ip, End end, be32 address, uint8_t hops) {
  const unsigned at = end == End::source ? 12 : 16;
  const uint64_t hop_delta = hops != 0 ? 0xfffeU : 0U;
  const uint64_t delta = checksum_delta(load<uint32_t>(ip + at), address.raw()) + hop_delta;
  const uint16_t checksum = apply_delta(load<uint16_t>(ip + 10), delta);
  ip[8] = static_cast<uint8_t>(ip[8] - hops);
  store(ip + 10, checksum);
  store(ip + at, address);
}

inline void translate_address6(uint8_t* ip, End end, const uint8_t* address, uint8_t hops) {
  store(ip + (end == End::source ? 8 : 24), load_block(address));
  ip[7] = static_cast<uint8_t>(ip[7] - hops);
}

}  // namespace shunt
