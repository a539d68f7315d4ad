// Neighbour discovery for VIPs (RFC 4861): reading solicitations, writing advertisements.
//
// What the RFC says a receiver must ignore (7.1.1) isn't read as a solicitation, and goes to the kernel,
// which ignores it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/address.h"

namespace shunt {

// IPv6 header, advertisement, one option with a MAC.
inline constexpr size_t kAdvertisementBytes = 40 + 24 + 8;

struct NeighbourSolicitation {
  IpAddress source;  // unspecified: somebody looks for a duplicate before taking the address (RFC 4862 5.4.3)
  IpAddress target;
  size_t l2_bytes = 0;  // Ethernet header and VLAN tags, which stand on the answer too
};

// The solicitation in a whole frame; nothing when it isn't a valid one by RFC 4861 7.1.1.
std::optional<NeighbourSolicitation> read_solicitation(std::span<const uint8_t> frame);

// The advertisement, to where the solicitation came from; to all nodes where it has no source (7.2.4).
std::vector<uint8_t> advertisement(std::span<const uint8_t> solicitation_frame,
                                   const NeighbourSolicitation& solicitation, const MacAddress& mac);

// "This address is here", to everybody on the link (7.2.6).
std::array<uint8_t, 14 + kAdvertisementBytes> unsolicited_advertisement(const MacAddress& mac,
                                                                        const IpAddress& address);

// The group that an address is asked for in: ff02::1:ff00:0/104 and its last 24 bits (RFC 4291 2.7.1).
IpAddress solicited_node_group(const IpAddress& address);

}  // namespace shunt
