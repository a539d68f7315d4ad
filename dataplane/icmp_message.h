// ICMP messages as bytes: where one is in a frame, and which flow an error is about.
//
// Pure reading, each byte behind its length check; nothing is asserted about what an outsider wrote. Cost: a
// walk over the message for its checksum. RFC 792, RFC 4443; quotes: RFC 1122 3.2.2, RFC 4443 3.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/packet_view.h"

namespace shunt {

inline constexpr uint16_t kIcmpHeaderBytes = 8;
// No IPv4 path is narrower in earnest (Linux takes no less either), no IPv6 link may be (RFC 8200 5).
inline constexpr uint32_t kLeastMtu4 = 552;
inline constexpr uint32_t kLeastMtu6 = 1280;

namespace icmp4 {
inline constexpr uint8_t kEchoReply = 0;
inline constexpr uint8_t kUnreachable = 3;
inline constexpr uint8_t kFragmentationNeeded = 4;  // a code of kUnreachable (RFC 1191 4)
inline constexpr uint8_t kEcho = 8;
inline constexpr uint8_t kTimeExceeded = 11;
inline constexpr uint8_t kParameterProblem = 12;
}  // namespace icmp4

namespace icmp6 {
inline constexpr uint8_t kUnreachable = 1;
inline constexpr uint8_t kPacketTooBig = 2;
inline constexpr uint8_t kTimeExceeded = 3;
inline constexpr uint8_t kParameterProblem = 4;
inline constexpr uint8_t kEcho = 128;
inline constexpr uint8_t kEchoReply = 129;
}  // namespace icmp6

// Is a packet all of its datagram?
enum class Extent : uint8_t { whole, first_fragment, later_fragment };

// What stands behind an IP header, its options and its extension headers.
struct TransportPlace {
  uint8_t protocol = 0;
  Extent extent = Extent::whole;
  uint16_t offset = 0;  // from the IP header on; 0: no such place in the bytes there are

  bool is_there() const { return offset != 0 && extent != Extent::later_fragment; }
};

// `available` bytes of an IP packet of this family, at least its fixed header (else nothing).
TransportPlace find_transport(L3 l3, const uint8_t* ip, unsigned available);

struct IcmpMessage {
  uint16_t offset = 0;  // in the frame
  uint16_t bytes = 0;   // of header and body; may be fewer than kIcmpHeaderBytes

  uint16_t end() const { return static_cast<uint16_t>(offset + bytes); }
};

// Nothing: the packet isn't its family's ICMP, or only a piece of it.
std::optional<IcmpMessage> find_icmp(const PacketView& view, const uint8_t* frame);

bool is_echo_request(L3 l3, uint8_t type);
bool is_icmp_error(L3 l3, uint8_t type);
// Destination unreachable, but "too big" of IPv4. `icmp`: at least type and code.
bool is_icmp_unreachable(L3 l3, const uint8_t* icmp);

// Over the whole message, in IPv6 with the pseudo header (RFC 4443 2.3).
bool has_right_icmp_checksum(const PacketView& view, const uint8_t* frame, const IcmpMessage& message);
void write_icmp_checksum(const PacketView& view, uint8_t* frame, const IcmpMessage& message);

// The packet that an error quotes, as far as it quotes it: offsets in the frame.
struct IcmpQuote {
  uint16_t ip = 0;
  uint16_t l4 = 0;  // at least 8 bytes of the transport header are there
  uint16_t end = 0;
  uint8_t protocol = 0;  // TCP or UDP

  be16 sport(const uint8_t* frame) const { return load<be16>(frame + l4); }
  be16 dport(const uint8_t* frame) const { return load<be16>(frame + l4 + 2); }
};

// Nothing: the message is no error that can be about a flow. It is shorter than it must be, or its checksum
// is wrong; it quotes another family, neither TCP nor UDP, fewer than 8 bytes of it, or a later fragment; or
// it names an MTU that no path has.
std::optional<IcmpQuote> read_quote(const PacketView& view, const uint8_t* frame, const IcmpMessage& message);

}  // namespace shunt
