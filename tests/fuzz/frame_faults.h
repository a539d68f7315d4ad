// What is wrong in a frame of either family, with whatever it carries inside: lengths and checksums,
// recomputed in full. Written from the RFCs, apart from the stages.
#pragma once

#include <string>

#include "tests/packet/packet_builder.h"

namespace shunt::fuzz {

enum class Transports : uint8_t { ignored, right };

// Of a frame that leaves: nothing stands behind the IP packet. With `right`, TCP, UDP and ICMP checksums are
// looked at too (not a fragment's, which covers more than is there). Empty: nothing is wrong.
std::string faults_in(const packet::Bytes& frame, Transports transports);

// Whether a frame that comes in is an IP packet with right lengths and checksums, transport's too.
bool is_right(const packet::Bytes& frame);

// Bytes before the IP header, and how many of the frame are behind it.
size_t l2_bytes(const packet::Bytes& frame);

}  // namespace shunt::fuzz
