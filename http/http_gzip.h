// gzip (RFC 1952) as an encoding of what is answered (RFC 9110 8.4.1.3).
//
// Cost: level 1 takes about 10 ms a MiB of JSON, level 9 ten times as long.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shunt {

// What an Accept-Encoding field says (RFC 9110 12.5.3): "gzip, br", "*", "gzip;q=0.5"; "gzip;q=0" is a no.
bool takes_gzip(std::string_view accept_encoding);

// `level` 1 (quick) to 9 (small). Nothing where it isn't worth it: a text of less than 1,400 bytes, which is
// a packet in any case, or one that loses less than a tenth.
std::optional<std::string> gzip(std::string_view text, int level);

}  // namespace shunt
