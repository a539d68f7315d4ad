// Where a frame's L3 header begins, for whoever reads whole frames outside the stages (ARP, ND).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/packet_view.h"

namespace shunt {

// Behind Ethernet and at most two VLAN tags. Nothing: the frame is of another type, or ends before.
inline std::optional<size_t> l3_offset_of(std::span<const uint8_t> frame, uint16_t wanted_type) {
  size_t at = kEtherHeaderBytes;
  for (int tags = 0; tags <= 2 && frame.size() >= at; ++tags, at += kVlanTagBytes) {
    const uint16_t type = load<be16>(frame.data() + at - 2).host();
    if (type == wanted_type) return at;
    if (type != kEtherTypeVlan && type != kEtherTypeQinQ) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace shunt
