// The settings of shunt-insight's configuration file, one row each: what the reader checks keys, types and
// ranges against, where defaults come from, and what docs/insight-configuration.md is printed from.
//
// A new setting is a row here, a member in insight_config.h and a read in config_read.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shunt::insight {

enum class SettingType : uint8_t {
  text,
  path,       // absolute, or empty: none
  addresses,  // of listeners
  server,     // unix:PATH, HOST:PORT, http://… or https://…
  database,   // sqlite:PATH, postgresql://…
  boolean,
  port,
  share,     // 0 to 1
  duration,  // ms, s, m, h; range in milliseconds
  age,       // s, m, h, d; range in seconds
  size,      // B, KiB, MiB, GiB, TiB; range in bytes
  choice,
};

struct SettingRow {
  std::string_view section;  // as in the file: "api", "warehouse.keep"
  std::string_view key;
  SettingType type = SettingType::text;
  std::string_view default_text;  // as it would stand in the file; empty: it has to be there
  std::string_view text;          // what it does
  double min = 0;                 // checked where max > min
  double max = 0;
  std::span<const std::string_view> choices = {};
};

struct SectionRow {
  std::string_view name;
  bool is_list = false;
  std::string_view text;
};

// In the order of the reference page; a section's rows stand together.
std::span<const SectionRow> setting_sections();
std::span<const SettingRow> setting_rows();

// nullptr: no such setting.
const SettingRow* find_setting(std::string_view section, std::string_view key);

}  // namespace shunt::insight
