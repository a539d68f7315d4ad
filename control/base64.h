// Base64 with padding (RFC 4648 4), as etcd's JSON gateway writes bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shunt {

std::string to_base64(std::string_view bytes);
// Nothing where it isn't base64: other characters, a wrong length, padding elsewhere than at the end.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace shunt
