// Packet: one frame, described field by field, and build() to make its bytes. What isn't said is right:
// lengths, checksums, header sizes. Every one of them may be said, and then stands there however wrong.
//
// Tests only; written apart from the stages' own header code, so that the two check each other.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/address.h"

namespace shunt::packet {

using Bytes = std::vector<uint8_t>;

inline IpAddress ip(const std::string& text) {
  const auto address = IpAddress::parse(text);
  if (!address) throw std::invalid_argument(text);
  return *address;
}
inline MacAddress mac(const std::string& text) {
  const auto address = MacAddress::parse(text);
  if (!address) throw std::invalid_argument(text);
  return *address;
}

enum Flags : uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16 };

struct Tag {
  uint16_t ether_type = 0x8100;
  uint16_t tci = 0;
};

// An IPv6 extension header: its type, and its bytes behind the first one, which says what comes next.
struct Extension {
  uint8_t type = 60;
  Bytes bytes = {0, 1, 4, 0, 0, 0, 0};  // options: a pad
};

struct Packet {
  std::string to = "02:00:00:00:00:01";
  std::string from = "02:00:00:00:99:01";
  std::vector<Tag> tags = {};
  std::optional<uint16_t> ether_type = {};  // default: by the addresses' family

  std::string source = "203.0.113.7";
  std::string destination = "198.51.100.1";
  uint8_t tos = 0;  // IPv6: traffic class
  uint8_t ttl = 64;
  uint16_t id = 0x1234;
  bool dont_fragment = true;
  uint16_t fragment = 0;                   // the More bit (0x2000) and the offset in units of 8
  Bytes options = {};                      // a multiple of 4
  std::vector<Extension> extensions = {};  // IPv6
  uint8_t protocol = 6;

  uint16_t sport = 40000;
  uint16_t dport = 80;
  uint32_t sequence = 1000;
  uint32_t ack = 0;
  uint8_t flags = kSyn;
  Bytes tcp_options = {};  // a multiple of 4
  Bytes payload = {};      // of another protocol than TCP and UDP: all that stands behind the IP header
  Bytes trailer = {};      // behind the IP packet: a pad, a checksum

  // On purpose.
  std::optional<uint8_t> version = {};
  std::optional<uint8_t> header_words = {};
  std::optional<uint16_t> total_bytes = {};
  std::optional<uint16_t> ip_checksum = {};
  std::optional<uint8_t> tcp_offset_words = {};
  std::optional<uint16_t> udp_bytes = {};
  std::optional<uint16_t> transport_checksum = {};
};

