#include "http/api_number.h"

#include <charconv>

namespace shunt {

QueryNumber number_in(const ApiCall& call, const std::string& name, uint64_t min, uint64_t max,
                      uint64_t absent) {
  if (!call.query.contains(name)) return {absent, std::nullopt};
  const std::string text = call.value(name);
  const char* end = text.data() + text.size();
  QueryNumber number;
  const auto [read_to, error] = std::from_chars(text.data(), end, number.value);
  if (error != std::errc() || read_to != end || number.value < min || number.value > max) {
    number.complaint = problem(
        400, name + " is " + std::to_string(min) + " to " + std::to_string(max) + ", not \"" + text + "\"");
  }
  return number;
}

}  // namespace shunt
