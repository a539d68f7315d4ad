// What is wrong in a frame that came out: every length and every checksum, recomputed in full, the packet
// inside an IPIP one included. Empty: nothing.
#pragma once

#include <string>

#include "tests/packet/packet_builder.h"

namespace shunt::packet {

inline size_t l3_offset(const Bytes& frame) {
  size_t at = 12;
  while (get16(frame, at) == 0x8100 || get16(frame, at) == 0x88a8)
    at += 4;
  return at + 2;
}

inline IpAddress address4(const Bytes& bytes, size_t at) {
  return IpAddress::v4(be32(static_cast<uint32_t>(get16(bytes, at)) << 16U | get16(bytes, at + 2)));
}

inline std::string faults_in_segment(const Bytes& packet, size_t header, uint8_t protocol) {
  const Bytes segment(packet.begin() + static_cast<ptrdiff_t>(header), packet.end());
  const bool udp = protocol == 17;
  if (segment.size() < (udp ? 8U : 20U)) return "short transport header; ";
  if (udp && get16(segment, 6) == 0) return "";
  if (udp && get16(segment, 4) != segment.size()) return "UDP length; ";
  Bytes covered = pseudo_header(address4(packet, 12), address4(packet, 16), protocol, segment.size());
  put(covered, segment);
  return internet_checksum(covered) == 0 ? "" : "transport checksum; ";
}

inline std::string faults_in_ipv4(const Bytes& packet) {
  if (packet.size() < 20 || packet[0] >> 4U != 4) return "not IPv4; ";
  std::string faults;
  const size_t header = (packet[0] & 15U) * 4U;
  if (get16(packet, 2) != packet.size()) faults += "total length; ";
  if (internet_checksum(Bytes(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(header))) != 0)
    faults += "header checksum; ";
  const uint8_t protocol = packet[9];
  if (protocol == 4)
    return faults + faults_in_ipv4(Bytes(packet.begin() + static_cast<ptrdiff_t>(header), packet.end()));
  if (protocol != 6 && protocol != 17) return faults;
  return faults + faults_in_segment(packet, header, protocol);
}

// For a whole IPv4 frame whose inputs were right.
inline std::string faults_in(const Bytes& frame) {
  return faults_in_ipv4(Bytes(frame.begin() + static_cast<ptrdiff_t>(l3_offset(frame)), frame.end()));
}

inline std::string hex(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % 2 == 0) text += i % 32 == 0 ? '\n' : ' ';
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 15U];
  }
  return text;
}

}  // namespace shunt::packet
