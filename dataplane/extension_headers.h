// ExtensionHeaders: what stands between an IPv6 header and the transport header (RFC 8200, 4).
//
// Cost: only packets whose next header is one of them come here. Bound: kMaxExtensionHeaders headers, of
// kMaxExtensionBytes together; what has more is refused, as is a routing header of type 0 (RFC 5095).
#pragma once

#include <cstdint>

#include "stats/drop_reason.h"

namespace shunt {

inline constexpr unsigned kMaxExtensionHeaders = 8;
inline constexpr unsigned kMaxExtensionBytes = 256;

inline constexpr uint8_t kExtensionHopByHop = 0;
inline constexpr uint8_t kExtensionRouting = 43;
inline constexpr uint8_t kExtensionFragment = 44;
inline constexpr uint8_t kExtensionAuthentication = 51;
inline constexpr uint8_t kExtensionDestination = 60;
inline constexpr uint8_t kExtensionMobility = 135;
inline constexpr uint8_t kExtensionHip = 139;
inline constexpr uint8_t kExtensionShim6 = 140;

// The standard ones (RFC 7045, 4), but ESP: nobody can say what stands behind that.
constexpr bool is_extension_header(uint8_t protocol) {
  switch (protocol) {
    case kExtensionHopByHop:
    case kExtensionRouting:
    case kExtensionFragment:
    case kExtensionAuthentication:
    case kExtensionDestination:
    case kExtensionMobility:
    case kExtensionHip:
    case kExtensionShim6:
      return true;
    default:
      return false;
  }
}

// Offsets are from the beginning of the IPv6 header.
struct ExtensionHeaders {
  uint8_t protocol = 0;  // what stands behind them; of a later fragment: what its own header says
  uint16_t end = 0;      // where that begins
  uint16_t fragment_at =
      0;  // the fragment header of a fragment; 0: it is none (nor is an atomic one, RFC 6946)
  bool binds_addresses = false;  // the addresses can't be changed: AH, or a routing header on its way
  bool has_fault = false;
  DropReason fault = DropReason::extension_headers;
};

// `ip`: an IPv6 packet of `ip_bytes`, all of which are there.
ExtensionHeaders walk_extension_headers(const uint8_t* ip, unsigned ip_bytes);

}  // namespace shunt
