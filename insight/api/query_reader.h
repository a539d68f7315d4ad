// QueryReader: the query of a request, value by value, and the first thing that is wrong with it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "http/api_message.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

class QueryReader {
 public:
  static constexpr int64_t kLongestWindow = 31 * 86'400;  // seconds
  static constexpr int64_t kLongestRange = 400 * 86'400;

  QueryReader(const ApiCall& call, int64_t now_s) : call_(call), now_s_(now_s) {}

  // ?from=&to=: the last `absent_s` seconds where they aren't there. Seconds since 1970.
  TimeRange range(int64_t absent_s);
  // ?window=: so many seconds up to now, 10 to 31 days.
  TimeRange window(int64_t absent_s);
  uint64_t number(const std::string& name, uint64_t min, uint64_t max, uint64_t absent);
  bool flag(const std::string& name);  // 1 or true, 0 or false
  std::string choice(const std::string& name, std::initializer_list<std::string_view> choices,
                     std::string_view absent);
  std::string text(const std::string& name) const { return call_.value(name); }
  std::string needed(const std::string& name);

  const std::optional<ApiResponse>& complaint() const { return complaint_; }

 private:
  void complain(const std::string& detail);

  const ApiCall& call_;
  int64_t now_s_;
  std::optional<ApiResponse> complaint_;
};

}  // namespace shunt::insight
