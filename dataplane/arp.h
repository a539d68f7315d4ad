// ARP for VIPs (RFC 826; gratuitous: RFC 5227 section 3): reading requests, writing answers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/address.h"

namespace shunt {

inline constexpr size_t kArpBytes = 28;

struct ArpRequest {
  be32 sender;
  be32 target;
  MacAddress sender_mac;
  size_t l2_bytes = 0;  // Ethernet header and VLAN tags, which stand on the answer too
};

// The request in a whole frame; nothing when it isn't a well-formed ARP request for IPv4 over Ethernet.
std::optional<ArpRequest> read_arp_request(std::span<const uint8_t> frame);

// The reply, to where the request came from.
std::vector<uint8_t> arp_reply(std::span<const uint8_t> request_frame, const ArpRequest& request,
                               const MacAddress& mac);

// "This address is here", to everybody on the link.
std::array<uint8_t, 14 + kArpBytes> gratuitous_arp(const MacAddress& mac, be32 address);

}  // namespace shunt
