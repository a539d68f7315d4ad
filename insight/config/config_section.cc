#include "insight/config/config_section.h"

#include <algorithm>
#include <array>

#include "common/did_you_mean.h"
#include "common/duration.h"
#include "insight/config/setting_units.h"

namespace shunt::insight {
namespace {

// What a value of the type looks like.
std::string_view wanted_text(SettingType type) {
  switch (type) {
    case SettingType::text:
    case SettingType::choice:
      return "a text in quotes";
    case SettingType::path:
      return "a path in quotes";
    case SettingType::server:
    case SettingType::database:
      return "an address in quotes";
    case SettingType::addresses:
      return "a list of addresses in quotes";
    case SettingType::boolean:
      return "true or false";
    case SettingType::port:
      return "a port from 1 to 65535";
    case SettingType::share:
      return "a number from 0 to 1";
    case SettingType::duration:
      return "a duration like \"500ms\", \"5s\" or \"2m\"";
    case SettingType::age:
      return "an age like \"30m\", \"24h\" or \"90d\"";
    case SettingType::size:
      return "a size like \"512MiB\" or \"8GiB\"";
  }
  return "another value";
}

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string listed(std::span<const std::string_view> choices) {
  std::string all;
  for (const std::string_view choice : choices)
    all += (all.empty() ? "`" : ", `") + std::string(choice) + "`";
  return all;
}

toml::table default_of(const SettingRow& row) {
  const std::string text = row.default_text.empty() ? "\"\"" : std::string(row.default_text);
  return toml::parse("value = " + text);  // (of the rows, tested one by one)
}

std::string hint(std::string_view name, std::span<const std::string_view> known) {
  const std::string near = did_you_mean(name, known);
  return near.empty() ? near : "; " + near;
}

}  // namespace

ConfigSection::ConfigSection(const toml::table* table, std::string_view section, ConfigProblems& problems)
    : table_(table), section_(section), problems_(problems) {
  if (table_ == nullptr) return;
  std::vector<std::string_view> keys;
  for (const SettingRow& row : setting_rows()) {
    if (row.section == section) keys.push_back(row.key);
  }
  std::vector<std::string_view> inner;  // sections inside of this one
  for (const SectionRow& row : setting_sections()) {
    if (row.name.size() > section.size() && row.name.starts_with(section) && row.name[section.size()] == '.')
      inner.push_back(row.name.substr(section.size() + 1));
  }
  for (const auto& [key, node] : *table_) {
    const std::string_view name = key.str();
    if (std::ranges::find(keys, name) != keys.end() || std::ranges::find(inner, name) != inner.end())
      continue;
    problems_.add(key.source(),
                  quoted(name) + " is no setting of [" + std::string(section) + "]" + hint(name, keys));
  }
  for (const SettingRow& row : setting_rows()) {
    if (row.section == section && row.default_text.empty() && !has(row.key))
      problems_.add(table_->source(), "[" + std::string(section) + "] lacks " + quoted(row.key));
  }
}

const SettingRow& ConfigSection::row(std::string_view key) const {
  return *find_setting(section_, key);
}

bool ConfigSection::has(std::string_view key) const {
  return table_ != nullptr && table_->contains(key);
}

toml::source_region ConfigSection::place(std::string_view key) const {
  if (table_ == nullptr) return {};
  return has(key) ? table_->get(key)->source() : table_->source();
}

void ConfigSection::wrong(const SettingRow& row, const toml::node& node, std::string_view wanted) {
  std::string shown = kind_of(node);
  if (const auto text = node.value<std::string_view>(); node.is_string()) shown = quoted(*text);
  problems_.add(node.source(), quoted(row.key) + " is " + std::string(wanted) + ", not " + shown);
}

bool ConfigSection::in_range(const SettingRow& row, const toml::node& node, double value) {
  if (row.max <= row.min || (value >= row.min && value <= row.max)) return true;
  problems_.add(node.source(),
                quoted(row.key) + " is " + (value < row.min ? "less" : "more") + " than this version takes");
  return false;
}

template <typename T, typename Read>
T ConfigSection::value(std::string_view key, const Read& read) {
  const SettingRow& wanted = row(key);
  if (has(key)) {
    if (std::optional<T> found = read(wanted, *table_->get(key))) return *std::move(found);
  }
  const toml::table standard = default_of(wanted);
  return read(wanted, *standard.get("value")).value_or(T{});
}

std::optional<std::string> ConfigSection::good_text(const SettingRow& row, const toml::node& node) {
  if (!node.is_string()) {
    wrong(row, node, wanted_text(row.type));
    return std::nullopt;
  }
  std::string text = *node.value<std::string>();
  const bool is_path = row.type == SettingType::path;
  if (is_path && !text.empty() && (text[0] != '/' || text.find('\0') != std::string::npos)) {
    problems_.add(node.source(), quoted(row.key) + " is an absolute path, not " + quoted(text));
    return std::nullopt;
  }
  return text;
}

std::string ConfigSection::text(std::string_view key) {
  return value<std::string>(
      key, [this](const SettingRow& row, const toml::node& node) { return good_text(row, node); });
}

std::vector<std::string> ConfigSection::texts(std::string_view key) {
  return value<std::vector<std::string>>(
      key, [this](const SettingRow& row, const toml::node& node) -> std::optional<std::vector<std::string>> {
        std::vector<std::string> all;
        const toml::array* list = node.as_array();
        if (list == nullptr) wrong(row, node, wanted_text(row.type));
        if (list == nullptr) return std::nullopt;
        for (const toml::node& entry : *list) {
          const auto text = good_text(row, entry);
          if (!text) return std::nullopt;
          all.push_back(*text);
        }
        return all;
      });
}

bool ConfigSection::boolean(std::string_view key) {
  return value<bool>(key, [this](const SettingRow& row, const toml::node& node) -> std::optional<bool> {
    if (node.is_boolean()) return node.value<bool>();
    wrong(row, node, wanted_text(row.type));
    return std::nullopt;
  });
}

double ConfigSection::number(std::string_view key) {
  return value<double>(key, [this](const SettingRow& row, const toml::node& node) -> std::optional<double> {
    const bool is_port = row.type == SettingType::port;
    const auto found = is_port && !node.is_integer() ? std::nullopt : node.value<double>();
    const bool is_good = node.is_number() && found && (!is_port || (*found >= 1 && *found <= 65'535)) &&
                         (row.type != SettingType::share || (*found >= row.min && *found <= row.max));
    if (is_good) return found;
    if (node.is_number() && row.type == SettingType::share && found && *found <= 1 && *found >= 0)
      problems_.add(node.source(), quoted(row.key) + " leaves nothing over");
    else
      wrong(row, node, wanted_text(row.type));
    return std::nullopt;
  });
}

uint64_t ConfigSection::size(std::string_view key) {
  return value<uint64_t>(key,
                         [this](const SettingRow& row, const toml::node& node) -> std::optional<uint64_t> {
                           const auto found = parse_size(node.value<std::string_view>().value_or(""));
                           if (!found) wrong(row, node, wanted_text(row.type));
                           if (!found || !in_range(row, node, static_cast<double>(*found)))
                             return std::nullopt;
                           return found;
                         });
}

int64_t ConfigSection::age_s(std::string_view key) {
  return value<int64_t>(key, [this](const SettingRow& row, const toml::node& node) -> std::optional<int64_t> {
    const auto found = parse_age(node.value<std::string_view>().value_or(""));
    if (!found) wrong(row, node, wanted_text(row.type));
    if (!found || !in_range(row, node, static_cast<double>(*found))) return std::nullopt;
    return found;
  });
}

std::chrono::milliseconds ConfigSection::duration(std::string_view key) {
  using std::chrono::milliseconds;
  return value<milliseconds>(
      key, [this](const SettingRow& row, const toml::node& node) -> std::optional<milliseconds> {
        const auto found = parse_duration(node.value<std::string_view>().value_or(""));
        if (!found) wrong(row, node, wanted_text(row.type));
        if (!found || !in_range(row, node, static_cast<double>(found->count()))) return std::nullopt;
        return found;
      });
}

size_t ConfigSection::choice(std::string_view key) {
  return value<size_t>(key, [this](const SettingRow& row, const toml::node& node) -> std::optional<size_t> {
    const auto text = node.value<std::string_view>();
    if (!node.is_string()) wrong(row, node, wanted_text(row.type));
    if (!node.is_string()) return std::nullopt;
    const auto found = std::ranges::find(row.choices, *text);
    if (found != row.choices.end()) return static_cast<size_t>(found - row.choices.begin());
    problems_.add(node.source(), quoted(row.key) + " is one of " + listed(row.choices) + ", not " +
                                     quoted(*text) + hint(*text, row.choices));
    return std::nullopt;
  });
}

}  // namespace shunt::insight
