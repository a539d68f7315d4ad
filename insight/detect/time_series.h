// TimeSeries: one named series of values in the order of time, and reading it from a `timestamp,value` file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace shunt {

struct TimeSeries {
  std::string name;
  std::vector<int64_t> time_s;  // seconds since 1970, as if the file's times were UTC; as many as values
  std::vector<double> value;    // finite

  size_t size() const { return value.size(); }
};

// `2014-04-01 00:00:00`, with a T for the space, a fraction (cut off) or a Z after it, if wanted; or seconds
// since 1970.
std::optional<int64_t> parse_timestamp(std::string_view text);

// `2014-04-01 00:00:00`.
std::string timestamp_text(int64_t time_s);

// A file whose first line may be a heading (`timestamp,value`), each other one a timestamp and a finite
// number; further columns are passed over, as are empty lines. The error names file and line. Times may
// repeat or step back (clocks are set): the order of lines is the order of arrival. At most kMostRows rows.
inline constexpr size_t kMostRows = 50'000'000;
Result<TimeSeries> read_time_series(const std::string& path);
Result<TimeSeries> parse_time_series(const std::string& name, std::string_view text);

// The whole of a file; the error says why it can't be read.
Result<std::string> read_text_file(const std::string& path);

}  // namespace shunt
