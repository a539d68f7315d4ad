#include "tests/tools/duration.h"

#include <time.h>

#include <array>
#include <charconv>
#include <utility>

namespace shunt {

std::optional<uint64_t> parse_duration_ns(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {
      {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  if (text == "0") return 0;
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0)) return {};
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, ns] : kUnits) {
    if (unit == name && number * ns <= 24 * 3600e9) return static_cast<uint64_t>(number * ns + 0.5);
  }
  return {};
}

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace shunt
