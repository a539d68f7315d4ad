// The other half of TableReader: tables inside the table, keys that are unknown, missing or not built yet.
#include <algorithm>

#include "common/did_you_mean.h"
#include "control/table_reader.h"
#include "control/toml_position.h"

namespace shunt {
namespace {

std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const OptionRow& row : option_rows()) {
    if (row.section == section) keys.push_back(row.key);
  }
  return keys;
}

// "`interval` belongs in [pool.health]", if exactly one other section has the key.
std::string where_it_belongs(std::string_view key) {
  std::string_view section;
  size_t found = 0;
  for (const OptionRow& row : option_rows()) {
    if (row.key != key || row.section.empty()) continue;
    section = row.section;
    ++found;
  }
  if (found != 1) return {};
  return tick(key) + " belongs in " + std::string(section_heading(section));
}

std::string full_name(std::string_view section, std::string_view key) {
  return section.empty() ? std::string(key) : std::string(section) + "." + std::string(key);
}

}  // namespace

const toml::table* TableReader::table(std::string_view key) {
  const Value value = find(key);
  if (value.node == nullptr) return nullptr;
  const auto* child = value.node->as_table();
  if (child != nullptr) return child;
  const std::string name = full_name(section_, key);
  const bool double_brackets = value.node->is_array_of_tables();
  report_.error(DiagnosticId::wrong_type, begin_of(value.node->source()),
                tick(key) + (double_brackets ? " stands in the file once" : " must be a table"),
                "write `[" + name + "]`" +
                    (section_.empty() || double_brackets ? "" : " or `" + std::string(key) + " = { … }`"));
  return nullptr;
}

void TableReader::each_table(std::string_view key, const std::function<void(const toml::table&)>& read_one) {
  const Value value = find(key);
  if (value.node == nullptr) return;
  const std::string heading = "[[" + full_name(section_, key) + "]]";
  const auto* list = value.node->as_array();
  if (list == nullptr) {
    return report_.error(DiagnosticId::section_is_a_list, begin_of(value.node->source()),
                         tick(key) + " is a list of tables", "write `" + heading + "` above each");
  }
  size_t number = 0;
  for (const toml::node& element : *list) {
    const SourcePosition position = begin_of(element.source());
    if (++number > static_cast<size_t>(value.row->max)) {
      return report_.error(DiagnosticId::too_many, position,
                           "too many " + heading + ": at most " +
                               std::to_string(static_cast<uint64_t>(value.row->max)) + " are possible");
    }
    const auto* one = element.as_table();
    if (one != nullptr) {
      read_one(*one);
    } else {
      report_.error(DiagnosticId::section_is_a_list, position, tick(key) + " is a list of tables",
                    "write `" + heading + "` above each");
    }
  }
}

bool TableReader::report_later(const OptionRow& row, const toml::key& key) {
  if (row.need != Need::later) return false;
  const bool section = section_.empty();
  report_.error(section ? DiagnosticId::unsupported_section : DiagnosticId::unsupported_key,
                begin_of(key.source()),
                tick(section ? "[" + std::string(row.key) + "]" : std::string(row.key)) +
                    " isn't supported by this version");
  return true;
}

// Returns the key that was probably meant.
std::string_view TableReader::unknown_key(const toml::key& key, const toml::node& node) {
  const std::vector<std::string_view> keys = keys_of(section_);
  std::string hint = where_it_belongs(key.str());
  if (hint.empty()) hint = did_you_mean(key.str(), keys);
  const SourcePosition position = begin_of(key.source());
  if (!section_.empty()) {
    report_.error(DiagnosticId::unknown_key, position,
                  "unknown key " + tick(key.str()) + " in " + std::string(section_heading(section_)),
                  std::move(hint));
  } else if (node.is_table() || node.is_array_of_tables()) {
    report_.error(DiagnosticId::unknown_section, position, "unknown section " + tick(key.str()),
                  std::move(hint));
  } else {
    report_.error(DiagnosticId::unknown_key, position,
                  "unknown key " + tick(key.str()) + " outside any section", std::move(hint));
  }
  return nearest(key.str(), keys);
}

void TableReader::finish() {
  std::vector<std::string_view> meant;  // by unknown keys: those aren't reported as missing too
  for (auto&& [key, node] : table_) {
    const OptionRow* row = find_option(section_, key.str());
    if (row == nullptr) {
      meant.push_back(unknown_key(key, node));
    } else {
      report_later(*row, key);
    }
  }
  for (const OptionRow& row : option_rows()) {
    if (row.section != section_ || row.need != Need::required || section_.empty()) continue;
    if (table_.contains(row.key) || std::find(meant.begin(), meant.end(), row.key) != meant.end()) continue;
    report_.error(DiagnosticId::missing_key, origin_.header,
                  std::string(section_heading(section_)) + " needs " + tick(row.key));
  }
}

}  // namespace shunt
