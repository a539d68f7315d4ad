// Solicitations and advertisements of neighbour discovery (RFC 4861 4.3, 4.4), described and built as in
// packet_builder.h: nothing of the code under test, and every field may be said wrong.
#pragma once

#include "tests/packet/packet_builder.h"

namespace shunt::packet {

struct Option {
  uint8_t type = 1;  // 1: source link-layer address, 2: target's
  Bytes value = {};
  std::optional<uint8_t> units = {};  // of 8 bytes
};

inline Option mac_option(uint8_t type, const std::string& text) {
  const MacAddress address = mac(text);
  return {type, Bytes(address.bytes.begin(), address.bytes.end())};
}

struct NeighbourMessage {
  std::string to = "33:33:ff:00:00:01";
  std::string from = "02:00:00:00:99:01";
  std::vector<Tag> tags = {};
  std::string source = "2001:db8::7";
  std::string destination = "ff02::1:ff00:1";
  std::string target = "2001:db8::1";
  std::vector<Option> options = {mac_option(1, "02:00:00:00:99:01")};
  uint8_t type = 135;
  uint8_t code = 0;
  uint8_t flags = 0;  // of an advertisement: R, S, O from the top
  uint8_t hop_limit = 255;
  uint8_t protocol = 58;
  std::optional<uint16_t> checksum = {};
  std::optional<uint16_t> payload_bytes = {};
  Bytes trailer = {};
};

inline Bytes build(const NeighbourMessage& message) {
  Bytes bytes = {message.type, message.code};
  put16(bytes, 0);
  put32(bytes, static_cast<uint32_t>(message.flags) << 24U);
  put(bytes, wire(ip(message.target)));
  for (const Option& option : message.options) {
    bytes.push_back(option.type);
    bytes.push_back(option.units.value_or(static_cast<uint8_t>((option.value.size() + 2) / 8)));
    put(bytes, option.value);
  }
  Bytes covered = pseudo_header(ip(message.source), ip(message.destination), 58, bytes.size());
  put(covered, bytes);
  set16(bytes, 2, message.checksum.value_or(internet_checksum(covered)));
  return build(Packet{.to = message.to,
                      .from = message.from,
                      .tags = message.tags,
                      .source = message.source,
                      .destination = message.destination,
                      .ttl = message.hop_limit,
                      .protocol = message.protocol,
                      .payload = bytes,
                      .trailer = message.trailer,
                      .total_bytes = message.payload_bytes});
}

// What answers a solicitation; unsolicited ones have neither its tags nor its sender.
inline NeighbourMessage advertisement_of(const std::string& vip, const std::string& mac_text) {
  return {.to = "33:33:00:00:00:01",
          .from = mac_text,
          .source = vip,
          .destination = "ff02::1",
          .target = vip,
          .options = {mac_option(2, mac_text)},
          .type = 136,
          .flags = 0x20};
}

}  // namespace shunt::packet
