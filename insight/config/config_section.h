// ConfigSection: reads one section of the file by its rows: types, ranges, choices, unknown keys, defaults.
// What is wrong is told and read as the default, so that one run tells everything.
#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/config/config_problems.h"
#include "insight/config/setting_rows.h"

namespace shunt::insight {

class ConfigSection {
 public:
  // `table` nullptr: it isn't there, all of it has its defaults. Tells keys that no row names.
  ConfigSection(const toml::table* table, std::string_view section, ConfigProblems& problems);

  std::string text(std::string_view key);  // of types text, path, address, server, database
  std::vector<std::string> texts(std::string_view key);
  bool boolean(std::string_view key);
  double number(std::string_view key);  // of types port and share
  uint64_t size(std::string_view key);
  int64_t age_s(std::string_view key);
  std::chrono::milliseconds duration(std::string_view key);
  size_t choice(std::string_view key);  // its place among the row's choices

  // Where the value stands, for complaints about what it means; the section's begin where it isn't there.
  toml::source_region place(std::string_view key) const;
  bool has(std::string_view key) const;

 private:
  const SettingRow& row(std::string_view key) const;
  // The file's value if it is good, else the row's default read the same way.
  template <typename T, typename Read>
  T value(std::string_view key, const Read& read);
  void wrong(const SettingRow& row, const toml::node& node, std::string_view wanted);
  bool in_range(const SettingRow& row, const toml::node& node, double value);
  std::optional<std::string> good_text(const SettingRow& row, const toml::node& node);

  const toml::table* table_;
  std::string_view section_;
  ConfigProblems& problems_;
};

}  // namespace shunt::insight
