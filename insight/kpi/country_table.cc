#include "insight/kpi/country_table.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>

namespace shunt::insight {
namespace {

constexpr size_t kMostLines = 4'000'000;

struct Line {
  std::string_view low;
  std::string_view high;
  CountryCode code;
};

std::optional<Line> split(std::string_view line) {
  const size_t first = line.find(',');
  const size_t second = first == std::string_view::npos ? first : line.find(',', first + 1);
  if (second == std::string_view::npos || line.size() != second + 3) return std::nullopt;
  const char a = line[second + 1];
  const char b = line[second + 2];
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '?'; };
  if (!is_letter(a) || !is_letter(b)) return std::nullopt;
  return Line{line.substr(0, first), line.substr(first + 1, second - first - 1), CountryCode(a, b)};
}

std::optional<uint32_t> read_number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<__uint128_t> read_wide(std::string_view text) {
  const std::optional<IpAddress> address = IpAddress::parse(text);
  if (!address || address->is_v4()) return std::nullopt;
  __uint128_t value = 0;
  for (const uint8_t byte : address->bytes())
    value = value << 8U | byte;
  return value;
}

// The ranges of a file, one by one, as starts of a table that has no holes.
template <typename Number>
Result<Ok> read_ranges(const std::string& name, std::string_view text,
                       const std::function<std::optional<Number>(std::string_view)>& read,
                       std::vector<Number>& starts, std::vector<CountryCode>& codes, size_t& ranges) {
  starts = {0};
  codes = {CountryCode{}};
  Number next = 0;  // what is below belongs to a range
  bool is_full = false;
  size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string where = name + ":" + std::to_string(++number);
    if (line.empty() || line[0] == '#') continue;
    if (number > kMostLines) return Error{where, "more than 4,000,000 lines"};
    const std::optional<Line> parts = split(line);
    const std::optional<Number> low = parts ? read(parts->low) : std::nullopt;
    const std::optional<Number> high = parts ? read(parts->high) : std::nullopt;
    if (!low || !high || *high < *low) return Error{where, "is not LOW,HIGH,COUNTRY"};
    if (is_full || *low < next) return Error{where, "overlaps the range before it, or isn't in order"};
    if (*low == starts.back()) {
      codes.back() = parts->code;
    } else {
      starts.push_back(*low);
      codes.push_back(parts->code);
    }
    next = *high + 1;
    is_full = next == 0;
    if (!is_full) {
      starts.push_back(next);
      codes.emplace_back();
    }
    ++ranges;
  }
  if (starts.size() == 1) return Error{name, "has no ranges"};
  return Ok{};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{path, "can't be read (the package tor-geoipdb has it)"};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

Result<CountryTable> CountryTable::load(const std::string& ipv4_path, const std::string& ipv6_path) {
  const Result<std::string> ipv4 = read_file(ipv4_path);
  if (!ipv4) return ipv4.error();
  const Result<std::string> ipv6 = read_file(ipv6_path);
  if (!ipv6) return ipv6.error();
  return parse(ipv4_path, ipv4.value(), ipv6_path, ipv6.value());
}

Result<CountryTable> CountryTable::parse(const std::string& ipv4_name, std::string_view ipv4_text,
                                         const std::string& ipv6_name, std::string_view ipv6_text) {
  CountryTable table;
  const Result<Ok> ipv4 =
      read_ranges<uint32_t>(ipv4_name, ipv4_text, read_number, table.starts_, table.codes_, table.ranges_);
  if (!ipv4) return ipv4.error();
  const Result<Ok> ipv6 = read_ranges<Wide>(ipv6_name, ipv6_text, read_wide, table.wide_starts_,
                                            table.wide_codes_, table.ranges_);
  if (!ipv6) return ipv6.error();
  table.make_index();
  return table;
}

void CountryTable::make_index() {
  constexpr uint32_t kUpper = 1U << 16U;
  index_.reserve(kUpper + 1);
  uint32_t range = 0;
  for (uint32_t upper = 0; upper < kUpper; ++upper) {
    while (range + 1 < starts_.size() && starts_[range + 1] <= upper << 16U)
      ++range;
    index_.push_back(range);
  }
  index_.push_back(static_cast<uint32_t>(starts_.size() - 1));
}

CountryCode CountryTable::of_ipv4(uint32_t address) const {
  const uint32_t* first = starts_.data() + index_[address >> 16U];
  // The next one's first range may begin in this one's addresses.
  uint32_t count = index_[(address >> 16U) + 1] - index_[address >> 16U] + 1;
  while (count > 1) {
    const uint32_t half = count / 2;
    first = first[half] <= address ? first + half : first;
    count -= half;
  }
  return codes_[static_cast<size_t>(first - starts_.data())];
}

CountryCode CountryTable::of(const IpAddress& address) const {
  if (address.is_v4()) return of_ipv4(address.v4().host());
  Wide wide = 0;
  for (const uint8_t byte : address.bytes())
    wide = wide << 8U | byte;
  const auto above = std::upper_bound(wide_starts_.begin(), wide_starts_.end(), wide);
  return wide_codes_[static_cast<size_t>(above - wide_starts_.begin()) - 1];
}

}  // namespace shunt::insight
