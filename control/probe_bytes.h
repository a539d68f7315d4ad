// What a probe sends or looks for, as the configuration writes it: text, or "hex:0aff" for bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace shunt {

inline constexpr size_t kProbeTextBytes = 1'024;

// nullopt: behind `hex:` stands something else than pairs of hexadecimal digits.
inline std::optional<std::string> probe_bytes(std::string_view text) {
  constexpr std::string_view kMark = "hex:";
  if (!text.starts_with(kMark)) return std::string(text);
  text.remove_prefix(kMark.size());
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace shunt
