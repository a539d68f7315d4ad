#include "dataplane/arp.h"

#include <algorithm>
#include <cstring>

#include "dataplane/l2_header.h"

namespace shunt {
namespace {

constexpr uint16_t kRequest = 1;
constexpr uint16_t kReply = 2;
constexpr size_t kMacBytes = 6;

// hardware type (Ethernet), protocol type (IPv4), their lengths
constexpr std::array<uint8_t, 6> kPreamble = {0, 1, 0x08, 0, 6, 4};

void write_arp(uint8_t* arp, uint16_t operation, const uint8_t* sender_mac, be32 sender,
               const uint8_t* target_mac, be32 target) {
  std::memcpy(arp, kPreamble.data(), kPreamble.size());
  store(arp + 6, be16(operation));
  std::memcpy(arp + 8, sender_mac, kMacBytes);
  store(arp + 14, sender);
  std::memcpy(arp + 18, target_mac, kMacBytes);
  store(arp + 24, target);
}

}  // namespace

std::optional<ArpRequest> read_arp_request(std::span<const uint8_t> frame) {
  const auto l2_bytes = l3_offset_of(frame, kEtherTypeArp);
  if (!l2_bytes || frame.size() < *l2_bytes + kArpBytes) return std::nullopt;
  if ((frame[kMacBytes] & 1U) != 0) return std::nullopt;  // from a group's MAC: the answer would be for all
  const uint8_t* arp = frame.data() + *l2_bytes;
  if (!std::equal(kPreamble.begin(), kPreamble.end(), arp) || load<be16>(arp + 6) != be16(kRequest))
    return std::nullopt;
  ArpRequest request{load<be32>(arp + 14), load<be32>(arp + 24), {}, *l2_bytes};
  std::memcpy(request.sender_mac.bytes.data(), arp + 8, kMacBytes);
  return request;
}

std::vector<uint8_t> arp_reply(std::span<const uint8_t> request_frame, const ArpRequest& request,
                               const MacAddress& mac) {
  std::vector<uint8_t> reply(request.l2_bytes + kArpBytes);
  std::memcpy(reply.data(), request_frame.data(), request.l2_bytes);
  std::memcpy(reply.data(), request_frame.data() + kMacBytes, kMacBytes);
  std::memcpy(reply.data() + kMacBytes, mac.bytes.data(), kMacBytes);
  write_arp(reply.data() + request.l2_bytes, kReply, mac.bytes.data(), request.target,
            request.sender_mac.bytes.data(), request.sender);
  return reply;
}

std::array<uint8_t, 14 + kArpBytes> gratuitous_arp(const MacAddress& mac, be32 address) {
  std::array<uint8_t, 14 + kArpBytes> frame{};
  constexpr std::array<uint8_t, kMacBytes> kNobody{};
  std::fill_n(frame.begin(), kMacBytes, uint8_t{0xff});
  std::memcpy(frame.data() + kMacBytes, mac.bytes.data(), kMacBytes);
  store(frame.data() + 12, be16(kEtherTypeArp));
  write_arp(frame.data() + 14, kRequest, mac.bytes.data(), address, kNobody.data(), address);
  return frame;
}

}  // namespace shunt
