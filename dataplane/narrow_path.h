// What a router on the way to a backend says of that way: an ICMP "too big" to an encap_source, about a
// packet in an outer header of ours. The control thread takes it from there (control/path_mtus.h); the error
// itself is the kernel's, as what isn't for a VIP is. RFC 1191 6.4, RFC 2003 5, RFC 8201 4.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/frame_ring.h"
#include "dataplane/icmp_message.h"
#include "dataplane/packet_view.h"
#include "dataplane/vip_table.h"

namespace shunt {

struct NarrowPath {
  IpAddress backend;  // the outer header's destination
  uint16_t mtu = 0;   // IP bytes, outer header and all; at least kLeastMtu4 or kLeastMtu6
};
// Full: the next packet that is too big brings the next error.
using NarrowPaths = SpscRing<NarrowPath, 64>;

// Nothing: another message, a wrong checksum, or a packet that no encap_source can have sent.
std::optional<NarrowPath> read_narrow_path(const PacketView& view, const uint8_t* frame,
                                           const IcmpMessage& message, const VipTable& encap_sources);

}  // namespace shunt
