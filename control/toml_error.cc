// A lexer just good enough to find keys: it knows strings, comments and braces.
#include "control/toml_error.h"

#include <algorithm>
#include <string>
#include <vector>

#include "control/toml_position.h"

namespace shunt {
namespace {

constexpr std::string_view kBlank = " \t\r";

bool starts(std::string_view text, size_t at, std::string_view what) {
  return text.substr(at, what.size()) == what;
}

// The offset behind the string that begins at `at`, which is a quote.
size_t skip_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const bool escapes = quote == '"';
  const std::string triple(3, quote);
  const bool multi_line = starts(text, at, triple);
  for (size_t i = at + (multi_line ? 3 : 1); i < text.size(); ++i) {
    if (escapes && text[i] == '\\') {
      ++i;
    } else if (multi_line && starts(text, i, triple)) {
      i += 3;
      while (i < text.size() && text[i] == quote)
        ++i;  // """" and """"" end with quotes of their own
      return i;
    } else if (!multi_line && text[i] == quote) {
      return i + 1;
    }
  }
  return text.size();
}

// Byte offset of a position, at most its line's end; columns count code points.
size_t offset_at(std::string_view text, SourcePosition position) {
  size_t offset = 0;
  for (uint32_t line = 1; line < position.line; ++line) {
    const size_t newline = text.find('\n', offset);
    if (newline == std::string_view::npos) return text.size();
    offset = newline + 1;
  }
  for (uint32_t column = 1; column < position.column && offset < text.size() && text[offset] != '\n';
       ++column) {
    ++offset;
    while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xc0U) == 0x80U)
      ++offset;
  }
  return offset;
}

KeySpan trimmed(std::string_view text, size_t begin, size_t end) {
  while (begin < end && (kBlank.find(text[begin]) != std::string_view::npos || text[begin] == '\n'))
    ++begin;
  while (end > begin && kBlank.find(text[end - 1]) != std::string_view::npos)
    --end;
  return {begin, end - begin};
}

// Most values that toml++ can't read are texts without quotes: 10s, 192.0.2.1, eth0.
std::string quote_hint(std::string_view description) {
  constexpr std::string_view kValueKinds[] = {
      "decimal integer", "floating-point", "boolean", "date", "time", "value"};
  for (const std::string_view kind : kValueKinds) {
    if (description.starts_with("Error while parsing " + std::string(kind)) &&
        description.find("saw") != std::string_view::npos) {
      return "texts, addresses and durations stand in quotes: \"10s\"";
    }
  }
  return {};
}

std::string cause_of(std::string_view description) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  std::string cause(description);
  if (!cause.starts_with(kPrefix)) return "syntax error: " + cause;
  return "syntax error in " + cause.substr(kPrefix.size());
}

// What stands between the description's first and last quote.
std::string_view quoted_name(std::string_view description) {
  const size_t begin = description.find('\'');
  const size_t end = description.rfind('\'');
  return begin == end ? std::string_view() : description.substr(begin + 1, end - begin - 1);
}

void report_repeated_section(std::string_view description, SourcePosition position, Report& report) {
  const std::string name(quoted_name(description));
  const bool is_list =
      description.ends_with("as table") && description.find("existing array") != std::string_view::npos;
  if (is_list) {
    report.error(DiagnosticId::duplicate_key, position, tick(name) + " is a list of tables above",
                 "write `[[" + name + "]]` here too");
  } else if (name.empty()) {
    report.error(DiagnosticId::duplicate_key, position, "a part of this key already has a value of its own");
  } else {
    report.error(DiagnosticId::duplicate_key, position, tick(name) + " is already defined above");
  }
}

}  // namespace

KeySpan key_of_value_ending_at(std::string_view text, size_t offset) {
  std::vector<KeySpan> open(1);  // the last key of each table that is still open
  size_t token = 0;              // where the key being read began
  for (size_t i = 0; i < text.size() && i <= offset;) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = skip_string(text, i);
      continue;
    }
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (c == '=') open.back() = trimmed(text, token, i);
    if (c == '{') open.emplace_back();
    if (c == '}' && open.size() > 1) open.pop_back();
    if (c == '\n' || c == '{' || c == ',') token = i + 1;
    ++i;
  }
  return open.back();
}

void report_toml_error(const toml::parse_error& failure, Report& report) {
  const std::string_view description = failure.description();
  const size_t offset = offset_at(report.source(), begin_of(failure.source()));
  const SourcePosition position =
      position_at(report.source(), offset);  // toml++ may point behind the last character
  if (description.find("cannot redefine existing") == std::string_view::npos) {
    const bool open_string = description.find("unescaped control characters") != std::string_view::npos &&
                             report.source().substr(offset).starts_with('\n');
    return report.error(
        DiagnosticId::syntax_error, position,
        open_string ? "syntax error in string: no closing quote in this line" : cause_of(description),
        quote_hint(description));
  }
  const bool is_key = description.find("parsing key-value pair") != std::string_view::npos &&
                      !description.ends_with("dotted key-value pair");
  if (!is_key) return report_repeated_section(description, position, report);
  const KeySpan key = key_of_value_ending_at(report.source(), offset);
  report.error(DiagnosticId::duplicate_key, position_at(report.source(), key.begin),
               "key " + tick(report.source().substr(key.begin, key.size)) + " is given twice");
}

}  // namespace shunt
