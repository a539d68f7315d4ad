// Durations as a person writes them ("100ms", "1.5s", "10m"), and the clock they are counted on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shunt {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

// A number with a unit (us, ms, s, m, h), at most 24 h; nothing when it is anything else. "0" needs no unit.
std::optional<uint64_t> parse_duration_ns(std::string_view text);

uint64_t monotonic_ns();

inline uint64_t since(uint64_t now_ns, uint64_t then_ns) {
  return now_ns > then_ns ? now_ns - then_ns : 0;
}
inline double to_ms(uint64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kNsPerMs);
}
inline double to_seconds(uint64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kNsPerSecond);
}

}  // namespace shunt
