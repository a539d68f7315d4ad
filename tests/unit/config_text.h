// ConfigText: a configuration file as lines that a test can change in one known place: its sections, keys and
// values with their byte offsets.
//
// Knows the layout of our own examples, not all of TOML: one key or heading in a line, inline tables in one
// line, no multi-line text. Shares nothing with the parser that is tested.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shunt {

struct KeyPlace {
  std::string key;
  size_t key_at = 0;
  size_t equals_at = 0;
  size_t value_at = 0;
  size_t value_size = 0;
  size_t line_at = 0;   // of its line; the newline is at line_end
  size_t line_end = 0;  // behind the last byte of the line
};

// A section of the file, or an inline table.
struct Block {
  std::string section;       // "pool.backend", as in OptionRow
  size_t header_at = 0;      // of `[`, or of `{`
  size_t insert_at = 0;      // where another key may be put in front of the first
  bool in_line = false;      // keys are parted by commas
  size_t parent = SIZE_MAX;  // the block that it is a part of
  std::vector<KeyPlace> keys;

  const KeyPlace* find(std::string_view key) const;
};

class ConfigText {
 public:
  explicit ConfigText(std::string text);

  const std::string& text() const { return text_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  // As it stands in the file, with its quotes.
  std::string value(const KeyPlace& place) const { return text_.substr(place.value_at, place.value_size); }
  // Of a key of the block; empty where it has none.
  std::string value(const Block& block, std::string_view key) const;
  bool has(std::string_view section, std::string_view key) const;

 private:
  void read_line(size_t begin, size_t end);
  void open_block(size_t begin, size_t end);
  void read_key(size_t block, size_t begin, size_t value_end, size_t line_at, size_t line_end);
  void read_inline(size_t parent, const KeyPlace& place);
  size_t value_end(size_t at, size_t end, bool in_line) const;

  std::string text_;
  std::vector<Block> blocks_;
};

}  // namespace shunt
