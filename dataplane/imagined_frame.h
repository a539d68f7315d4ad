// The frame of a client's packet to a VIP that nobody sent (rehearsal.h): right in every field.
#pragma once

#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/rehearsal.h"

namespace shunt {

// `opens`: a SYN, else an ACK; UDP has neither. DF is set, the TTL 64.
std::vector<uint8_t> imagined_frame(const ImaginedPacket& packet, const MacAddress& from,
                                    const MacAddress& to, bool opens);

}  // namespace shunt
