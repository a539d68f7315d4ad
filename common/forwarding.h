// How a service's packets travel: transport protocol and forwarding mode. Known to configuration and data
// plane alike.
#pragma once

#include <cstdint>

namespace shunt {

enum class Protocol : uint8_t { tcp = 6, udp = 17 };

// l2: only the MACs change (the backend holds the VIP). ipip, gue, gre: the packet travels inside another,
// addressed to the backend. nat: the destination is rewritten and replies come back through shunt. full_nat:
// the source too.
enum class Forward : uint8_t { l2, ipip, gue, gre, nat, full_nat };

// Of a service's `mss_clamp`: the largest segment that fits the way out.
inline constexpr uint16_t kMssOfMtu = 0xffff;

constexpr bool encapsulates(Forward forward) {
  return forward == Forward::ipip || forward == Forward::gue || forward == Forward::gre;
}

}  // namespace shunt
