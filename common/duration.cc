// Reads and prints durations.
#include "common/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace shunt {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr std::array<Unit, 4> kUnits = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr uint64_t kLargestNumber = 1'000'000'000'000;  // times an hour still fits 63 bits

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc::invalid_argument) return std::nullopt;
  if (failure == std::errc::result_out_of_range) number = kLargestNumber;
  const std::string_view unit_name = text.substr(static_cast<size_t>(end - text.data()));
  const auto* unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == unit_name; });
  if (unit == kUnits.end()) return std::nullopt;
  return std::chrono::milliseconds(static_cast<int64_t>(std::min(number, kLargestNumber)) * unit->ms);
}

std::string duration_text(std::chrono::milliseconds duration) {
  const int64_t ms = duration.count();
  if (ms == 0) return "0s";
  const auto* unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return ms % u.ms == 0; });
  return std::to_string(ms / unit->ms) + std::string(unit->name);
}

}  // namespace shunt
