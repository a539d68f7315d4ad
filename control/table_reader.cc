// Typed reads of one table's keys. Unknown and missing keys: table_structure.cc.
#include "control/table_reader.h"

#include <array>
#include <cassert>
#include <cstdio>

#include "common/did_you_mean.h"
#include "common/duration.h"
#include "control/toml_position.h"

namespace shunt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.15g", value);
  return text.data();
}

std::string limit_text(const OptionRow& row, double limit) {
  if (row.type == OptionType::duration) return duration_text(milliseconds(static_cast<int64_t>(limit)));
  return number_text(limit);
}

// A duration without its unit: digits only.
bool only_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// A zero byte would end the text for inet_pton.
std::optional<Prefix> prefix_in(const std::string& text) {
  return text.find('\0') == std::string::npos ? Prefix::parse(text) : std::nullopt;
}

constexpr std::string_view kDurationForm = R"(a number and its unit: "500ms", "1s", "15m" or "2h")";

}  // namespace

TableReader::TableReader(const toml::table& table, std::string_view section, Origin& origin, Report& report)
    : table_(table), section_(section), origin_(origin), report_(report) {
  origin_.header = begin_of(table.source());
}

TableReader::Value TableReader::find(std::string_view key) {
  const OptionRow* row = find_option(section_, key);
  assert(row != nullptr);  // a read() without a row is a mistake of ours, not of the file's
  const toml::node* node = table_.get(key);
  if (node != nullptr) origin_.add_given(row->key);
  return {row, node};
}

void TableReader::good(const Value& value) {
  origin_.add(value.row->key, begin_of(value.node->source()));
}

void TableReader::wrong_type(const OptionRow& row, const toml::node& node, std::string_view wanted) {
  const bool is_list =
      row.type == OptionType::integers || row.type == OptionType::texts || row.type == OptionType::prefixes;
  const bool is_element = is_list && !wanted.starts_with("a list");
  report_.error(DiagnosticId::wrong_type, begin_of(node.source()),
                (is_element ? "each of " : "") + tick(row.key) + " must be " + std::string(wanted) +
                    ", not " + std::string(type_name(node)));
}

bool TableReader::in_range(const OptionRow& row, const toml::node& node, double value,
                           const std::string& shown) {
  if (row.max <= row.min || (value >= row.min && value <= row.max)) return true;
  report_.error(DiagnosticId::out_of_range, begin_of(node.source()),
                tick(row.key) + " must be from " + limit_text(row, row.min) + " to " +
                    limit_text(row, row.max) + ", not " + shown);
  return false;
}

std::optional<std::string> TableReader::text_of(const OptionRow& row, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr) {
    wrong_type(row, node, "a string");
    return std::nullopt;
  }
  return text->get();
}

void TableReader::read(std::string_view key, std::string& to) {
  const Value value = find(key);
  if (value.node == nullptr) return;
  if (auto text = text_of(*value.row, *value.node)) {
    to = std::move(*text);
    good(value);
  }
}

std::optional<int64_t> TableReader::integer_of(const OptionRow& row, const toml::node& node) {
  const auto* number = node.as_integer();
  if (number == nullptr) {
    wrong_type(row, node, row.type == OptionType::integer_or_true ? "an integer or true" : "an integer");
    return std::nullopt;
  }
  const int64_t value = number->get();
  if (!in_range(row, node, static_cast<double>(value), std::to_string(value))) return std::nullopt;
  return value;
}

std::optional<int64_t> TableReader::integer(std::string_view key) {
  const Value value = find(key);
  if (value.node == nullptr) return std::nullopt;
  const auto number = integer_of(*value.row, *value.node);
  if (number) good(value);
  return number;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const Value value = find(key);
  if (value.node == nullptr || !value.node->is_boolean()) return std::nullopt;
  good(value);
  return value.node->as_boolean()->get();
}

void TableReader::read(std::string_view key, bool& to) {
  const Value value = find(key);
  if (value.node == nullptr) return;
  if (!value.node->is_boolean()) return wrong_type(*value.row, *value.node, "true or false");
  to = value.node->as_boolean()->get();
  good(value);
}

