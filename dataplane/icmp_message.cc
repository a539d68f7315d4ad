#include "dataplane/icmp_message.h"

#include "common/checksum.h"
#include "dataplane/extension_headers.h"
#include "dataplane/fragment_part.h"

namespace shunt {
namespace {

Extent extent_of(const FragmentWord& word) {
  if (word.offset_bytes != 0) return Extent::later_fragment;
  return word.more ? Extent::first_fragment : Extent::whole;
}

TransportPlace find_transport4(const uint8_t* ip, unsigned available) {
  const unsigned header_bytes = (ip[0] & 0x0fU) * 4U;
  if ((ip[0] >> 4U) != 4 || header_bytes < kIpv4HeaderBytes || header_bytes > available) return {};
  return {ip[9], extent_of(FragmentWord::of_ipv4(ip)), static_cast<uint16_t>(header_bytes)};
}

TransportPlace find_transport6(const uint8_t* ip, unsigned available) {
  if ((ip[0] >> 4U) != 6) return {};
  const ExtensionHeaders chain = walk_extension_headers(ip, available);
  if (chain.has_fault) return {};
  const FragmentWord word =
      chain.fragment_at != 0 ? FragmentWord::of_ipv6(ip + chain.fragment_at) : FragmentWord{};
  return {chain.protocol, extent_of(word), chain.end};
}

bool is_icmp_of(L3 l3, uint8_t protocol) {
  return protocol == (l3 == L3::ipv4 ? kProtocolIcmp : kProtocolIcmp6);
}

uint16_t icmp_checksum(const PacketView& view, const uint8_t* frame, const IcmpMessage& message) {
  uint64_t sum = 0;
  if (view.l3 == L3::ipv6) {
    sum = checksum_sum(view.source_bytes(frame), 32);
    sum += uint64_t{be16(message.bytes).raw()} + be16(kProtocolIcmp6).raw();
  }
  return static_cast<uint16_t>(~fold_checksum(checksum_sum(frame + message.offset, message.bytes, sum)));
}

// RFC 1191 4, RFC 4443 3.2. An MTU of 0, from a router older than RFC 1191, says nothing that helps.
bool names_impossible_mtu(L3 l3, const uint8_t* icmp) {
  if (l3 == L3::ipv4)
    return icmp[0] == icmp4::kUnreachable && icmp[1] == icmp4::kFragmentationNeeded &&
           load<be16>(icmp + 6).host() < kLeastMtu4;
  return icmp[0] == icmp6::kPacketTooBig && load<be32>(icmp + 4).host() < kLeastMtu6;
}

}  // namespace

TransportPlace find_transport(L3 l3, const uint8_t* ip, unsigned available) {
  if (l3 == L3::ipv4) return available < kIpv4HeaderBytes ? TransportPlace{} : find_transport4(ip, available);
  return available < kIpv6HeaderBytes ? TransportPlace{} : find_transport6(ip, available);
}

std::optional<IcmpMessage> find_icmp(const PacketView& view, const uint8_t* frame) {
  const TransportPlace place = find_transport(view.l3, view.ip(frame), view.ip_bytes);
  if (!place.is_there() || place.extent != Extent::whole || place.offset > view.ip_bytes) return {};
  if (!is_icmp_of(view.l3, place.protocol)) return {};
  return IcmpMessage{static_cast<uint16_t>(view.l3_offset + place.offset),
                     static_cast<uint16_t>(view.ip_bytes - place.offset)};
}

bool is_echo_request(L3 l3, uint8_t type) {
  return type == (l3 == L3::ipv4 ? icmp4::kEcho : icmp6::kEcho);
}

bool is_icmp_error(L3 l3, uint8_t type) {
  if (l3 == L3::ipv6) return type >= icmp6::kUnreachable && type <= icmp6::kParameterProblem;
  return type == icmp4::kUnreachable || type == icmp4::kTimeExceeded || type == icmp4::kParameterProblem;
}

bool is_icmp_unreachable(L3 l3, const uint8_t* icmp) {
  if (l3 == L3::ipv6) return icmp[0] == icmp6::kUnreachable;
  return icmp[0] == icmp4::kUnreachable && icmp[1] != icmp4::kFragmentationNeeded;
}

bool has_right_icmp_checksum(const PacketView& view, const uint8_t* frame, const IcmpMessage& message) {
  return icmp_checksum(view, frame, message) == 0;
}

void write_icmp_checksum(const PacketView& view, uint8_t* frame, const IcmpMessage& message) {
  store(frame + message.offset + 2, uint16_t{0});
  store(frame + message.offset + 2, icmp_checksum(view, frame, message));
}

std::optional<IcmpQuote> read_quote(const PacketView& view, const uint8_t* frame,
                                    const IcmpMessage& message) {
  if (message.bytes < kIcmpHeaderBytes) return {};
  const uint8_t* icmp = frame + message.offset;
  if (!has_right_icmp_checksum(view, frame, message) || names_impossible_mtu(view.l3, icmp)) return {};
  const unsigned quoted = message.bytes - kIcmpHeaderBytes;
  const TransportPlace place = find_transport(view.l3, icmp + kIcmpHeaderBytes, quoted);
  if (!place.is_there() || place.offset + 8U > quoted) return {};
  if (place.protocol != kProtocolTcp && place.protocol != kProtocolUdp) return {};
  const auto ip = static_cast<uint16_t>(message.offset + kIcmpHeaderBytes);
  return IcmpQuote{ip, static_cast<uint16_t>(ip + place.offset), message.end(), place.protocol};
}

}  // namespace shunt
