// PacketView: where things lie in one frame, and the one place where packet bytes are read by offset.
//
// Filled by parse, which checks each length before the header it guards; later stages trust the offsets.
// Addresses and ports stay in the frame and are loaded through the view.
#pragma once

#include <cstdint>

#include "common/address.h"
#include "common/byte_order.h"
#include "stats/drop_reason.h"

namespace shunt {

inline constexpr uint16_t kEtherHeaderBytes = 14;
inline constexpr uint16_t kVlanTagBytes = 4;
inline constexpr uint16_t kLargestL2Bytes = kEtherHeaderBytes + 2 * kVlanTagBytes;
inline constexpr uint16_t kIpv4HeaderBytes = 20;
inline constexpr uint16_t kIpv6HeaderBytes = 40;
inline constexpr uint16_t kUdpHeaderBytes = 8;
inline constexpr uint16_t kTcpHeaderBytes = 20;
inline constexpr uint16_t kGreHeaderBytes = 4;  // RFC 2784, without options
inline constexpr uint16_t kGueHeaderBytes = 4;  // of variant 0, without extensions and private data
inline constexpr uint16_t kGuePort = 6080;      // draft-ietf-intarea-gue, of UDP

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;  // IEEE 802.1Q
inline constexpr uint16_t kEtherTypeQinQ = 0x88a8;  // IEEE 802.1ad
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolIpip = 4;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIpv6 = 41;
inline constexpr uint8_t kProtocolGre = 47;
inline constexpr uint8_t kProtocolIcmp6 = 58;

// RFC 9293, 3.1
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpAck = 0x10;

enum class L3 : uint8_t { other, arp, ipv4, ipv6 };

// Without options and extension headers.
constexpr unsigned ip_header_bytes(L3 l3) {
  return l3 == L3::ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
}

struct PacketView {
  L3 l3 = L3::other;
  uint8_t l3_offset = kEtherHeaderBytes;  // behind Ethernet and VLAN tags
  uint8_t protocol = 0;                   // of the transport header, where there is one
  uint8_t tcp_flags = 0;
  uint16_t l4_offset = 0;            // 0: no transport header that parse could read
  uint16_t ip_bytes = 0;             // of the whole IP packet
  uint16_t payload_bytes = 0;        // behind the transport header
  bool has_defect : 1 = false;       // if this is for a VIP it is dropped, for `defect`
  bool is_fragment : 1 = false;      // of IPv4 or IPv6; only the first one has a transport header
  bool binds_addresses : 1 = false;  // nat would break it: AH, or a routing header on its way
  DropReason defect = DropReason::truncated;

  void object(DropReason reason) {
    if (has_defect) return;  // the first objection names it
    has_defect = true;
    defect = reason;
  }

  bool is_ip() const { return l3 == L3::ipv4 || l3 == L3::ipv6; }
  uint16_t frame_bytes() const { return static_cast<uint16_t>(l3_offset + ip_bytes); }

  const uint8_t* ip(const uint8_t* frame) const { return frame + l3_offset; }
  uint8_t* ip(uint8_t* frame) const { return frame + l3_offset; }
  uint8_t* l4(uint8_t* frame) const { return frame + l4_offset; }
  const uint8_t* l4(const uint8_t* frame) const { return frame + l4_offset; }

  // Where l4_offset isn't 0.
  be16 sport(const uint8_t* frame) const { return load<be16>(l4(frame)); }
  be16 dport(const uint8_t* frame) const { return load<be16>(l4(frame) + 2); }
  uint32_t tcp_sequence(const uint8_t* frame) const { return load<be32>(l4(frame) + 4).host(); }
  uint8_t hops(const uint8_t* frame) const { return ip(frame)[l3 == L3::ipv4 ? 8 : 7]; }

  const uint8_t* source_bytes(const uint8_t* frame) const { return ip(frame) + (l3 == L3::ipv4 ? 12 : 8); }
  const uint8_t* destination_bytes(const uint8_t* frame) const {
    return ip(frame) + (l3 == L3::ipv4 ? 16 : 24);
  }
  IpAddress source(const uint8_t* frame) const { return address_at(source_bytes(frame)); }
  IpAddress destination(const uint8_t* frame) const { return address_at(destination_bytes(frame)); }

 private:
  IpAddress address_at(const uint8_t* from) const {
    return l3 == L3::ipv4 ? IpAddress::v4(load<be32>(from)) : IpAddress::v6(from);
  }
};
static_assert(sizeof(PacketView) == 12);

}  // namespace shunt
