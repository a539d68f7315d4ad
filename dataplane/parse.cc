// parse: the only stage that reads headers by offset, each behind its length check.
//
// What plain.cc left: tags, options, extension headers, fragments, faults, and what isn't IP at all.
#include <algorithm>

#include "common/checksum.h"
#include "dataplane/extension_headers.h"
#include "dataplane/fragment_part.h"
#include "dataplane/ip_source.h"
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

// Of a header that ends behind the packet. RFC 7112, RFC 1858: the first fragment has all of it.
void object_to_short(PacketView& view, DropReason reason) {
  view.object(view.is_fragment ? DropReason::fragment : reason);
}

void parse_tcp(PacketView& view, const uint8_t* frame, unsigned l4_bytes) {
  if (l4_bytes < kTcpHeaderBytes) return object_to_short(view, DropReason::truncated);
  const uint8_t* tcp = view.l4(frame);
  const unsigned header_bytes = (tcp[12] >> 4U) * 4U;
  if (header_bytes < kTcpHeaderBytes) return view.object(DropReason::bad_header);
  if (header_bytes > l4_bytes) return object_to_short(view, DropReason::bad_header);
  view.tcp_flags = tcp[13];
  view.payload_bytes = static_cast<uint16_t>(l4_bytes - header_bytes);
}

void parse_udp(PacketView& view, const uint8_t* frame, unsigned l4_bytes) {
  if (l4_bytes < kUdpHeaderBytes) return object_to_short(view, DropReason::truncated);
  const uint8_t* udp = view.l4(frame);
  const unsigned udp_bytes = load<be16>(udp + 4).host();
  // A first fragment's length is the whole datagram's.
  if (udp_bytes < kUdpHeaderBytes || (udp_bytes > l4_bytes && !view.is_fragment))
    return view.object(DropReason::bad_header);
  view.payload_bytes = static_cast<uint16_t>(std::min(udp_bytes, l4_bytes) - kUdpHeaderBytes);
  // RFC 8200 8.1: over IPv6 there is no such thing as no checksum.
  if (view.l3 == L3::ipv6 && load<uint16_t>(udp + 6) == 0) view.object(DropReason::bad_checksum);
}

constexpr unsigned kPortsBytes = 4;

void parse_transport(PacketView& view, const uint8_t* frame, unsigned header_bytes) {
  const unsigned l4_bytes = view.ip_bytes - header_bytes;
  view.l4_offset = static_cast<uint16_t>(view.l3_offset + header_bytes);
  if (view.protocol == kProtocolTcp) {
    parse_tcp(view, frame, l4_bytes);
  } else if (view.protocol == kProtocolUdp) {
    parse_udp(view, frame, l4_bytes);
  } else {
    view.l4_offset = 0;
  }
  if (l4_bytes < kPortsBytes) view.l4_offset = 0;  // of what is cut short not even the ports are there
}

// `header_bytes`: of what comes back in the whole datagram, before the part that this fragment has.
void parse_fragment(PacketView& view, const FragmentWord& word, unsigned header_bytes, unsigned part_bytes) {
  view.is_fragment = true;
  const bool breaks_units = word.more && part_bytes % kFragmentUnit != 0;
  const unsigned limit = kLargestDatagram - header_bytes;  // beyond it: the ping of death
  if (part_bytes == 0 || breaks_units || word.offset_bytes + part_bytes > limit)
    view.object(DropReason::fragment);
  // Neither an error nor an echo of ICMP needs more than one packet.
  if (view.protocol == kProtocolIcmp || view.protocol == kProtocolIcmp6) view.object(DropReason::fragment);
  // RFC 1858 2.2.2: it would write over the flags that were looked at.
  if (view.protocol == kProtocolTcp && word.offset_bytes == kFragmentUnit) view.object(DropReason::fragment);
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
  const FragmentWord word = FragmentWord::of_ipv4(ip);
  if (word.is_fragment()) parse_fragment(view, word, header_bytes, view.ip_bytes - header_bytes);
  // A later fragment has no ports to go by.
  if (!view.has_defect && word.offset_bytes == 0) parse_transport(view, frame, header_bytes);
  return true;
}

// What stands between the IPv6 header and the transport header. False: a transport header doesn't follow.
bool parse_extension_headers(PacketView& view, const uint8_t* frame, unsigned& header_bytes) {
  const uint8_t* const ip = view.ip(frame);
  const ExtensionHeaders chain = walk_extension_headers(ip, view.ip_bytes);
  view.protocol = chain.protocol;
  view.binds_addresses = chain.binds_addresses;
  header_bytes = chain.end;
  FragmentWord word;
  if (chain.fragment_at != 0) {
    word = FragmentWord::of_ipv6(ip + chain.fragment_at);
    const unsigned part_at = chain.fragment_at + kFragmentUnit;
    parse_fragment(view, word, chain.fragment_at - kIpv6HeaderBytes, view.ip_bytes - part_at);
  }
  if (chain.has_fault) view.object(chain.fault);
  return word.offset_bytes == 0;
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
  if (is_bad_source_v6(ip + 8)) view.object(DropReason::bad_source);
  unsigned header_bytes = kIpv6HeaderBytes;
  bool has_transport = true;
  if (is_extension_header(view.protocol)) has_transport = parse_extension_headers(view, frame, header_bytes);
  if (!view.has_defect && has_transport) parse_transport(view, frame, header_bytes);
  return true;
}

bool ip_destination_is_group(const PacketView& view, const uint8_t* frame, const PortState& port) {
  const uint8_t* destination = view.destination_bytes(frame);
  if (view.l3 == L3::ipv6) return destination[0] == 0xff;
  return (destination[0] & 0xf0U) == 0xe0 || port.is_broadcast(load<be32>(destination));
}

void parse_frame(Burst& burst, unsigned i, const PortState& port) {
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

}  // namespace

void parse(Burst& burst, const PortState& port) {
  for (const unsigned i : bits_of(burst.unparsed))
    parse_frame(burst, i, port);
}

}  // namespace shunt
