// parse: the only stage that reads headers by offset, each behind its length check.
//
// Cost: the frame's first line, prefetched four packets ahead. Nearly all packets are plain: to this port's
// MAC, no tag, no options, no extension headers, no fragment, whole TCP or UDP. They are told by one compare
// of 16 bytes and a few lengths (`plain_v4`, `plain_v6`) and marked as such in the burst, so that later
// stages needn't ask again; all others, and all that have a fault, go the long way, which finds out what it
// is.
#include <smmintrin.h>

#include <cstddef>

#include "common/checksum.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

bool is_group(const uint8_t* mac) {
  return (mac[0] & 1U) != 0;
}

// RFC 791 3.1: options are one byte, or type, length, data. Source routes (131, 137) choose their own way and
// are refused.
bool options_are_acceptable(const uint8_t* options, unsigned bytes) {
  unsigned at = 0;
  while (at < bytes) {
    const uint8_t type = options[at];
    if (type == 0) return true;  // end of list
    if (type == 131 || type == 137) return false;
    if (type == 1) {  // no operation
      ++at;
      continue;
    }
    if (at + 1 >= bytes || options[at + 1] < 2 || at + options[at + 1] > bytes) return false;
    at += options[at + 1];
  }
  return true;
}

bool is_bad_source_v4(const uint8_t* source) {
  return source[0] == 0 || source[0] == 127 || source[0] >= 224;
}

void parse_tcp(PacketView& view, const uint8_t* frame, unsigned l4_bytes) {
  if (l4_bytes < kTcpHeaderBytes) return view.object(DropReason::truncated);
  const uint8_t* tcp = view.l4(frame);
  const unsigned header_bytes = (tcp[12] >> 4U) * 4U;
  if (header_bytes < kTcpHeaderBytes || header_bytes > l4_bytes) return view.object(DropReason::bad_header);
  view.tcp_flags = tcp[13];
  view.payload_bytes = static_cast<uint16_t>(l4_bytes - header_bytes);
}

void parse_udp(PacketView& view, const uint8_t* frame, unsigned l4_bytes) {
  if (l4_bytes < kUdpHeaderBytes) return view.object(DropReason::truncated);
  const uint8_t* udp = view.l4(frame);
  const unsigned udp_bytes = load<be16>(udp + 4).host();
  if (udp_bytes < kUdpHeaderBytes || udp_bytes > l4_bytes) return view.object(DropReason::bad_header);
  view.payload_bytes = static_cast<uint16_t>(udp_bytes - kUdpHeaderBytes);
  // RFC 8200 8.1: over IPv6 there is no such thing as no checksum.
  if (view.l3 == L3::ipv6 && load<uint16_t>(udp + 6) == 0) view.object(DropReason::bad_checksum);
}

void parse_transport(PacketView& view, const uint8_t* frame, unsigned ip_header_bytes) {
  const unsigned l4_bytes = view.ip_bytes - ip_header_bytes;
  view.l4_offset = static_cast<uint16_t>(view.l3_offset + ip_header_bytes);
  if (view.protocol == kProtocolTcp) {
    parse_tcp(view, frame, l4_bytes);
  } else if (view.protocol == kProtocolUdp) {
    parse_udp(view, frame, l4_bytes);
  } else {
    view.l4_offset = 0;
  }
}

// False: not even the destination can be read.
bool parse_ipv4(PacketView& view, const uint8_t* frame, unsigned available) {
  if (available < kIpv4HeaderBytes) return false;
  view.l3 = L3::ipv4;
  const uint8_t* ip = view.ip(frame);
  const unsigned header_bytes = (ip[0] & 0x0fU) * 4U;
  view.ip_bytes = load<be16>(ip + 2).host();
  view.protocol = ip[9];
  if ((ip[0] >> 4U) != 4 || header_bytes < kIpv4HeaderBytes) view.object(DropReason::bad_header);
  if (view.ip_bytes < header_bytes) view.object(DropReason::bad_header);
  if (view.ip_bytes > available || header_bytes > available) view.object(DropReason::truncated);
  if (view.has_defect) return true;
  if (fold_checksum(checksum_sum(ip, header_bytes)) != 0xffff) view.object(DropReason::bad_checksum);
  if (is_bad_source_v4(ip + 12)) view.object(DropReason::bad_source);
  if (header_bytes > kIpv4HeaderBytes &&
      !options_are_acceptable(ip + kIpv4HeaderBytes, header_bytes - kIpv4HeaderBytes)) {
    view.object(DropReason::options);
  }
  // More fragments, or an offset (RFC 791): no ports to go by.
  if ((load<be16>(ip + 6).host() & 0x3fffU) != 0) view.object(DropReason::fragment);
  if (!view.has_defect) parse_transport(view, frame, header_bytes);
  return true;
}

