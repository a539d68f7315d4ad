// Reads `timestamp,value` files. Calendar arithmetic is std::chrono's.
#include "insight/detect/time_series.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace shunt {
namespace {

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// What an error quotes of a line: enough to find it, and no control characters.
std::string quoted(std::string_view text) {
  std::string shown(text.substr(0, 40));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return "'" + shown + (text.size() > 40 ? "…'" : "'");
}

std::optional<int64_t> calendar_seconds(std::string_view text) {
  // YYYY-MM-DD hh:mm:ss
  constexpr std::array<size_t, 6> kStarts = {0, 5, 8, 11, 14, 17};
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') ||
      text[13] != ':' || text[16] != ':')
    return std::nullopt;
  std::array<int, 6> part{};
  for (size_t i = 0; i < part.size(); ++i) {
    const auto number = whole_number<int>(text.substr(kStarts[i], i == 0 ? 4 : 2));
    if (!number || *number < 0) return std::nullopt;
    part[i] = *number;
  }
  const std::chrono::year_month_day day{std::chrono::year{part[0]},
                                        std::chrono::month{static_cast<unsigned>(part[1])},
                                        std::chrono::day{static_cast<unsigned>(part[2])}};
  if (!day.ok() || part[3] > 23 || part[4] > 59 || part[5] > 60) return std::nullopt;
  std::string_view rest = text.substr(19);
  if (!rest.empty() && rest.front() == '.')
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  if (!rest.empty() && rest != "Z") return std::nullopt;
  return std::chrono::sys_days(day).time_since_epoch().count() * int64_t{86'400} + part[3] * 3'600 +
         part[4] * 60 + part[5];
}

struct Row {
  int64_t time_s = 0;
  double value = 0;
};

Result<Row> parse_row(const std::string& where, std::string_view line) {
  const size_t comma = line.find(',');
  if (comma == std::string_view::npos) return Error{where, "no comma: " + quoted(line)};
  const std::string_view time_text = trimmed(line.substr(0, comma));
  const std::string_view rest = line.substr(comma + 1);
  const std::string_view value_text = trimmed(rest.substr(0, rest.find(',')));
  const auto time_s = parse_timestamp(time_text);
  if (!time_s)
    return Error{where, "not a time: " + quoted(time_text) + " (2014-04-01 00:00:00, or seconds since 1970)"};
  const auto value = whole_number<double>(value_text);
  if (!value) return Error{where, "not a number: " + quoted(value_text)};
  if (!std::isfinite(*value)) return Error{where, "not a finite number: " + quoted(value_text)};
  return Row{*time_s, *value};
}

}  // namespace

std::optional<int64_t> parse_timestamp(std::string_view text) {
  if (const auto seconds = whole_number<int64_t>(text)) {
    constexpr int64_t kYear9999_s = 253'402'300'800;
    if (*seconds < 0 || *seconds >= kYear9999_s) return std::nullopt;
    return seconds;
  }
  return calendar_seconds(text);
}

std::string timestamp_text(int64_t time_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(time_s)};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

Result<TimeSeries> parse_time_series(const std::string& name, std::string_view text) {
  TimeSeries series;
  series.name = name;
  size_t line_number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.empty() || (line_number == 1 && line.substr(0, 9) == "timestamp")) continue;
    const std::string where = name + ":" + std::to_string(line_number);
    if (series.size() == kMostRows) return Error{where, "more than 50,000,000 rows"};
    const Result<Row> row = parse_row(where, line);
    if (!row) return row.error();
    series.time_s.push_back(row.value().time_s);
    series.value.push_back(row.value().value);
  }
  if (series.size() == 0) return Error{name + ":" + std::to_string(line_number), "no rows"};
  return series;
}

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof()) return Error{path, "can't be read"};
  return text;
}

Result<TimeSeries> read_time_series(const std::string& path) {
  const Result<std::string> text = read_text_file(path);
  if (!text) return text.error();
  return parse_time_series(path, text.value());
}

}  // namespace shunt
