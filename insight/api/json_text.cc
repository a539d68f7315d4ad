#include "insight/api/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace shunt::insight {
namespace {

constexpr int kDigits = 6;
constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53: up to here each whole number is one

bool is_plain(std::string_view text) {
  return std::ranges::all_of(
      text, [](char letter) { return letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\'; });
}

}  // namespace

void JsonText::separate() {
  if (needs_comma_) text_ += ',';
}

JsonText& JsonText::begin(char bracket) {
  separate();
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonText& JsonText::end(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonText& JsonText::name(std::string_view key) {
  put(key);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonText& JsonText::raw(std::string_view json) {
  separate();
  text_ += json;
  needs_comma_ = true;
  return *this;
}

JsonText& JsonText::put(std::string_view value) {
  if (!is_plain(value)) {
    using Json = nlohmann::json;
    return raw(Json(value).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  separate();
  text_ += '"';
  text_ += value;
  text_ += '"';
  needs_comma_ = true;
  return *this;
}

JsonText& JsonText::put(double value) {
  if (!std::isfinite(value)) return raw("null");
  std::array<char, 40> digits{};
  const bool is_whole = value == std::trunc(value) && std::abs(value) < kExact;
  const auto [end, error] =
      is_whole ? std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<int64_t>(value))
               : std::to_chars(digits.data(), digits.data() + digits.size(), value,
                               std::chars_format::general, kDigits);
  return raw({digits.data(), static_cast<size_t>(end - digits.data())});
}

}  // namespace shunt::insight
