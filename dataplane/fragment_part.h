// FragmentPart: which part of which datagram a fragment is, as its headers say (RFC 791; RFC 8200, 4.5).
//
// Read by offset from packets that parse called fragments: their headers are there.
#pragma once

#include <cstdint>

#include "common/keyed_hash.h"
#include "dataplane/packet_view.h"

namespace shunt {

inline constexpr unsigned kFragmentUnit = 8;  // offsets count so many bytes
inline constexpr unsigned kLargestDatagram =
    65'535;  // of IPv4 the whole packet, of IPv6 what follows its header

// Offset and More bit.
struct FragmentWord {
  unsigned offset_bytes = 0;
  bool more = false;

  bool is_fragment() const { return more || offset_bytes != 0; }

  static FragmentWord of_ipv4(const uint8_t* ip) {
    const unsigned word = load<be16>(ip + 6).host();
    return {(word & 0x1fffU) * kFragmentUnit, (word & 0x2000U) != 0};
  }
  // `header`: the fragment header.
  static FragmentWord of_ipv6(const uint8_t* header) {
    const unsigned word = load<be16>(header + 2).host();
    return {word & 0xfff8U, (word & 1U) != 0};
  }
};

// What all fragments of one datagram have in common. The protocol is IPv4's only: RFC 8200 lets IPv6's differ
// from fragment to fragment.
struct FragmentKey {
  __m128i source{};
  __m128i destination{};
  uint64_t rest = 0;  // identification, protocol, family

  bool operator==(const FragmentKey& other) const {
    const __m128i differs =
        _mm_or_si128(_mm_xor_si128(source, other.source), _mm_xor_si128(destination, other.destination));
    return _mm_testz_si128(differs, differs) != 0 && rest == other.rest;
  }
  Hash128 hash(const HashKey& key) const { return keyed_hash(key, source, destination, rest); }
};

struct FragmentPart {
  FragmentKey key;
  uint16_t begin = 0;  // bytes of the datagram
  uint16_t end = 0;
  bool more = false;

  bool is_first() const { return begin == 0; }
};

// Of a fragment without fault.
FragmentPart fragment_part_of(const PacketView& view, const uint8_t* frame);

}  // namespace shunt
