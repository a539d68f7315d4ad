#include "dataplane/own_outer.h"

#include <span>

#include "dataplane/packet_view.h"

namespace shunt {
namespace {

using Bytes = std::span<const uint8_t>;

Bytes behind(Bytes bytes, size_t header) {
  return header <= bytes.size() ? bytes.subspan(header) : Bytes{};
}

// RFC 2784: behind a header without options.
Bytes open_gre(Bytes gre) {
  if (gre.size() < kGreHeaderBytes || load<uint16_t>(gre.data()) != 0) return {};
  const be16 type = load<be16>(gre.data() + 2);
  return type == be16(kEtherTypeIpv4) || type == be16(kEtherTypeIpv6) ? behind(gre, kGreHeaderBytes)
                                                                      : Bytes{};
}

// draft-ietf-intarea-gue 3: variant 1 is an IP packet, whose version says so; in variant 0 five bits tell how
// many words stand behind the first, and a byte what protocol follows them (no control message).
Bytes open_gue(Bytes udp) {
  const Bytes gue = behind(udp, kUdpHeaderBytes);
  if (gue.empty() || load<be16>(udp.data() + 2) != be16(kGuePort)) return {};
  const uint8_t first = gue[0];
  if (first >> 4U == 4 || first >> 4U == 6) return gue;
  if (first >> 5U != 0 || gue.size() < 4 || (gue[1] != kProtocolIpip && gue[1] != kProtocolIpv6)) return {};
  return behind(gue, 4U + 4U * (first & 0x1fU));
}

Bytes open_protocol(uint8_t protocol, Bytes payload) {
  switch (protocol) {
    case kProtocolIpip:
    case kProtocolIpv6:
      return payload;
    case kProtocolGre:
      return open_gre(payload);
    case kProtocolUdp:
      return open_gue(payload);
    default:
      return {};
  }
}

// An IP packet's source, and what it carries; nothing where it isn't an outer header of any kind.
struct Opened {
  const uint8_t* source = nullptr;
  bool is_v4 = false;
  Bytes inside;
};

Opened open(Bytes ip) {
  if (ip.size() >= kIpv4HeaderBytes && ip[0] >> 4U == 4) {
    if ((load<be16>(ip.data() + 6).host() & 0x1fffU) != 0) return {};  // a later fragment
    return {ip.data() + 12, true, open_protocol(ip[9], behind(ip, (ip[0] & 0x0fU) * 4U))};
  }
  if (ip.size() >= kIpv6HeaderBytes && ip[0] >> 4U == 6)
    return {ip.data() + 8, false, open_protocol(ip[6], behind(ip, kIpv6HeaderBytes))};
  return {};
}

}  // namespace

bool carries_own_outer(const uint8_t* ip, unsigned bytes, const VipTable& encap_sources) {
  Bytes rest(ip, bytes);
  for (unsigned i = 0; i <= kOuterHeadersOpened; ++i) {
    const Opened opened = open(rest);
    if (opened.inside.empty()) return false;
    // (Not by is_vip_v4, which select wants inlined: each further call makes that less likely.)
    const auto source =
        opened.is_v4 ? AddressKey::v4(load<uint32_t>(opened.source)) : AddressKey::v6(opened.source);
    if (encap_sources.is_vip(source, opened.is_v4 ? Family::ipv4 : Family::ipv6)) return true;
    rest = opened.inside;
  }
  return false;
}

}  // namespace shunt
