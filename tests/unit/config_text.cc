// One pass over the lines; an inline table is read like a line whose keys are parted by commas.
#include "tests/unit/config_text.h"

#include <algorithm>
#include <utility>

namespace shunt {
namespace {

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

size_t skip_blanks(std::string_view text, size_t at, size_t end) {
  while (at < end && (text[at] == ' ' || text[at] == '\t'))
    ++at;
  return at;
}

}  // namespace

const KeyPlace* Block::find(std::string_view key) const {
  const auto found = std::ranges::find(keys, key, &KeyPlace::key);
  return found == keys.end() ? nullptr : &*found;
}

ConfigText::ConfigText(std::string text) : text_(std::move(text)) {
  for (size_t begin = 0; begin < text_.size();) {
    const size_t end = std::min(text_.find('\n', begin), text_.size());
    read_line(begin, end);
    begin = end + 1;
  }
}

std::string ConfigText::value(const Block& block, std::string_view key) const {
  const KeyPlace* place = block.find(key);
  return place == nullptr ? std::string() : value(*place);
}

bool ConfigText::has(std::string_view section, std::string_view key) const {
  return std::ranges::any_of(
      blocks_, [&](const Block& block) { return block.section == section && block.find(key) != nullptr; });
}

void ConfigText::read_line(size_t begin, size_t end) {
  const size_t first = skip_blanks(text_, begin, end);
  if (first == end || text_[first] == '#') return;
  if (text_[first] == '[') return open_block(first, end);
  if (!blocks_.empty() && is_key_byte(text_[first])) {
    size_t block = blocks_.size() - 1;  // inline tables stand behind the section that has them
    while (blocks_[block].in_line)
      --block;
    read_key(block, first, end, begin, end);
  }
}

void ConfigText::open_block(size_t begin, size_t end) {
  const size_t name = text_.find_first_not_of('[', begin);
  Block block;
  block.section = text_.substr(name, text_.find(']', name) - name);
  block.header_at = begin;
  block.insert_at = std::min(end + 1, text_.size());
  const size_t dot = block.section.find('.');
  for (size_t i = blocks_.size(); dot != std::string::npos && i > 0 && block.parent == SIZE_MAX; --i) {
    if (blocks_[i - 1].section == std::string_view(block.section).substr(0, dot)) block.parent = i - 1;
  }
  blocks_.push_back(std::move(block));
}

void ConfigText::read_key(size_t block, size_t begin, size_t end, size_t line_at, size_t line_end) {
  KeyPlace place;
  place.key_at = begin;
  size_t at = begin;
  while (at < end && is_key_byte(text_[at]))
    ++at;
  place.key = text_.substr(begin, at - begin);
  place.equals_at = skip_blanks(text_, at, end);
  place.value_at = skip_blanks(text_, place.equals_at + 1, end);
  place.value_size = value_end(place.value_at, end, blocks_[block].in_line) - place.value_at;
  place.line_at = line_at;
  place.line_end = line_end;
  blocks_[block].keys.push_back(place);
  if (text_[place.value_at] == '{') read_inline(block, place);
}

void ConfigText::read_inline(size_t parent, const KeyPlace& place) {
  Block table;
  table.section = blocks_[parent].section + "." + place.key;
  table.header_at = place.value_at;
  table.in_line = true;
  table.parent = parent;
  const size_t end = place.value_at + place.value_size - 1;  // the closing brace
  size_t at = skip_blanks(text_, place.value_at + 1, end);
  table.insert_at = at;
  const size_t number = blocks_.size();
  blocks_.push_back(std::move(table));
  while (at < end) {
    read_key(number, at, end, place.line_at, place.line_end);
    const KeyPlace& read = blocks_[number].keys.back();
    const size_t comma = text_.find(',', read.value_at + read.value_size);
    at = comma < end ? skip_blanks(text_, comma + 1, end) : end;
  }
}

// Behind the last byte of a value: a string's quote, a list's or table's bracket, else the last byte that
// isn't a blank before a comment (or a comma).
size_t ConfigText::value_end(size_t at, size_t end, bool in_line) const {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = at; i < end; ++i) {
    const char c = text_[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
      if (!quoted && depth == 0) return i + 1;
    } else if (quoted) {
      continue;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && (c == '#' || c == ' ' || (in_line && c == ','))) {
      return i;
    }
  }
  return end;
}

}  // namespace shunt
