// An ICMP or ICMPv6 echo request and the reply to it (RFC 792, RFC 4443 section 4).
//
// Pure. A reply is known by 16 random bytes that it brings back, and by its id where the kernel hasn't chosen
// that.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/address.h"

namespace shunt {

struct EchoRequest {
  Family family = Family::ipv4;
  uint16_t id = 0;  // network order; a ping socket puts its own
  std::array<char, 16> nonce{};
};

// Checksum right for ICMP; for ICMPv6 the kernel's.
std::string echo_message(const EchoRequest& request);
// `message` from the ICMP header on.
bool is_echo_reply(std::string_view message, const EchoRequest& request, bool any_id);
// Without the IPv4 header that a raw socket leaves on. Empty: there is no whole one.
std::string_view without_ipv4_header(std::string_view packet);

}  // namespace shunt
