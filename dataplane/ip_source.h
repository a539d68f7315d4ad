// Which addresses nobody can be answered at: RFC 1122 3.2.1.3, RFC 4291 2.5 and 2.7.
#pragma once

#include <cstdint>

#include "common/byte_order.h"

namespace shunt {

// 0/8, 127/8, 224/3. `source`: 4 bytes.
inline bool is_bad_source_v4(const uint8_t* source) {
  return source[0] == 0 || source[0] == 127 || source[0] >= 224;
}

// ::/80 and ff00::/8: in the former are ::, ::1, and IPv4 addresses that on the wire are nobody's (and as
// keys an IPv4 backend's). `source`: 16 bytes.
inline bool is_bad_source_v6(const uint8_t* source) {
  const bool reserved = load<uint64_t>(source) == 0 && load<uint16_t>(source + 8) == 0;
  return reserved || source[0] == 0xff;
}

}  // namespace shunt
