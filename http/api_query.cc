#include "http/api_query.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace shunt {
namespace {

std::string decoded(std::string_view text, bool plus_is_blank = true) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = 0;
    if (text[i] == '%' && text.size() - i > 2) {
      const char* digits = text.data() + i + 1;
      const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
      if (error == std::errc() && end == digits + 2) {
        plain += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    plain += text[i] == '+' && plus_is_blank ? ' ' : text[i];
  }
  return plain;
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  return decoded(text, false);
}

ApiQuery query_of(std::string_view target) {
  ApiQuery query;
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) return query;
  std::string_view rest = target.substr(mark + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const size_t equals = pair.find('=');
    if (pair.empty()) continue;
    query[decoded(pair.substr(0, equals))] =
        equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1));
  }
  return query;
}

}  // namespace shunt
