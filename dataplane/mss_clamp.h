// The largest segment size that a TCP peer asks for in its SYN (RFC 9293 3.7.1), made smaller.
#pragma once

#include <cstdint>

#include "dataplane/snapshot.h"

namespace shunt {

// What a service's mss_clamp comes to for packets that leave by `destination`, IP packets of at most
// `fitting` bytes. RFC 6691: less the smallest IP and TCP headers. 0: no limit.
uint16_t largest_segment(const Service& service, unsigned fitting, bool is_v4);

// Lowers the option to `largest` where it is more. `tcp`: a header of as many bytes as it says. The checksum
// is edited (RFC 1624), wherever the option stands.
void clamp_mss(uint8_t* tcp, uint16_t largest);

}  // namespace shunt
