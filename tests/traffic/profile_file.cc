// Profiles as files: TOML, and traces as CSV.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/traffic/profile.h"

namespace shunt {
namespace {

std::string place(const std::string& path, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", path, region.begin.line, region.begin.column);
}

// A setting's value as an option would have it; nothing where it is neither text nor number.
std::optional<std::string> text_of(const toml::node& value) {
  if (const auto text = value.value_exact<std::string>()) return text;
  if (const auto number = value.value_exact<int64_t>()) return std::to_string(*number);
  if (const auto number = value.value_exact<double>()) return fmt::format("{}", *number);
  return {};
}

Result<> read_key(const std::string& path, std::string_view key, const toml::node& value,
                  const toml::source_region& at, Profile& profile) {
  const auto rows = profile_settings();
  const auto row = std::ranges::find(rows, key, &ProfileSetting::key);
  if (row == rows.end()) return Error{place(path, at), fmt::format("there is no setting \"{}\"", key)};
  const auto text = text_of(value);
  if (!text) return Error{place(path, value.source()), fmt::format("{} has to be text or a number", key)};
  const auto done = row->read(profile, *text);
  if (!done) return Error{place(path, value.source()), fmt::format("{}: {}", key, done.error().what)};
  return Ok{};
}

struct TraceRow {
  double second = 0;
  double rate = 0;
};

// "12.5,300"; spaces around either are nothing.
std::optional<TraceRow> read_row(std::string_view line) {
  const auto number = [](std::string_view text, double& value) {
    const size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return false;
    text = text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
  };
  const size_t comma = line.find(',');
  TraceRow row;
  if (comma == std::string_view::npos || !number(line.substr(0, comma), row.second) ||
      !number(line.substr(comma + 1), row.rate))
    return {};
  return row;
}

Result<std::vector<TraceRow>> read_rows(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{path, "can't be read"};
  std::vector<TraceRow> rows;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line == "\r" || line.front() == '#') continue;
    const auto row = read_row(line);
    const std::string at = fmt::format("{}:{}", path, number);
    if (!row) {
      if (number == 1) continue;  // the heading
      return Error{at, "isn't \"seconds,rate\""};
    }
    if (!(row->rate >= 0 && row->rate <= 1e9)) return Error{at, "the rate has to be from 0 to 1e9"};
    if (!(row->second >= -1e12 && row->second <= 1e12)) return Error{at, "the time is out of range"};
    if (!rows.empty() && row->second <= rows.back().second)
      return Error{at, "the time isn't after the one before"};
    if (rows.size() == RateCurve::kMaxPieces) return Error{at, "more than a million rows"};
    rows.push_back(*row);
  }
  if (rows.size() < 2) return Error{path, "needs two rows of \"seconds,rate\" at least"};
  return rows;
}

}  // namespace

Result<> read_profile_file(const std::string& path, Profile& profile) {
  std::ifstream file(path);
  if (!file) return Error{path, "can't be read"};
  try {
    const toml::table table = toml::parse(file, path);
    for (const auto& [key, value] : table) {
      const auto done = read_key(path, key.str(), value, key.source(), profile);
      if (!done) return done.error();
    }
  } catch (const toml::parse_error& failure) {
    return Error{place(path, failure.source()), std::string(failure.description())};
  }
  if (profile.shape == Shape::trace)
    profile.trace = std::filesystem::path(path).parent_path() / profile.trace;
  return Ok{};
}

Result<RateCurve> read_trace_file(const std::string& path, double time_scale, double rate_scale) {
  auto read = read_rows(path);
  if (!read) return read.error();
  const auto& rows = read.value();
  RateCurve curve;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double seconds =
        i + 1 < rows.size() ? rows[i + 1].second - rows[i].second : rows[i].second - rows[i - 1].second;
    const double rate = rows[i].rate * rate_scale;
    if (rate > 1e6) return Error{path, fmt::format("{} requests a second, scaled: 1000000 at most", rate)};
    curve.add(seconds * time_scale, rate, rate);
  }
  if (curve.seconds() > 24 * 3600.0)
    return Error{path, fmt::format("{} s long, scaled: 24 h at most", curve.seconds())};
  return curve;
}

}  // namespace shunt