void TableReader::read(std::string_view key, double& to) {
  const Value value = find(key);
  if (value.node == nullptr) return;
  const auto number = value.node->value<double>();  // an integer counts as one
  if (!value.node->is_number() || !number) return wrong_type(*value.row, *value.node, "a number");
  if (!in_range(*value.row, *value.node, *number, number_text(*number))) return;
  to = *number;
  good(value);
}

std::optional<milliseconds> TableReader::duration(std::string_view key, milliseconds granularity) {
  const Value value = find(key);
  if (value.node == nullptr) return std::nullopt;
  const SourcePosition position = begin_of(value.node->source());
  const auto* text = value.node->as_string();
  if (value.node->is_number() || (text != nullptr && only_digits(text->get()))) {
    report_.error(DiagnosticId::duration_without_unit, position,
                  tick(key) + " has no unit: write " + std::string(kDurationForm));
    return std::nullopt;
  }
  if (text == nullptr) {
    wrong_type(*value.row, *value.node, "a duration like \"500ms\"");
    return std::nullopt;
  }
  const auto parsed = parse_duration(text->get());
  if (!parsed) {
    report_.error(DiagnosticId::bad_duration, position,
                  tick(text->get()) + " isn't a duration: write " + std::string(kDurationForm));
    return std::nullopt;
  }
  if (!in_range(*value.row, *value.node, static_cast<double>(parsed->count()), text->get()))
    return std::nullopt;
  if (parsed->count() % granularity.count() != 0) {
    report_.error(DiagnosticId::duration_too_fine, position,
                  tick(key) + " takes whole seconds, not " + tick(text->get()));
    return std::nullopt;
  }
  good(value);
  return parsed;
}

void TableReader::read(std::string_view key, milliseconds& to) {
  if (const auto value = duration(key, milliseconds(1))) to = *value;
}

void TableReader::read(std::string_view key, std::optional<milliseconds>& to) {
  if (const auto value = duration(key, milliseconds(1))) to = *value;
}

void TableReader::read(std::string_view key, seconds& to) {
  if (const auto value = duration(key, milliseconds(1000))) to = std::chrono::duration_cast<seconds>(*value);
}

std::optional<int> TableReader::choice(std::string_view key) {
  const Value value = find(key);
  if (value.node == nullptr) return std::nullopt;
  const auto text = text_of(*value.row, *value.node);
  if (!text) return std::nullopt;
  const SourcePosition position = begin_of(value.node->source());
  std::string list;
  std::vector<std::string_view> names;
  for (const Choice& one : value.row->choices) {
    names.push_back(one.name);
    if (one.name == *text && one.supported) {
      good(value);
      return one.value;
    }
    if (one.name == *text) {
      report_.error(DiagnosticId::unsupported_value, position,
                    tick(std::string(key) + " = \"" + *text + "\"") + " isn't supported by this version");
      return std::nullopt;
    }
    if (one.supported) list += (list.empty() ? "" : ", ") + std::string(one.name);
  }
  report_.error(DiagnosticId::unknown_choice, position,
                tick(*text) + " isn't a value of " + tick(key) + ", which knows: " + list,
                did_you_mean(*text, names));
  return std::nullopt;
}

std::optional<Prefix> TableReader::prefix_of(const OptionRow& row, const toml::node& node) {
  const auto text = text_of(row, node);
  if (!text) return std::nullopt;
  const auto parsed = prefix_in(*text);
  if (!parsed) {
    report_.error(DiagnosticId::bad_prefix, begin_of(node.source()),
                  tick(*text) + " isn't an address or prefix like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/64");
  }
  return parsed;
}

std::optional<Prefix> TableReader::prefix(std::string_view key) {
  const Value value = find(key);
  if (value.node == nullptr) return std::nullopt;
  const auto parsed = prefix_of(*value.row, *value.node);
  if (!parsed) return std::nullopt;
  if (parsed->has_host_bits()) {
    const Prefix network{parsed->network(), parsed->length};
    report_.error(DiagnosticId::host_bits, begin_of(value.node->source()),
                  tick(parsed->text()) + " has bits set behind its prefix length",
                  "did you mean `" + network.text() + "` or `" + parsed->address.text() + "`?");
    return std::nullopt;
  }
  good(value);
  return parsed;
}

