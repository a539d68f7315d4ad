// Fragments of a packet, and the packet that a receiver makes of fragments (RFC 791, 3.2; RFC 8200, 4.5).
//
// Tests only, and written apart from the data plane's own code, so that the two check each other. All of it
// works on IP packets without Ethernet.
#pragma once

#include <algorithm>
#include <map>

#include "tests/packet/packet_builder.h"

namespace shunt::packet {

// A packet's part, as a fragment.
struct Part {
  size_t begin = 0;
  size_t end = 0;
  bool more = false;
};

inline Bytes slice(const Bytes& bytes, size_t begin, size_t end) {
  return {bytes.begin() + static_cast<ptrdiff_t>(begin), bytes.begin() + static_cast<ptrdiff_t>(end)};
}

// How many bytes at the packet's head are in every fragment: IPv4's header, IPv6's without extensions.
inline size_t head_bytes(const Bytes& packet) {
  return packet[0] >> 4U == 4 ? (packet[0] & 15U) * 4U : 40U;
}

inline Bytes fragment4(const Bytes& packet, const Part& part) {
  const size_t head = head_bytes(packet);
  Bytes bytes = slice(packet, 0, head);
  put(bytes, slice(packet, head + part.begin, head + part.end));
  set16(bytes, 2, static_cast<uint32_t>(bytes.size()));
  set16(bytes, 6, (part.more ? 0x2000U : 0U) | static_cast<uint32_t>(part.begin / 8));
  set16(bytes, 10, 0);
  set16(bytes, 10, internet_checksum(slice(bytes, 0, head)));
  return bytes;
}

inline Bytes fragment6(const Bytes& packet, const Part& part, uint32_t id) {
  Bytes bytes = slice(packet, 0, 40);
  bytes[6] = 44;
  bytes.push_back(packet[6]);
  bytes.push_back(0);
  put16(bytes, static_cast<uint32_t>(part.begin) | (part.more ? 1U : 0U));
  put32(bytes, id);
  put(bytes, slice(packet, 40 + part.begin, 40 + part.end));
  set16(bytes, 4, static_cast<uint32_t>(bytes.size() - 40));
  return bytes;
}

inline Bytes fragment(const Bytes& packet, const Part& part, uint32_t id6 = 0x01020304) {
  return packet[0] >> 4U == 4 ? fragment4(packet, part) : fragment6(packet, part, id6);
}

// In pieces of `step` bytes, a multiple of 8.
inline std::vector<Bytes> fragments(const Bytes& packet, size_t step, uint32_t id6 = 0x01020304) {
  const size_t size = packet.size() - head_bytes(packet);
  std::vector<Bytes> pieces;
  for (size_t at = 0; at < size; at += step) {
    const size_t end = std::min(at + step, size);
    pieces.push_back(fragment(packet, {at, end, end < size}, id6));
  }
  return pieces;
}

// The whole packet; empty where something is missing, overlaps or doesn't belong together.
class Reassembly {
 public:
  void add(const Bytes& packet) {
    const bool v4 = packet[0] >> 4U == 4;
    const size_t header = v4 ? head_bytes(packet) : 48U;
    if (!v4 && packet[6] != 44) return fail();
    const uint16_t word = get16(packet, v4 ? 6 : 42);
    const size_t offset = v4 ? (word & 0x1fffU) * 8U : word & 0xfff8U;
    const bool more = (word & (v4 ? 0x2000U : 1U)) != 0;
    Bytes id = slice(packet, v4 ? 12 : 8, v4 ? 20 : 40);
    put(id, v4 ? slice(packet, 4, 6) : slice(packet, 44, 48));
    if (parts_.empty()) id_ = id;
    if (id != id_ || parts_.contains(offset)) return fail();
    parts_[offset] = slice(packet, header, packet.size());
    if (offset == 0) first_ = packet;
    if (!more) end_ = offset + packet.size() - header;
  }

  Bytes whole() const {
    if (failed_ || first_.empty()) return {};
    const bool v4 = first_[0] >> 4U == 4;
    Bytes bytes = slice(first_, 0, head_bytes(first_));
    const size_t head = bytes.size();
    for (const auto& [offset, part] : parts_) {
      if (bytes.size() - head != offset) return {};
      put(bytes, part);
    }
    if (bytes.size() - head != end_) return {};
    if (!v4) {
      bytes[6] = first_[40];
      set16(bytes, 4, static_cast<uint32_t>(bytes.size() - head));
      return bytes;
    }
    set16(bytes, 2, static_cast<uint32_t>(bytes.size()));
    set16(bytes, 6, get16(bytes, 6) & 0x4000U);
    set16(bytes, 10, 0);
    set16(bytes, 10, internet_checksum(slice(bytes, 0, head)));
    return bytes;
  }

 private:
  void fail() { failed_ = true; }

  std::map<size_t, Bytes> parts_;
  Bytes id_;
  Bytes first_;
  size_t end_ = ~size_t{0};
  bool failed_ = false;
};

inline Bytes reassemble(const std::vector<Bytes>& packets) {
  Reassembly all;
  for (const Bytes& packet : packets)
    all.add(packet);
  return all.whole();
}

}  // namespace shunt::packet