inline void put16(Bytes& bytes, uint32_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8U));
  bytes.push_back(static_cast<uint8_t>(value));
}
inline void put32(Bytes& bytes, uint32_t value) {
  put16(bytes, value >> 16U);
  put16(bytes, value);
}
inline void put(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
inline void set16(Bytes& bytes, size_t at, uint32_t value) {
  bytes.at(at) = static_cast<uint8_t>(value >> 8U);
  bytes.at(at + 1) = static_cast<uint8_t>(value);
}
inline uint16_t get16(const Bytes& bytes, size_t at) {
  return static_cast<uint16_t>(bytes.at(at) << 8U | bytes.at(at + 1));
}

// RFC 1071, word by word as the RFC has it: nothing of common/checksum.h.
inline uint16_t internet_checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<uint32_t>(bytes[i] << 8U) + (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
  while (sum > 0xffff)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>(~sum);
}

inline Bytes wire(const IpAddress& address) {
  return {address.wire(), address.wire() + address.bits() / 8};
}

// What TCP and UDP checksums cover before the segment (RFC 9293 3.1, RFC 8200 8.1).
inline Bytes pseudo_header(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                           size_t size) {
  Bytes bytes = wire(source);
  put(bytes, wire(destination));
  if (source.is_v4()) {
    put16(bytes, protocol);
    put16(bytes, static_cast<uint32_t>(size));
  } else {
    put32(bytes, static_cast<uint32_t>(size));
    put32(bytes, protocol);
  }
  return bytes;
}

inline Bytes transport_bytes(const Packet& packet) {
  if (packet.protocol != 6 && packet.protocol != 17) return packet.payload;
  const bool tcp = packet.protocol == 6;
  Bytes bytes;
  put16(bytes, packet.sport);
  put16(bytes, packet.dport);
  if (tcp) {
    const auto words = static_cast<uint8_t>(5 + packet.tcp_options.size() / 4);
    put32(bytes, packet.sequence);
    put32(bytes, packet.ack);
    bytes.push_back(static_cast<uint8_t>(packet.tcp_offset_words.value_or(words) << 4U));
    bytes.push_back(packet.flags);
    put16(bytes, 0xfaf0);
    put32(bytes, 0);
    put(bytes, packet.tcp_options);
  } else {
    put16(bytes, packet.udp_bytes.value_or(static_cast<uint16_t>(8 + packet.payload.size())));
    put16(bytes, 0);
  }
  put(bytes, packet.payload);
  Bytes covered = pseudo_header(ip(packet.source), ip(packet.destination), packet.protocol, bytes.size());
  put(covered, bytes);
  uint16_t sum = internet_checksum(covered);
  if (!tcp && sum == 0) sum = 0xffff;  // RFC 768
  set16(bytes, tcp ? 16 : 6, packet.transport_checksum.value_or(sum));
  return bytes;
}

inline Bytes ipv6_bytes(const Packet& packet) {
  const Bytes transport = transport_bytes(packet);
  Bytes segment;
  for (size_t i = 0; i < packet.extensions.size(); ++i) {
    segment.push_back(i + 1 < packet.extensions.size() ? packet.extensions[i + 1].type : packet.protocol);
    put(segment, packet.extensions[i].bytes);
  }
  put(segment, transport);
  Bytes bytes;
  put32(bytes, static_cast<uint32_t>(packet.version.value_or(6)) << 28U | static_cast<uint32_t>(packet.tos)
                                                                              << 20U);
  put16(bytes, packet.total_bytes.value_or(static_cast<uint16_t>(segment.size())));
  bytes.push_back(packet.extensions.empty() ? packet.protocol : packet.extensions[0].type);
  bytes.push_back(packet.ttl);
  put(bytes, wire(ip(packet.source)));
  put(bytes, wire(ip(packet.destination)));
  put(bytes, segment);
  return bytes;
}

// The IP packet alone, without Ethernet.
inline Bytes ip_bytes(const Packet& packet) {
  if (!ip(packet.destination).is_v4()) return ipv6_bytes(packet);
  const Bytes segment = transport_bytes(packet);
  const size_t header = 20 + packet.options.size();
  Bytes bytes;
  const auto words = packet.header_words.value_or(static_cast<uint8_t>(header / 4));
  bytes.push_back(static_cast<uint8_t>(packet.version.value_or(4) << 4U | words));
  bytes.push_back(packet.tos);
  put16(bytes, packet.total_bytes.value_or(static_cast<uint16_t>(header + segment.size())));
  put16(bytes, packet.id);
  put16(bytes, (packet.dont_fragment ? 0x4000U : 0U) | packet.fragment);
  bytes.push_back(packet.ttl);
  bytes.push_back(packet.protocol);
  put16(bytes, 0);
  put(bytes, wire(ip(packet.source)));
  put(bytes, wire(ip(packet.destination)));
  put(bytes, packet.options);
  set16(bytes, 10, packet.ip_checksum.value_or(internet_checksum(bytes)));
  put(bytes, segment);
  return bytes;
}

inline Bytes ethernet_bytes(const Packet& packet, const Bytes& payload) {
  Bytes bytes(12);
  const MacAddress to = mac(packet.to);
  const MacAddress from = mac(packet.from);
  std::copy(to.bytes.begin(), to.bytes.end(), bytes.begin());
  std::copy(from.bytes.begin(), from.bytes.end(), bytes.begin() + 6);
  for (const Tag& tag : packet.tags) {
    put16(bytes, tag.ether_type);
    put16(bytes, tag.tci);
  }
  put16(bytes, packet.ether_type.value_or(ip(packet.destination).is_v4() ? 0x0800 : 0x86dd));
  put(bytes, payload);
  put(bytes, packet.trailer);
  return bytes;
}

inline Bytes build(const Packet& packet) {
  return ethernet_bytes(packet, ip_bytes(packet));
}

// A Packet inside another (IPIP): the outer one's payload is the inner one's IP packet.
inline Bytes build_ipip(Packet outer, const Packet& inner) {
  outer.protocol = 4;
  outer.payload = ip_bytes(inner);
  return build(outer);
}

struct Arp {
  std::string to = "ff:ff:ff:ff:ff:ff";
  std::string from = "02:00:00:00:99:01";
  std::vector<Tag> tags = {};
  uint16_t operation = 1;
  std::string sender_mac = "02:00:00:00:99:01";
  std::string sender = "192.0.2.1";
  std::string target_mac = "00:00:00:00:00:00";
  std::string target = "198.51.100.1";
  uint16_t hardware = 1;
  Bytes trailer = {};
};

inline Bytes build(const Arp& arp) {
  Bytes bytes;
  put16(bytes, arp.hardware);
  put16(bytes, 0x0800);
  put16(bytes, 0x0604);
  put16(bytes, arp.operation);
  const auto put_mac = [&bytes](const std::string& text) {
    const MacAddress address = mac(text);
    bytes.insert(bytes.end(), address.bytes.begin(), address.bytes.end());
  };
  put_mac(arp.sender_mac);
  put(bytes, wire(ip(arp.sender)));
  put_mac(arp.target_mac);
  put(bytes, wire(ip(arp.target)));
  return ethernet_bytes(
      Packet{.to = arp.to, .from = arp.from, .tags = arp.tags, .ether_type = 0x0806, .trailer = arp.trailer},
      bytes);
}

}  // namespace shunt::packet
