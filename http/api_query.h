// The query of a request's target: ?failed=true&service=web%20site. Unknown names are left to whoever asks.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace shunt {

using ApiQuery = std::map<std::string, std::string>;  // the last one of a name counts

// Percent-decoded (RFC 3986 2.1), '+' as a blank; what isn't two hexadecimal digits stays as it is.
ApiQuery query_of(std::string_view target);

// Of a path's segment: '+' stays a plus.
std::string percent_decoded(std::string_view text);

}  // namespace shunt
