#include "insight/api/query_reader.h"

#include <algorithm>

#include "http/api_number.h"

namespace shunt::insight {
namespace {

constexpr uint64_t kLatestTime = 253'402'300'799;  // the end of the year 9999
constexpr uint64_t kShortestWindow = 10;

}  // namespace

void QueryReader::complain(const std::string& detail) {
  if (!complaint_) complaint_ = problem(400, detail);
}

uint64_t QueryReader::number(const std::string& name, uint64_t min, uint64_t max, uint64_t absent) {
  QueryNumber number = number_in(call_, name, min, max, absent);
  if (number.complaint && !complaint_) complaint_ = std::move(number.complaint);
  return number.complaint ? absent : number.value;
}

TimeRange QueryReader::range(int64_t absent_s) {
  const auto to = static_cast<int64_t>(number("to", 1, kLatestTime, static_cast<uint64_t>(now_s_)));
  const auto usual = static_cast<uint64_t>(std::max<int64_t>(to - absent_s, 0));
  const auto from = static_cast<int64_t>(number("from", 0, kLatestTime, usual));
  if (from >= to) complain("from has to be before to");
  if (to - from > kLongestRange) complain("from and to are 400 days from each other at most");
  return {from, to};
}

TimeRange QueryReader::window(int64_t absent_s) {
  const auto seconds = static_cast<int64_t>(
      number("window", kShortestWindow, uint64_t{kLongestWindow}, static_cast<uint64_t>(absent_s)));
  return {std::max<int64_t>(now_s_ - seconds, 0), now_s_};
}

bool QueryReader::flag(const std::string& name) {
  const std::string value = call_.value(name);
  if (value != "" && value != "0" && value != "1" && value != "true" && value != "false")
    complain(name + " is 1 or 0, not \"" + value + "\"");
  return value == "1" || value == "true";
}

std::string QueryReader::choice(const std::string& name, std::initializer_list<std::string_view> choices,
                                std::string_view absent) {
  const std::string value = call_.value(name);
  if (value.empty()) return std::string(absent);
  if (std::ranges::find(choices, value) != choices.end()) return value;
  std::string words;
  for (const std::string_view choice : choices)
    words += (words.empty() ? "" : ", ") + std::string(choice);
  complain(name + " is one of " + words + ", not \"" + value + "\"");
  return std::string(absent);
}

std::string QueryReader::needed(const std::string& name) {
  if (call_.value(name).empty()) complain(name + " has to be given");
  return call_.value(name);
}

}  // namespace shunt::insight