void TableReader::read(std::string_view key, Prefix& to) {
  if (const auto value = prefix(key)) to = *value;
}

void TableReader::read(std::string_view key, std::optional<Prefix>& to) {
  if (const auto value = prefix(key)) to = value;
}

std::optional<IpAddress> TableReader::address(std::string_view key) {
  const Value value = find(key);
  if (value.node == nullptr) return std::nullopt;
  const auto text = text_of(*value.row, *value.node);
  if (!text) return std::nullopt;
  const auto parsed = text->find('\0') == std::string::npos ? IpAddress::parse(*text) : std::nullopt;
  if (!parsed) {
    const bool with_length = text->find('/') != std::string::npos && prefix_in(*text);
    const std::string hint = with_length ? "one address, no prefix length" : "";
    report_.error(DiagnosticId::bad_address, begin_of(value.node->source()),
                  tick(*text) + " isn't an address like 192.0.2.1 or 2001:db8::1", hint);
    return std::nullopt;
  }
  good(value);
  return parsed;
}

void TableReader::read(std::string_view key, IpAddress& to) {
  if (const auto value = address(key)) to = *value;
}

void TableReader::read(std::string_view key, std::optional<IpAddress>& to) {
  if (const auto value = address(key)) to = value;
}

void TableReader::read(std::string_view key, std::optional<MacAddress>& to) {
  const Value value = find(key);
  if (value.node == nullptr) return;
  const auto text = text_of(*value.row, *value.node);
  if (!text) return;
  const SourcePosition position = begin_of(value.node->source());
  const auto parsed = MacAddress::parse(*text);
  if (!parsed) {
    return report_.error(DiagnosticId::bad_mac, position,
                         tick(*text) + " isn't a MAC address like 02:00:00:00:00:01");
  }
  if (parsed->is_zero())
    return report_.error(DiagnosticId::zero_mac, position, "a MAC address of zeros is nobody's");
  if (parsed->is_group()) {
    return report_.error(
        DiagnosticId::group_mac, position,
        tick(*text) + " is a group address (its first byte is odd): " + tick(key) + " is one machine's");
  }
  to = parsed;
  good(value);
}

bool TableReader::read_list(const Value& value, std::string_view wanted,
                            const std::function<bool(const toml::node&)>& read_one) {
  if (value.node == nullptr) return false;
  const auto* list = value.node->as_array();
  if (list == nullptr) {
    wrong_type(*value.row, *value.node, wanted);
    return false;
  }
  bool all_good = true;
  std::vector<SourcePosition> positions;
  for (const toml::node& element : *list) {
    all_good = read_one(element) && all_good;
    positions.push_back(begin_of(element.source()));
  }
  if (all_good) origin_.add(value.row->key, begin_of(value.node->source()), std::move(positions));
  return all_good;
}

std::optional<std::vector<int64_t>> TableReader::integers(std::string_view key) {
  const Value value = find(key);
  std::vector<int64_t> numbers;
  const bool read = read_list(value, "a list of integers", [&](const toml::node& element) {
    const auto number = integer_of(*value.row, element);
    if (number) numbers.push_back(*number);
    return number.has_value();
  });
  return read ? std::optional(numbers) : std::nullopt;
}

void TableReader::read(std::string_view key, std::vector<Prefix>& to) {
  const Value value = find(key);
  std::vector<Prefix> prefixes;
  const bool read = read_list(value, "a list of strings", [&](const toml::node& element) {
    const auto parsed = prefix_of(*value.row, element);
    if (parsed) prefixes.push_back(*parsed);
    return parsed.has_value();
  });
  if (read) to = std::move(prefixes);
}

void TableReader::read(std::string_view key, std::vector<std::string>& to) {
  const Value value = find(key);
  std::vector<std::string> texts;
  const bool read = read_list(value, "a list of strings", [&](const toml::node& element) {
    auto text = text_of(*value.row, element);
    if (text) texts.push_back(std::move(*text));
    return text.has_value();
  });
  if (read) to = std::move(texts);
}

}  // namespace shunt
