#include "control/ctl_table.h"

#include <algorithm>

namespace shunt {
namespace {

constexpr size_t kGap = 2;

size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
  }));
}

const char* code_of(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "\033[32m";
    case Tone::warning:
      return "\033[33m";
    case Tone::bad:
      return "\033[31m";
    case Tone::heading:
      return "\033[1m";
    case Tone::plain:
      break;
  }
  return "";
}

}  // namespace

std::string printable(const std::string& text) {
  std::string clean = text;
  for (size_t i = 0; i < clean.size(); ++i) {
    const auto byte = static_cast<unsigned char>(clean[i]);
    // C1 controls are U+0080 to U+009F: 0xc2, then 0x80 to 0x9f.
    const bool c1 = byte == 0xc2 && i + 1 < clean.size() && static_cast<unsigned char>(clean[i + 1]) < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !c1) continue;
    clean.replace(i, c1 ? 2 : 1, "?");
  }
  return clean;
}

std::string printable_lines(const std::string& text) {
  std::string clean;
  for (size_t begin = 0;;) {
    const size_t end = text.find('\n', begin);
    clean += printable(text.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return clean;
    clean += '\n';
    begin = end + 1;
  }
}

std::string toned(const std::string& text, Tone tone, bool colour) {
  return colour && tone != Tone::plain ? code_of(tone) + text + "\033[0m" : text;
}

void Table::print(std::ostream& out, bool colour) const {
  std::vector<std::vector<Cell>> lines(1);
  for (const Column& column : columns_)
    lines[0].push_back({column.title, Tone::heading});
  for (const auto& row : rows_)
    lines.push_back(row);
  std::vector<size_t> widths(columns_.size(), 0);
  for (auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      line[i].text = printable(line[i].text);
      widths[i] = std::max(widths[i], width_of(line[i].text));
    }
  }
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - width_of(line[i].text), ' ');
      const bool last = i + 1 == line.size();
      if (columns_[i].align == Align::right) out << padding;
      out << toned(line[i].text, line[i].tone, colour);
      if (columns_[i].align == Align::left && !last) out << padding;
      if (!last) out << std::string(kGap, ' ');
    }
    out << '\n';
  }
}

}  // namespace shunt