bool parse_ipv6(PacketView& view, const uint8_t* frame, unsigned available) {
  if (available < kIpv6HeaderBytes) return false;
  view.l3 = L3::ipv6;
  const uint8_t* ip = view.ip(frame);
  const unsigned total = kIpv6HeaderBytes + load<be16>(ip + 4).host();
  view.protocol = ip[6];
  if ((ip[0] >> 4U) != 6) view.object(DropReason::bad_header);
  if (total > available) view.object(DropReason::truncated);
  if (view.has_defect) return true;
  view.ip_bytes = static_cast<uint16_t>(total);
  const IpAddress source = view.source(frame);
  // RFC 4291 2.5.5: in ::/80 are ::, ::1, and IPv4 addresses that on the wire are nobody's (and as keys an
  // IPv4 backend's).
  const bool reserved = load<uint64_t>(ip + 8) == 0 && load<uint16_t>(ip + 16) == 0;
  if (reserved || source.is_multicast()) view.object(DropReason::bad_source);
  if (view.protocol == kProtocolFragment) view.object(DropReason::fragment);
  if (!view.has_defect) parse_transport(view, frame, kIpv6HeaderBytes);
  return true;
}

bool ip_destination_is_group(const PacketView& view, const uint8_t* frame, const PortState& port) {
  const uint8_t* destination = view.destination_bytes(frame);
  if (view.l3 == L3::ipv6) return destination[0] == 0xff;
  return (destination[0] & 0xf0U) == 0xe0 || port.is_broadcast(load<be32>(destination));
}

[[gnu::noinline]] void parse_frame(Burst& burst, unsigned i, const PortState& port) {
  PacketView& view = burst.packet[i].view;
  view = PacketView{};
  const uint8_t* frame = burst.packet[i].data;
  const uint32_t bytes = burst.packet[i].bytes;
  if (bytes < kEtherHeaderBytes) return burst.drop(i, DropReason::truncated);
  const bool group = is_group(frame);
  if (!group && std::memcmp(frame, port.mac.bytes.data(), 6) != 0)
    return burst.drop(i, DropReason::not_our_mac);

  uint16_t ether_type = load<be16>(frame + 12).host();
  for (int tags = 0; tags < 2 && (ether_type == kEtherTypeVlan || ether_type == kEtherTypeQinQ); ++tags) {
    const uint8_t end = static_cast<uint8_t>(view.l3_offset + kVlanTagBytes);
    if (bytes < end) return burst.drop(i, DropReason::truncated);
    ether_type = load<be16>(frame + view.l3_offset + 2).host();
    view.l3_offset = end;
  }
  const unsigned available = bytes - view.l3_offset;
  bool readable = true;
  if (ether_type == kEtherTypeIpv4) readable = parse_ipv4(view, frame, available);
  if (ether_type == kEtherTypeIpv6) readable = parse_ipv6(view, frame, available);
  if (ether_type == kEtherTypeArp) view.l3 = L3::arp;
  if (!readable) return burst.drop(i, DropReason::truncated);
  // RFC 1122 3.3.6: a unicast packet in a group frame isn't ours to forward; answering or forwarding it
  // multiplies it.
  if (group && view.is_ip() && !ip_destination_is_group(view, frame, port))
    burst.drop(i, DropReason::not_our_mac);
}

// The 16 bytes from the EtherType on, which decide.
__m128i type_and_l3(const uint8_t* frame) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(frame + 12));
}
bool matches(__m128i bytes, __m128i wanted, __m128i mask) {
  return _mm_testz_si128(_mm_xor_si128(bytes, wanted), mask) != 0;
}

// The 20 bytes of an IPv4 header.
bool has_right_checksum(const uint8_t* ip) {
  uint64_t sum = add_with_carry(load<uint64_t>(ip), load<uint64_t>(ip + 8));
  sum = add_with_carry(sum, load<uint32_t>(ip + 16));
  return folds_to_ones(sum);
}

constexpr unsigned kPlainL4v4 = kEtherHeaderBytes + kIpv4HeaderBytes;
constexpr unsigned kPlainL4v6 = kEtherHeaderBytes + kIpv6HeaderBytes;

// The view of a plain packet, in three words.
inline void fill_plain(PacketView& view, L3 l3, uint8_t protocol, uint8_t tcp_flags, unsigned l4_offset,
                       unsigned ip_bytes, unsigned payload_bytes) {
  const uint32_t begin = static_cast<uint32_t>(l3) | (uint32_t{kEtherHeaderBytes} << 8U) |
                         (uint32_t{protocol} << 16U) | (uint32_t{tcp_flags} << 24U);
  store(&view, begin | (uint64_t{l4_offset} << 32U) | (uint64_t{ip_bytes} << 48U));
  store(&view.payload_bytes, payload_bytes);  // and no defect
}
static_assert(std::endian::native == std::endian::little && offsetof(PacketView, ip_bytes) == 6 &&
              offsetof(PacketView, payload_bytes) == 8);

