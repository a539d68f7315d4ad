#include "dataplane/neighbour_discovery.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/l2_header.h"

namespace shunt {
namespace {

constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;
constexpr uint8_t kTargetLinkAddress = 2;  // the option's type (4.6.1)
constexpr uint8_t kSourceLinkAddress = 1;
constexpr uint8_t kOwnHopLimit = 255;  // less: it has passed a router
constexpr size_t kMacBytes = 6;
constexpr size_t kMessageBytes = 24;  // type, code, checksum, four more, target
constexpr size_t kOptionBytes = 8;    // the unit of option lengths, and what one with a MAC takes

// Of an advertisement (4.4). Not R: nobody's default route is a VIP.
constexpr uint8_t kSolicited = 0x40;
constexpr uint8_t kOverride = 0x20;

constexpr std::array<uint8_t, 16> kAllNodes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr std::array<uint8_t, kMacBytes> kAllNodesMac = {0x33, 0x33, 0, 0, 0, 1};  // RFC 2464 7
constexpr std::array<uint8_t, 13> kSolicitedNodes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

// `ip` is a whole IPv6 packet without extension headers, as `bytes` long as its header says.
uint16_t icmp6_checksum(const uint8_t* ip, size_t bytes) {
  const be32 length(static_cast<uint32_t>(bytes - kIpv6HeaderBytes));
  uint64_t sum = checksum_sum(ip + 8, 32);  // source and destination
  sum = checksum_sum(&length, sizeof length, sum);
  sum += be16(kProtocolIcmp6).raw();
  return static_cast<uint16_t>(
      ~fold_checksum(checksum_sum(ip + kIpv6HeaderBytes, bytes - kIpv6HeaderBytes, sum)));
}

// Every option has a length (a zero would never end), and a packet without source has no link-layer address
// of it.
bool options_are_valid(std::span<const uint8_t> options, bool has_source) {
  while (!options.empty()) {
    if (options.size() < kOptionBytes) return false;
    const size_t bytes = options[1] * kOptionBytes;
    if (bytes == 0 || bytes > options.size()) return false;
    if (options[0] == kSourceLinkAddress && !has_source) return false;
    options = options.subspan(bytes);
  }
  return true;
}

bool is_solicited_node_group(const uint8_t* address) {
  return std::equal(kSolicitedNodes.begin(), kSolicitedNodes.end(), address);
}

void write_advertisement(uint8_t* ip, const IpAddress& vip, const uint8_t* destination, uint8_t flags,
                         const MacAddress& mac) {
  store(ip, be32(0x60000000U));
  store(ip + 4, be16(static_cast<uint16_t>(kAdvertisementBytes - kIpv6HeaderBytes)));
  ip[6] = kProtocolIcmp6;
  ip[7] = kOwnHopLimit;
  std::memcpy(ip + 8, vip.wire(), 16);
  std::memcpy(ip + 24, destination, 16);
  uint8_t* message = ip + kIpv6HeaderBytes;
  std::memset(message, 0, kMessageBytes);
  message[0] = kAdvertisement;
  message[4] = flags;
  std::memcpy(message + 8, vip.wire(), 16);
  uint8_t* option = message + kMessageBytes;
  option[0] = kTargetLinkAddress;
  option[1] = 1;
  std::memcpy(option + 2, mac.bytes.data(), kMacBytes);
  store(message + 2, icmp6_checksum(ip, kAdvertisementBytes));
}

}  // namespace

std::optional<NeighbourSolicitation> read_solicitation(std::span<const uint8_t> frame) {
  const auto l2_bytes = l3_offset_of(frame, kEtherTypeIpv6);
  if (!l2_bytes || frame.size() < *l2_bytes + kIpv6HeaderBytes + kMessageBytes) return std::nullopt;
  const uint8_t* ip = frame.data() + *l2_bytes;
  const size_t bytes = kIpv6HeaderBytes + load<be16>(ip + 4).host();
  if ((ip[0] >> 4U) != 6 || ip[6] != kProtocolIcmp6 || ip[7] != kOwnHopLimit) return std::nullopt;
  if (bytes < kIpv6HeaderBytes + kMessageBytes || bytes > frame.size() - *l2_bytes) return std::nullopt;
  const uint8_t* message = ip + kIpv6HeaderBytes;
  if (message[0] != kSolicitation || message[1] != 0) return std::nullopt;
  // What the sum covers, the checksum itself among it, adds up to nothing.
  if (icmp6_checksum(ip, bytes) != 0) return std::nullopt;

  NeighbourSolicitation solicitation{IpAddress::v6(ip + 8), IpAddress::v6(message + 8), *l2_bytes};
  const bool has_source = !solicitation.source.is_unspecified();
  if (solicitation.target.is_multicast()) return std::nullopt;
  // An answer must not go to a group on a stranger's word.
  if (solicitation.source.is_multicast() || (frame[kMacBytes] & 1U) != 0) return std::nullopt;
  if (!has_source && !is_solicited_node_group(ip + 24)) return std::nullopt;
  const std::span options(message + kMessageBytes, bytes - kIpv6HeaderBytes - kMessageBytes);
  if (!options_are_valid(options, has_source)) return std::nullopt;
  return solicitation;
}

std::vector<uint8_t> advertisement(std::span<const uint8_t> solicitation_frame,
                                   const NeighbourSolicitation& solicitation, const MacAddress& mac) {
  const bool to_all = solicitation.source.is_unspecified();
  std::vector<uint8_t> answer(solicitation.l2_bytes + kAdvertisementBytes);
  std::memcpy(answer.data(), solicitation_frame.data(), solicitation.l2_bytes);
  std::memcpy(answer.data(), to_all ? kAllNodesMac.data() : solicitation_frame.data() + kMacBytes, kMacBytes);
  std::memcpy(answer.data() + kMacBytes, mac.bytes.data(), kMacBytes);
  const auto flags = static_cast<uint8_t>(to_all ? kOverride : kOverride | kSolicited);
  write_advertisement(answer.data() + solicitation.l2_bytes, solicitation.target,
                      to_all ? kAllNodes.data() : solicitation.source.wire(), flags, mac);
  return answer;
}

std::array<uint8_t, 14 + kAdvertisementBytes> unsolicited_advertisement(const MacAddress& mac,
                                                                        const IpAddress& address) {
  std::array<uint8_t, 14 + kAdvertisementBytes> frame{};
  std::memcpy(frame.data(), kAllNodesMac.data(), kMacBytes);
  std::memcpy(frame.data() + kMacBytes, mac.bytes.data(), kMacBytes);
  store(frame.data() + 12, be16(kEtherTypeIpv6));
  write_advertisement(frame.data() + 14, address, kAllNodes.data(), kOverride, mac);
  return frame;
}

IpAddress solicited_node_group(const IpAddress& address) {
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(kSolicitedNodes, bytes.begin());
  std::copy(address.bytes().end() - 3, address.bytes().end(), bytes.end() - 3);
  return IpAddress::v6(bytes.data());
}

}  // namespace shunt
