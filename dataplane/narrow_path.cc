#include "dataplane/narrow_path.h"

#include <algorithm>
#include <cstring>

#include "dataplane/fragment_part.h"
#include "dataplane/own_outer.h"

namespace shunt {
namespace {

struct Quoted {
  const uint8_t* source = nullptr;
  const uint8_t* destination = nullptr;
  uint8_t protocol = 0;
  be16 dport;
};

// Our outer headers have no options, no extension headers and no fragments; a router quotes 8 bytes behind
// them at least.
std::optional<Quoted> read_outer(L3 l3, const uint8_t* ip, unsigned bytes) {
  if (bytes < ip_header_bytes(l3) + 8U) return {};
  const be16 dport = load<be16>(ip + ip_header_bytes(l3) + 2);
  if (l3 == L3::ipv4) {
    if (ip[0] != 0x45 || FragmentWord::of_ipv4(ip).offset_bytes != 0) return {};
    return Quoted{ip + 12, ip + 16, ip[9], dport};
  }
  if (ip[0] >> 4U != 6) return {};
  return Quoted{ip + 8, ip + 24, ip[6], dport};
}

// How long packets may be, by what the message says; nothing: it says something else.
std::optional<uint32_t> reported_mtu(L3 l3, const uint8_t* icmp) {
  if (l3 == L3::ipv4) {
    if (icmp[0] != icmp4::kUnreachable || icmp[1] != icmp4::kFragmentationNeeded) return {};
    return std::max<uint32_t>(load<be16>(icmp + 6).host(), kLeastMtu4);
  }
  if (icmp[0] != icmp6::kPacketTooBig) return {};
  return std::max(load<be32>(icmp + 4).host(), kLeastMtu6);
}

}  // namespace

std::optional<NarrowPath> read_narrow_path(const PacketView& view, const uint8_t* frame,
                                           const IcmpMessage& message, const VipTable& encap_sources) {
  if (message.bytes < kIcmpHeaderBytes) return {};
  const uint8_t* icmp = frame + message.offset;
  const auto mtu = reported_mtu(view.l3, icmp);
  if (!mtu || *mtu > UINT16_MAX) return {};
  const auto quoted =
      read_outer(view.l3, icmp + kIcmpHeaderBytes, static_cast<unsigned>(message.bytes - kIcmpHeaderBytes));
  if (!quoted || !may_be_outer(quoted->protocol, quoted->dport)) return {};
  const bool v4 = view.l3 == L3::ipv4;
  if (std::memcmp(quoted->source, view.destination_bytes(frame), v4 ? 4 : 16) != 0) return {};
  const AddressKey source =
      v4 ? AddressKey::v4(load<uint32_t>(quoted->source)) : AddressKey::v6(quoted->source);
  if (!encap_sources.is_vip(source, v4 ? Family::ipv4 : Family::ipv6)) return {};
  if (!has_right_icmp_checksum(view, frame, message)) return {};
  return NarrowPath{v4 ? IpAddress::v4(load<be32>(quoted->destination)) : IpAddress::v6(quoted->destination),
                    static_cast<uint16_t>(*mtu)};
}

}  // namespace shunt
