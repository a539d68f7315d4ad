// ICMP messages, described field by field: icmp() makes a Packet that carries one. Checksums are right unless
// said otherwise.
#pragma once

#include "tests/packet/packet_builder.h"

namespace shunt::packet {

struct Icmp {
  uint8_t type = 8;
  uint8_t code = 0;
  uint32_t rest = 0x12340001;  // an echo's identifier and sequence number; an error's MTU, in its low half
  Bytes body = {};
  std::optional<uint16_t> checksum = {};
};

// `base` with this message behind its IP header (IPv6: and behind `extensions`, whose first one is
// `base.protocol`).
inline Packet icmp(Packet base, const Icmp& message, const Bytes& extensions = {}) {
  const IpAddress source = ip(base.source);
  const IpAddress destination = ip(base.destination);
  Bytes bytes = {message.type, message.code, 0, 0};
  put32(bytes, message.rest);
  put(bytes, message.body);
  Bytes covered;
  if (!source.is_v4()) covered = pseudo_header(source, destination, 58, bytes.size());
  put(covered, bytes);
  set16(bytes, 2, message.checksum.value_or(internet_checksum(covered)));
  if (extensions.empty()) base.protocol = source.is_v4() ? 1 : 58;
  base.payload = extensions;
  put(base.payload, bytes);
  return base;
}

// The first `bytes` of an IP packet, as an error quotes it.
inline Bytes quote(const Packet& packet, size_t bytes = 10'000) {
  Bytes quoted = ip_bytes(packet);
  quoted.resize(std::min(bytes, quoted.size()));
  return quoted;
}

}  // namespace shunt::packet
