// Names as DNS has them (RFC 1035 2.3.4): labels of 1 to 63 bytes between dots, 253 characters at most.
#pragma once

#include <algorithm>
#include <string_view>

namespace shunt {

// "." is the root; a dot at the end is allowed. No blanks and nothing unprintable: what else a label may hold
// is the server's to say.
inline bool is_dns_name(std::string_view name) {
  if (name == ".") return true;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (label.empty() || label.size() > 63 || !plain) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace shunt
