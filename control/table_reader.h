// TableReader reads one TOML table into members, checking each value against its option row.
//
// Every read() of a key that is absent leaves the member (its default) alone; one that is wrong is reported
// and left alone too. finish() reports the keys that no row has and the required ones that are missing.
#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "control/config_origin.h"
#include "control/option_rows.h"
#include "control/report.h"

namespace shunt {

class TableReader {
 public:
  // All have to outlive the reader.
  TableReader(const toml::table& table, std::string_view section, Origin& origin, Report& report);

  void read(std::string_view key, std::string& to);
  void read(std::string_view key, double& to);
  void read(std::string_view key, bool& to);
  void read(std::string_view key, std::chrono::milliseconds& to);
  void read(std::string_view key, std::chrono::seconds& to);  // whole seconds
  void read(std::string_view key, IpAddress& to);
  void read(std::string_view key, Prefix& to);
  void read(std::string_view key, std::optional<Prefix>& to);
  void read(std::string_view key, std::optional<MacAddress>& to);
  void read(std::string_view key, std::vector<Prefix>& to);
  void read(std::string_view key, std::vector<std::string>& to);
  template <std::unsigned_integral T>
  void read(std::string_view key, T& to) {
    if (const auto value = integer(key)) to = static_cast<T>(*value);
  }
  template <std::unsigned_integral T>
  void read(std::string_view key, std::optional<T>& to) {
    if (const auto value = integer(key)) to = static_cast<T>(*value);
  }
  // A number, or `true` for `when_true`; `false` is as if the key were absent.
  template <std::unsigned_integral T>
  void read_or_true(std::string_view key, T& to, T when_true) {
    if (const auto on = boolean(key)) {
      if (*on) to = when_true;
    } else {
      read(key, to);
    }
  }
  template <std::unsigned_integral T>
  void read(std::string_view key, std::vector<T>& to) {
    if (const auto values = integers(key)) to.assign(values->begin(), values->end());
  }
  template <typename E>
    requires std::is_enum_v<E>
  void read(std::string_view key, E& to) {
    if (const auto value = choice(key)) to = static_cast<E>(*value);
  }
  // A key whose only choice in this version is what shunt does anyway.
  void check_choice(std::string_view key) { choice(key); }

  // nullptr where absent or not a table.
  const toml::table* table(std::string_view key);
  // The tables of `[[key]]`; past the row's limit the first one too many is reported and reading ends.
  void each_table(std::string_view key, const std::function<void(const toml::table&)>& read_one);

  void finish();

 private:
  struct Value {
    const OptionRow* row = nullptr;
    const toml::node* node = nullptr;  // nullptr: absent
  };

  Value find(std::string_view key);
  std::optional<int64_t> integer(std::string_view key);
  std::optional<bool> boolean(std::string_view key);  // nullopt: another type, not reported
  std::optional<std::vector<int64_t>> integers(std::string_view key);
  std::optional<int> choice(std::string_view key);
  std::optional<std::chrono::milliseconds> duration(std::string_view key,
                                                    std::chrono::milliseconds granularity);
  std::optional<Prefix> prefix(std::string_view key);

  std::optional<int64_t> integer_of(const OptionRow& row, const toml::node& node);
  std::optional<std::string> text_of(const OptionRow& row, const toml::node& node);
  std::optional<Prefix> prefix_of(const OptionRow& row, const toml::node& node);
  bool in_range(const OptionRow& row, const toml::node& node, double value, const std::string& shown);
  void wrong_type(const OptionRow& row, const toml::node& node, std::string_view wanted);
  // Reads a list: `read_one` returns whether the element was good.
  bool read_list(const Value& value, std::string_view wanted,
                 const std::function<bool(const toml::node&)>& read_one);
  void good(const Value& value);
  std::string_view unknown_key(const toml::key& key, const toml::node& node);
  bool report_later(const OptionRow& row, const toml::key& key);

  const toml::table& table_;
  std::string_view section_;
  Origin& origin_;
  Report& report_;
};

}  // namespace shunt