// TCP or UDP in `l4_bytes`, which are at least 8. False: something is wrong with it, or it is neither.
inline bool plain_transport(PacketView& view, L3 l3, uint8_t protocol, const uint8_t* l4, unsigned l4_offset,
                            unsigned ip_bytes, unsigned l4_bytes) {
  if (protocol == kProtocolTcp) [[likely]] {
    if (l4_bytes < kTcpHeaderBytes) return false;
    const unsigned options = ((l4[12] >> 2U) & 0x3cU) - kTcpHeaderBytes;  // huge where it is less
    const unsigned behind_header = l4_bytes - kTcpHeaderBytes;
    if (options > behind_header) return false;
    fill_plain(view, l3, protocol, l4[13], l4_offset, ip_bytes, behind_header - options);
    return true;
  }
  const unsigned udp_bytes = load<be16>(l4 + 4).host();
  if (protocol != kProtocolUdp || udp_bytes < kUdpHeaderBytes || udp_bytes > l4_bytes) return false;
  fill_plain(view, l3, protocol, 0, l4_offset, ip_bytes, udp_bytes - kUdpHeaderBytes);
  return true;
}

// True: the whole view is filled in and nothing is wrong with the packet. (`bytes` are at least those of IPv4
// and UDP.)
inline bool plain_v4(PacketView& view, const uint8_t* frame, uint32_t bytes, __m128i head) {
  const __m128i wanted = _mm_setr_epi8(0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i mask = _mm_setr_epi8(-1, -1, -1, 0, 0, 0, 0, 0, 0x3f, -1, 0, 0, 0, 0, 0, 0);
  if (!matches(head, wanted, mask)) return false;
  const unsigned total = load<be16>(frame + 16).host();
  // Not 0/8, 127/8 or 224/3.
  const uint8_t source = frame[26];
  const bool answerable = static_cast<uint8_t>(source - 1) < 223 && source != 127;
  // Between the least that there can be and all that there is; `bytes` aren't fewer than the least.
  constexpr unsigned kLeast = kIpv4HeaderBytes + kUdpHeaderBytes;
  if (!answerable || total - kLeast > bytes - kEtherHeaderBytes - kLeast ||
      !has_right_checksum(frame + kEtherHeaderBytes))
    return false;
  return plain_transport(view, L3::ipv4, frame[23], frame + kPlainL4v4, kPlainL4v4, total,
                         total - kIpv4HeaderBytes);
}

inline bool plain_v6(PacketView& view, const uint8_t* frame, uint32_t bytes, __m128i head) {
  const __m128i wanted = _mm_setr_epi8(-122, -35, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);  // 0x86, 0xdd
  const __m128i mask = _mm_setr_epi8(-1, -1, -16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  if (!matches(head, wanted, mask) || bytes < kPlainL4v6 + kUdpHeaderBytes) return false;
  const unsigned l4_bytes = load<be16>(frame + 18).host();
  const uint8_t protocol = frame[20];
  if (l4_bytes > bytes - kPlainL4v6 || l4_bytes < kUdpHeaderBytes) return false;
  // ::, ::1 and multicast can't be answered; the long way tells them from others that begin with zeros.
  if (load<uint64_t>(frame + 22) == 0 || frame[22] == 0xff) return false;
  if (protocol == kProtocolUdp && load<uint16_t>(frame + kPlainL4v6 + 6) == 0) return false;
  return plain_transport(view, L3::ipv6, protocol, frame + kPlainL4v6, kPlainL4v6,
                         l4_bytes + kIpv6HeaderBytes, l4_bytes);
}

}  // namespace

void parse(Burst& burst, const PortState& port) {
  uint64_t own_mac = 0;
  std::memcpy(&own_mac, port.mac.bytes.data(), port.mac.bytes.size());
  own_mac <<= 16U;
  const unsigned count = burst.count;
  uint64_t plain4 = 0;
  uint64_t plain6 = 0;
  for (unsigned i = 0; i < count; ++i) {
    Packet& packet = burst.packet[i];
    __builtin_prefetch(burst.packet[i + kPrefetchDistance].data);
    const uint8_t* frame = packet.data;
    const uint32_t bytes = packet.bytes;
    if (bytes >= kPlainL4v4 + kUdpHeaderBytes && load<uint64_t>(frame) << 16U == own_mac) [[likely]] {
      const __m128i head = type_and_l3(frame);
      if (plain_v4(packet.view, frame, bytes, head)) {
        plain4 |= bit_of(i);
        continue;
      }
      if (plain_v6(packet.view, frame, bytes, head)) {
        plain6 |= bit_of(i);
        continue;
      }
    }
    parse_frame(burst, i, port);
  }
  burst.plain4 = plain4;
  burst.plain6 = plain6;
}

}  // namespace shunt
