// parse: the only stage that reads headers by offset, each behind its length check.
//
// Cost: the frame's first line, prefetched four packets ahead. Nearly all packets are plain: to this port's
// MAC, no tag, no options, no extension headers, no fragment, whole TCP or UDP. They are told by one compare
// of 16 bytes and a few lengths (`plain_v4`, `plain_v6`); all others, and all that have a fault, go the long
// way, which finds out what it is.
#include <smmintrin.h>

#include "common/checksum.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

constexpr unsigned kPrefetchDistance = 4;

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
  view.sport = load<be16>(tcp);
  view.dport = load<be16>(tcp + 2);
  view.tcp_flags = tcp[13];
  view.payload_bytes = static_cast<uint16_t>(l4_bytes - header_bytes);
}

void parse_udp(PacketView& view, const uint8_t* frame, unsigned l4_bytes) {
  if (l4_bytes < kUdpHeaderBytes) return view.object(DropReason::truncated);
  const uint8_t* udp = view.l4(frame);
  const unsigned udp_bytes = load<be16>(udp + 4).host();
  if (udp_bytes < kUdpHeaderBytes || udp_bytes > l4_bytes) return view.object(DropReason::bad_header);
  view.sport = load<be16>(udp);
  view.dport = load<be16>(udp + 2);
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
  if (source.is_unspecified() || source.is_loopback() || source.is_multicast())
    view.object(DropReason::bad_source);
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
  PacketView& view = burst.view[i];
  view = PacketView{};
  const uint8_t* frame = burst.frame[i].data;
  const uint32_t bytes = burst.frame[i].bytes;
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

// The transport header of a plain packet, `l4_bytes` with its payload. False: something is wrong with it.
inline bool plain_transport(PacketView& view, const uint8_t* l4, unsigned l4_bytes) {
  const auto ports = load<uint32_t>(l4);
  view.sport = be16::from_raw(static_cast<uint16_t>(ports));
  view.dport = be16::from_raw(static_cast<uint16_t>(ports >> 16U));
  view.has_defect = false;
  if (view.protocol == kProtocolTcp) {
    if (l4_bytes < kTcpHeaderBytes) return false;
    const unsigned header_bytes = (l4[12] >> 2U) & 0x3cU;
    view.tcp_flags = l4[13];
    view.payload_bytes = static_cast<uint16_t>(l4_bytes - header_bytes);
    return header_bytes >= kTcpHeaderBytes && header_bytes <= l4_bytes;
  }
  const unsigned udp_bytes = load<be16>(l4 + 4).host();
  view.tcp_flags = 0;
  view.payload_bytes = static_cast<uint16_t>(udp_bytes - kUdpHeaderBytes);
  return view.protocol == kProtocolUdp && udp_bytes >= kUdpHeaderBytes && udp_bytes <= l4_bytes;
}

// True: the whole view is filled in and nothing is wrong with the packet.
inline bool plain_v4(PacketView& view, const uint8_t* frame, uint32_t bytes, __m128i head) {
  constexpr unsigned kL4 = kEtherHeaderBytes + kIpv4HeaderBytes;
  const __m128i wanted = _mm_setr_epi8(0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i mask = _mm_setr_epi8(-1, -1, -1, 0, 0, 0, 0, 0, 0x3f, -1, 0, 0, 0, 0, 0, 0);
  if (!matches(head, wanted, mask)) return false;
  const unsigned total = load<be16>(frame + 16).host();
  const uint8_t source = frame[26];
  if (total > bytes - kEtherHeaderBytes || total < kIpv4HeaderBytes + kUdpHeaderBytes) return false;
  if (static_cast<uint8_t>(source - 1) >= 223 || source == 127 ||
      !has_right_checksum(frame + kEtherHeaderBytes))
    return false;
  view.l3 = L3::ipv4;
  view.l3_offset = kEtherHeaderBytes;
  view.protocol = frame[23];
  view.l4_offset = kL4;
  view.ip_bytes = static_cast<uint16_t>(total);
  return plain_transport(view, frame + kL4, total - kIpv4HeaderBytes);
}

inline bool plain_v6(PacketView& view, const uint8_t* frame, uint32_t bytes, __m128i head) {
  constexpr unsigned kL4 = kEtherHeaderBytes + kIpv6HeaderBytes;
  const __m128i wanted = _mm_setr_epi8(-122, -35, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);  // 0x86, 0xdd
  const __m128i mask = _mm_setr_epi8(-1, -1, -16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  if (!matches(head, wanted, mask) || bytes < kL4 + kUdpHeaderBytes) return false;
  const unsigned l4_bytes = load<be16>(frame + 18).host();
  if (l4_bytes > bytes - kL4 || l4_bytes < kUdpHeaderBytes) return false;
  // ::, ::1 and multicast can't be answered; the long way tells them from others that begin with zeros.
  if (load<uint64_t>(frame + 22) == 0 || frame[22] == 0xff) return false;
  view.l3 = L3::ipv6;
  view.l3_offset = kEtherHeaderBytes;
  view.protocol = frame[20];
  view.l4_offset = kL4;
  view.ip_bytes = static_cast<uint16_t>(l4_bytes + kIpv6HeaderBytes);
  if (!plain_transport(view, frame + kL4, l4_bytes)) return false;
  return view.protocol == kProtocolTcp || load<uint16_t>(frame + kL4 + 6) != 0;
}

}  // namespace

void parse(Burst& burst, const PortState& port) {
  const unsigned count = burst.count;
  uint64_t own_mac = 0;
  std::memcpy(&own_mac, port.mac.bytes.data(), port.mac.bytes.size());
  for (unsigned i = 0; i < count; ++i) {
    if (i + kPrefetchDistance < count) __builtin_prefetch(burst.frame[i + kPrefetchDistance].data);
    const uint8_t* frame = burst.frame[i].data;
    const uint32_t bytes = burst.frame[i].bytes;
    if (bytes >= kEtherHeaderBytes + kIpv4HeaderBytes + kUdpHeaderBytes &&
        (load<uint64_t>(frame) << 16U) == own_mac << 16U) [[likely]] {
      const __m128i head = type_and_l3(frame);
      PacketView& view = burst.view[i];
      if (plain_v4(view, frame, bytes, head) || plain_v6(view, frame, bytes, head)) continue;
    }
    parse_frame(burst, i, port);
  }
}

}  // namespace shunt
