#include "insight/config/setting_units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace shunt::insight {
namespace {

struct Unit {
  std::string_view name;
  uint64_t size;
};
constexpr std::array kSizes = {Unit{"B", 1}, Unit{"KiB", 1ULL << 10U}, Unit{"MiB", 1ULL << 20U},
                               Unit{"GiB", 1ULL << 30U}, Unit{"TiB", 1ULL << 40U}};
constexpr std::array kAges = {Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3'600}, Unit{"d", 86'400}};
constexpr uint64_t kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

std::optional<uint64_t> parse(std::string_view text, std::span<const Unit> units) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  const std::string_view name = text.substr(static_cast<size_t>(end - text.data()));
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  if (unit == units.end() || number > kLargest / unit->size) return std::nullopt;
  return number * unit->size;
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  return parse(text, kSizes);
}

std::optional<int64_t> parse_age(std::string_view text) {
  const auto seconds = parse(text, kAges);
  if (!seconds) return std::nullopt;
  return static_cast<int64_t>(*seconds);
}

}  // namespace shunt::insight
