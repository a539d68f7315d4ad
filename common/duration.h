// Durations as people write them in the configuration: "500ms", "1s", "15m", "2h".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace shunt {

// A whole number and one of ms, s, m, h, nothing between. Numbers beyond any sensible range are cut, not
// refused.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// In the largest unit that shows it whole.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace shunt
