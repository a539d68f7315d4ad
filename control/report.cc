// Finds source lines and makes them fit to print.
#include "control/report.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace shunt {
namespace {

constexpr size_t kLongestLine = 140;  // code points of a source line that are printed
constexpr size_t kBeforeCaret = 70;   // of them before the caret, where the line is cut
constexpr size_t kLongestTick = 60;

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}
bool unprintable(char c) {
  return static_cast<unsigned char>(c) < 0x20U || c == 0x7f;
}

// Tabs become one blank each, so that the caret stands below its column whatever the terminal does.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\t') c = ' ';
    if (unprintable(c)) c = '?';
  }
  return out;
}

// Byte offset of the code point `index` (its end where there are fewer).
size_t offset_of(std::string_view line, size_t index) {
  size_t offset = 0;
  while (offset < line.size() && index > 0) {
    ++offset;
    while (offset < line.size() && continues(line[offset]))
      ++offset;
    --index;
  }
  return offset;
}

// By position, then as they were found. Not stable_sort: libstdc++ 12's is built on what clang calls
// deprecated.
std::vector<Diagnostic> sorted(std::vector<Diagnostic>&& list) {
  std::vector<size_t> order(list.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [&](size_t i) { return std::tuple(list[i].position.line, list[i].position.column, i); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  std::vector<Diagnostic> result;
  result.reserve(list.size());
  for (const size_t i : order)
    result.push_back(std::move(list[i]));
  list.clear();
  return result;
}

}  // namespace

Report::Report(std::string_view text, std::string file)
    : text_(text), file_(std::move(file)), line_starts_{0} {
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    line_starts_.push_back(at + 1);
  }
}

void Report::error(DiagnosticId id, SourcePosition position, std::string message, std::string hint) {
  errors_.push_back(make(id, position, std::move(message), std::move(hint)));
}

void Report::warning(DiagnosticId id, SourcePosition position, std::string message, std::string hint) {
  warnings_.push_back(make(id, position, std::move(message), std::move(hint)));
  warnings_.back().severity = Severity::warning;
}

std::vector<Diagnostic> Report::take_errors() {
  return sorted(std::move(errors_));
}
std::vector<Diagnostic> Report::take_warnings() {
  return sorted(std::move(warnings_));
}

std::string_view Report::line(uint32_t number) const {
  if (number == 0 || number > line_starts_.size()) return {};
  const size_t begin = line_starts_[number - 1];
  std::string_view rest = text_.substr(begin);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

Diagnostic Report::make(DiagnosticId id, SourcePosition position, std::string message,
                        std::string hint) const {
  Diagnostic made{file_, position, std::move(message), std::move(hint), id, Severity::error, {}, 0};
  const std::string_view whole = line(position.line);
  const size_t column = position.column > 0 ? position.column - 1 : 0;
  const size_t skipped = column >= kLongestLine ? column - kBeforeCaret : 0;
  const std::string_view rest = whole.substr(offset_of(whole, skipped));
  const std::string_view shown = rest.substr(0, offset_of(rest, kLongestLine));
  made.source_line = (skipped > 0 ? "…" : "") + printable(shown) + (shown.size() < rest.size() ? "…" : "");
  made.caret = static_cast<uint32_t>(column - skipped + (skipped > 0 ? 1 : 0));
  return made;
}

SourcePosition position_at(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::string_view in_line = before.substr(line_start);
  const auto columns = std::count_if(in_line.begin(), in_line.end(), [](char c) { return !continues(c); });
  return {static_cast<uint32_t>(lines + 1), static_cast<uint32_t>(columns + 1)};
}

std::string tick(std::string_view text) {
  const std::string_view shown = text.substr(0, offset_of(text, kLongestTick));
  return '`' + printable(shown) + (shown.size() < text.size() ? "…" : "") + '`';
}

}  // namespace shunt
