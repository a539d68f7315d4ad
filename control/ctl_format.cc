#include "control/ctl_format.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <utility>

namespace shunt {

std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t end = text.size(); end > 3;) {
    end -= 3;
    text.insert(end, 1, ',');
  }
  return text;
}

std::string grouped_signed(int64_t number) {
  if (number >= 0) return grouped(static_cast<uint64_t>(number));
  return "-" + grouped(uint64_t{0} - static_cast<uint64_t>(number));
}

std::string fixed(double number, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
  return text.data();
}

std::string percent(double ratio) {
  return fixed(ratio * 100, 1) + "%";
}

std::string si_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};
  if (bytes < 1000) return std::to_string(bytes) + kUnits[0];
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  // 999.5 and more would be written as 1000.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fixed(value, decimals) + kUnits[unit];
}

std::string with_port(const std::string& address, uint64_t port, const char* any) {
  const std::string end = port == 0 ? any : ":" + std::to_string(port);
  return address.find(':') == std::string::npos || end.empty() ? address + end : "[" + address + "]" + end;
}

std::string capitals(std::string text) {
  for (char& letter : text) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (letter == '_') letter = ' ';
  }
  return text;
}

std::string duration_text(double seconds) {
  constexpr double kTwoMinutes = 120;
  if (seconds >= kTwoMinutes) return span_text(std::chrono::seconds(static_cast<int64_t>(seconds)));
  constexpr std::array<std::pair<double, const char*>, 3> kUnits = {{{1e6, " µs"}, {1e3, " ms"}, {1, " s"}}};
  for (const auto& [per_second, unit] : kUnits) {
    const double value = seconds * per_second;
    // 999.5 and more would be written as 1000.
    if (value >= 999.5 && per_second != 1) continue;
    if (value == 0) return std::string("0") + unit;
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fixed(value, decimals) + unit;
  }
  return {};
}

std::string span_text(std::chrono::seconds span) {
  const int64_t total = span.count() < 0 ? 0 : span.count();
  const auto two = [](int64_t big, const char* big_unit, int64_t small, const char* small_unit) {
    std::string text = std::to_string(big) + big_unit;
    if (small > 0) text += " " + std::to_string(small) + small_unit;
    return text;
  };
  if (total < 60) return std::to_string(total) + " s";
  if (total < 3600) return two(total / 60, " min", total % 60, " s");
  if (total < 86'400) return two(total / 3600, " h", total % 3600 / 60, " min");
  return two(total / 86'400, " d", total % 86'400 / 3600, " h");
}

}  // namespace shunt
