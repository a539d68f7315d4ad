// Sizes and ages as people write them: "8GiB", "90d".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shunt::insight {

// A whole number and one of B, KiB, MiB, GiB, TiB, nothing between; nothing where it is none, or more than
// fits.
std::optional<uint64_t> parse_size(std::string_view text);

// A whole number and one of s, m, h, d, in seconds; the same.
std::optional<int64_t> parse_age(std::string_view text);

}  // namespace shunt::insight
