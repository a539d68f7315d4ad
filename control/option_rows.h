// The options of the configuration file, one row each: what the parser checks keys, types, ranges and choices
// against, and what docs/configuration.md is printed from.
//
// A new option is a row here, a member in config.h and a read() in config_read.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shunt {

enum class OptionType : uint8_t {
  text,
  integer,
  real,
  boolean,
  duration,  // range in milliseconds
  choice,
  address,
  prefix,
  mac,
  texts,
  integers,  // range of each
  integer_or_true,
  prefixes,
  table,   // `[section]` or `{ … }`
  tables,  // `[[section]]`, range of their number
};

enum class Need : uint8_t {
  optional,
  required,
  later,  // known, but this version doesn't have it
};

struct Choice {
  std::string_view name;
  int value = 0;  // of the enumeration that the key is read into
  bool supported = true;
};

struct OptionRow {
  std::string_view section;  // "" for the sections themselves, else as in the file: "pool.backend"
  std::string_view key;
  OptionType type = OptionType::text;
  Need need = Need::optional;
  std::string_view default_text;  // as it would stand in the file, or in words
  std::string_view text;          // what it does, one or two sentences
  double min = 0;                 // min and max are checked where max > min
  double max = 0;
  std::span<const Choice> choices = {};
};

// In the order of the reference page: the rows of a section stand together.
std::span<const OptionRow> option_rows();

// nullptr: no such key.
const OptionRow* find_option(std::string_view section, std::string_view key);

// `[node]`, `[[pool]]`, `[[pool.backend]]`, `[pool.health]`: how messages and the reference call a section.
std::string_view section_heading(std::string_view section);

}  // namespace shunt
