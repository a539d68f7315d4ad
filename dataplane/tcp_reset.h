// The RST that says there is no such connection (any more): RFC 9293 3.5.2, 3.10.7.1.
#pragma once

#include "dataplane/burst.h"

namespace shunt {

inline constexpr unsigned kTcpResetBytes = 20;

// To the client whose TCP packet this is, as its backend would. `segment`: kTcpResetBytes behind an IP header
// of the same family; `ip`: that header, whose addresses count for the checksum.
void write_tcp_reset(const Packet& packet, const uint8_t* ip, uint8_t* segment);

}  // namespace shunt
