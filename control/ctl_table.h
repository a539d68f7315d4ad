// Table: rows under headings, columns aligned by their widest cell; colours only where asked for.
//
// Widths count code points. Control characters are written as '?', so that no name can drive the terminal.
#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace shunt {

enum class Tone { plain, good, warning, bad, heading };

struct Cell {
  Cell(std::string words, Tone how = Tone::plain)
      : text(std::move(words)), tone(how) {}  // NOLINT(google-explicit-constructor)
  Cell(const char* words) : text(words) {}    // NOLINT(google-explicit-constructor)
  std::string text;
  Tone tone = Tone::plain;
};

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  void print(std::ostream& out, bool colour) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

std::string printable(const std::string& text);
// The same for text of several lines: their ends stay.
std::string printable_lines(const std::string& text);
std::string toned(const std::string& text, Tone tone, bool colour);

}  // namespace shunt
