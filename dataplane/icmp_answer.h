// What shunt answers itself, as bytes: an echo reply for a VIP, "time exceeded" and "too big" to whom it
// drops; and a TCP client whose connection is ended on purpose, by a RST (tcp_reset.h).
//
// The answer goes back where the frame came from: MACs swapped, VLAN tags kept, source the VIP. It is no
// bigger than what asked for it, but that an error quotes the headers and 8 bytes whatever they take. Whether
// a source may be answered at all is asked before (classify, select); how often, by answer_limit.h. RFC 792,
// RFC 1122 3.2.2, RFC 1812 4.3.2, RFC 4443 2.4.
#pragma once

#include <cstdint>

#include "dataplane/burst.h"
#include "dataplane/icmp_message.h"

namespace shunt {

struct AnswerPlan {
  uint32_t frame_bytes = 0;  // 0: no answer to this packet
  uint16_t ip_bytes = 0;
  uint16_t copied_at = 0;     // in the packet's frame: the echo's message, or what an error quotes
  uint16_t copied_bytes = 0;  // of it
  uint16_t mtu = 0;           // too_big: what fits
  DropReason why = DropReason::ttl;
  IpAddress from;
  IpAddress to;
  bool to_host = false;  // it came from this host's own interface, and goes back there
};

// The answer to packet `i`, whose fate is Fate::answer. Nothing to plan for what must not be answered:
// another error, ICMP of any kind but an echo request, a later fragment, a frame from a group MAC.
AnswerPlan plan_answer(const Burst& burst, unsigned i);

// Writes the planned frame_bytes. `answer` isn't the packet's own frame.
void write_answer(const AnswerPlan& plan, const Packet& packet, uint8_t* answer);

}  // namespace shunt
