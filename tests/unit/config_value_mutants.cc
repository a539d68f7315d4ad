// One mistake in a key or value, by its option row.
#include <cmath>
#include <string>
#include <vector>

#include "common/duration.h"
#include "control/option_rows.h"
#include "tests/unit/config_mutants.h"

namespace shunt {
namespace {

struct Place {
  const Block* block = nullptr;
  const KeyPlace* key = nullptr;
  const OptionRow* row = nullptr;
};

template <typename Wanted>
std::optional<Place> some_place(const ConfigText& good, Dice& dice, const Wanted& wanted) {
  std::vector<Place> places;
  for (const Block& block : good.blocks()) {
    for (const KeyPlace& key : block.keys) {
      const Place place{&block, &key, find_option(block.section, key.key)};
      if (place.row != nullptr && wanted(place)) places.push_back(place);
    }
  }
  if (places.empty()) return std::nullopt;
  return dice.pick(places);
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

bool is_list(OptionType type) {
  return type == OptionType::texts || type == OptionType::integers || type == OptionType::prefixes;
}

// Values that no row of the type takes.
std::vector<std::string> of_other_types(OptionType type) {
  switch (type) {
    case OptionType::integer:
      return {"\"7\"", "7.5", "true", "[7]", "1979-05-27"};
    case OptionType::integer_or_true:
      return {"\"7\"", "7.5", "[7]", "1979-05-27"};
    case OptionType::real:
      return {"\"0.5\"", "true", "[0.5]", "1979-05-27"};
    case OptionType::boolean:
      return {"\"true\"", "1", "[true]", "1979-05-27"};
    case OptionType::duration:
      return {"true", "[\"1s\"]", "1979-05-27"};
    case OptionType::texts:
    case OptionType::integers:
    case OptionType::prefixes:
      return {"\"one\"", "7", "true"};
    case OptionType::table:
      return {"\"tcp\"", "7", "true", "[]"};
    case OptionType::tables:
      return {};
    default:
      return {"7", "7.5", "true", "[\"a\"]", "1979-05-27"};
  }
}

std::optional<Mutant> wrong_type(const ConfigText& good, Dice& dice) {
  const auto place =
      some_place(good, dice, [](const Place& at) { return !of_other_types(at.row->type).empty(); });
  if (!place) return std::nullopt;
  const KeyPlace& key = *place->key;
  if (is_list(place->row->type) && dice.below(2) == 0)  // one of its elements
    return mutant(good, key.value_at, key.value_size, "[true]", DiagnosticId::wrong_type, key.value_at + 1,
                  key.key);
  Mutant made =
      with_value(good, key, dice.pick(of_other_types(place->row->type)), DiagnosticId::wrong_type, key.key);
  made.alone = key.key != "type";  // of a check or a source: which keys go with it can't be told then
  return made;
}

std::string limit(const OptionRow& row, double value) {
  if (row.type == OptionType::duration)
    return quoted(duration_text(std::chrono::milliseconds(static_cast<int64_t>(value))));
  if (row.type != OptionType::real) return std::to_string(static_cast<int64_t>(value));
  return std::to_string(value);
}

std::optional<Mutant> out_of_range(const ConfigText& good, Dice& dice) {
  const auto place = some_place(good, dice, [](const Place& at) {
    return at.row->max > at.row->min && at.row->type != OptionType::tables;
  });
  if (!place) return std::nullopt;
  const OptionRow& row = *place->row;
  const bool is_duration = row.type == OptionType::duration;
  const double step = is_duration ? 1'000 : row.type == OptionType::real ? 0.25 : 1;
  const bool below = dice.below(2) == 0 && !(is_duration && row.min <= 0);
  std::string value = limit(row, below ? (is_duration ? row.min - 1 : row.min - step) : row.max + step);
  const bool in_list = row.type == OptionType::integers;
  if (in_list) value = "[" + value + "]";
  const KeyPlace& key = *place->key;
  return mutant(good, key.value_at, key.value_size, value, DiagnosticId::out_of_range,
                key.value_at + (in_list ? 1 : 0), key.key);
}

struct BadValue {
  std::string value;  // without quotes
  DiagnosticId id = DiagnosticId::count;
};

std::vector<BadValue> bad_addresses() {
  std::vector<BadValue> values;
  for (const char* text : {"10.0.0", "10.0.0.256", "10.0.0.1 ", "web-1", "2001:db8::g", "2001:db8:::1", ""})
    values.push_back({text, DiagnosticId::bad_address});
  return values;
}

std::vector<BadValue> bad_prefixes() {
  std::vector<BadValue> values = {{"10.0.0.1/24", DiagnosticId::host_bits},
                                  {"2001:db8::1/64", DiagnosticId::host_bits}};
  for (const char* text : {"10.0.0.0/33", "10.0.0/24", "10.0.0.0/", "10.0.0.0/-1", "2001:db8::/129", "any"})
    values.push_back({text, DiagnosticId::bad_prefix});
  return values;
}

std::vector<BadValue> bad_macs() {
  return {{"02:00:00:00:00", DiagnosticId::bad_mac},
          {"02-00-00-00-00-0g", DiagnosticId::bad_mac},
          {"0200.0000.0001", DiagnosticId::bad_mac},
          {"03:00:00:00:00:01", DiagnosticId::group_mac},
          {"ff:ff:ff:ff:ff:ff", DiagnosticId::group_mac}};
}

std::vector<BadValue> bad_durations(std::string_view key) {
  std::vector<BadValue> values = {
      {"30", DiagnosticId::duration_without_unit}, {"30 s", DiagnosticId::bad_duration},
      {"30sec", DiagnosticId::bad_duration},       {"-1s", DiagnosticId::bad_duration},
      {"1.5s", DiagnosticId::bad_duration},        {"s", DiagnosticId::bad_duration}};
  for (const std::string_view whole_seconds : {"drain", "damping", "established", "syn", "fin", "udp"}) {
    if (key == whole_seconds) values.push_back({"1500ms", DiagnosticId::duration_too_fine});
  }
  return values;
}

std::vector<BadValue> bad_choices(const OptionRow& row) {
  std::vector<BadValue> values = {{"", DiagnosticId::unknown_choice},
                                  {"none of them", DiagnosticId::unknown_choice}};
  for (const Choice& choice : row.choices) {
    values.push_back({std::string(choice.name) + "x", DiagnosticId::unknown_choice});
    if (!choice.supported) values.push_back({std::string(choice.name), DiagnosticId::unsupported_value});
  }
  return values;
}

std::vector<BadValue> bad_texts(const Block& block, std::string_view key) {
  if (key == "name" && block.section != "pool.discovery")
    return {{"", DiagnosticId::bad_name}, {"a b", DiagnosticId::bad_name}, {"a/b", DiagnosticId::bad_name}};
  if (key.ends_with("_file") || key.ends_with("_dir"))
    return {{"etc/shunt", DiagnosticId::relative_path}, {"./shunt", DiagnosticId::relative_path}};
  if (key == "device")
    return {{"eth0", DiagnosticId::bad_device},
            {"0000:3b:00.9", DiagnosticId::bad_device},
            {"tapp:net9", DiagnosticId::bad_device},
            {"tap:an interface", DiagnosticId::bad_interface_name},
            {"af_xdp:eth0", DiagnosticId::unsupported_device}};
  if (key == "host_interface")
    return {{"a-name-too-long-for-linux", DiagnosticId::bad_interface_name},
            {"..", DiagnosticId::bad_interface_name}};
  return {};
}

std::vector<BadValue> bad_values(const Place& place) {
  switch (place.row->type) {
    case OptionType::address:
      return bad_addresses();
    case OptionType::prefix:
      return bad_prefixes();
    case OptionType::mac:
      return bad_macs();
    case OptionType::duration:
      return bad_durations(place.key->key);
    case OptionType::choice:
      return bad_choices(*place.row);
    case OptionType::text:
      return bad_texts(*place.block, place.key->key);
    default:
      return {};
  }
}

std::optional<Mutant> bad_value(const ConfigText& good, Dice& dice) {
  const auto place = some_place(good, dice, [](const Place& at) { return !bad_values(at).empty(); });
  if (!place) return std::nullopt;
  const BadValue bad = dice.pick(bad_values(*place));
  // Messages about a value quote it; those about what it lacks name the key.
  const bool names_key =
      bad.id == DiagnosticId::duration_without_unit || bad.id == DiagnosticId::duration_too_fine;
  const bool names_kind = bad.id == DiagnosticId::unsupported_device;
  Mutant made = with_value(good, *place->key, quoted(bad.value), bad.id,
                           names_key    ? place->key->key
                           : names_kind ? "af_xdp:"
                                        : bad.value.substr(bad.value.starts_with("tap:") ? 4 : 0));
  made.alone = false;  // what refers to the name or the interface has no partner any more
  return made;
}

std::optional<Mutant> bad_element(const ConfigText& good, Dice& dice) {
  const auto place = some_place(good, dice, [](const Place& at) {
    return at.row->type == OptionType::prefixes || at.key->key == "listen";
  });
  if (!place) return std::nullopt;
  const bool listen = place->key->key == "listen";
  const std::vector<std::string> texts =
      listen ? std::vector<std::string>{"8080", "127.0.0.1", "unix:api.sock", "::1:8080", "localhost:80"}
             : std::vector<std::string>{"10.0.0.300/24", "any", "10.0.0.0/33"};
  const std::string& text = dice.pick(texts);
  Mutant made = mutant(good, place->key->value_at + 1, 0, quoted(text) + ", ",
                       listen ? DiagnosticId::bad_listen : DiagnosticId::bad_prefix, place->key->value_at + 1,
                       text.substr(text.starts_with("unix:") ? 5 : 0));
  return made;
}

std::optional<Mutant> unknown_key(const ConfigText& good, Dice& dice) {
  const auto place = some_place(good, dice, [](const Place&) { return true; });
  if (!place) return std::nullopt;
  std::string key = place->key->key;
  key.insert(dice.below(key.size() + 1), 1, static_cast<char>('a' + dice.below(26)));
  if (find_option(place->block->section, key) != nullptr) return std::nullopt;
  Mutant made = mutant(good, place->key->key_at, place->key->key.size(), key, DiagnosticId::unknown_key,
                       place->key->key_at, key);
  made.alone = false;  // what the key said may be needed elsewhere
  return made;
}

std::optional<Mutant> later_key(const ConfigText& good, Dice& dice) {
  std::vector<std::pair<const Block*, const OptionRow*>> places;
  for (const Block& block : good.blocks()) {
    for (const OptionRow& row : option_rows()) {
      if (row.section == block.section && row.need == Need::later) places.emplace_back(&block, &row);
    }
  }
  if (places.empty()) return std::nullopt;
  const auto [block, row] = dice.pick(places);
  const std::string line = as_line(*block, row->key, "1");
  return mutant(good, block->insert_at, 0, line, DiagnosticId::unsupported_key, block->insert_at,
                std::string(row->key));
}

std::optional<Mutant> bad_section(const ConfigText& good, Dice& dice) {
  const bool later = dice.below(2) == 0;
  std::string name = dice.pick(std::vector<std::string>{"process", "nat", "quic"});
  if (!later) name = dice.pick(std::vector<std::string>{"nodes", "services", "dataplan", "garden"});
  const std::string text = "\n[" + name + "]\n";
  return mutant(good, good.text().size(), 0, text,
                later ? DiagnosticId::unsupported_section : DiagnosticId::unknown_section,
                good.text().size() + 2, name);
}

std::optional<Mutant> missing_key(const ConfigText& good, Dice& dice) {
  const auto place = some_place(good, dice, [](const Place& at) {
    return at.row->need == Need::required && !at.block->in_line && !at.block->section.empty();
  });
  if (!place) return std::nullopt;
  Mutant made = mutant(good, place->key->line_at, place->key->line_end - place->key->line_at, "",
                       DiagnosticId::missing_key, place->block->header_at, place->key->key);
  return made;
}

std::optional<Mutant> repeated_key(const ConfigText& good, Dice& dice) {
  const auto place =
      some_place(good, dice, [](const Place& at) { return at.row->type != OptionType::table; });
  if (!place) return std::nullopt;
  const KeyPlace& key = *place->key;
  const size_t behind = key.value_at + key.value_size;
  const std::string again = key.key + " = " + good.value(key);
  if (place->block->in_line)
    return mutant(good, behind, 0, ", " + again, DiagnosticId::duplicate_key, behind + 2, key.key);
  return mutant(good, key.line_end, 0, "\n" + again, DiagnosticId::duplicate_key, key.line_end + 1, key.key);
}

constexpr MutantKind kKinds[] = {
    {"wrong type", wrong_type},   {"out of range", out_of_range}, {"bad value", bad_value},
    {"bad element", bad_element}, {"unknown key", unknown_key},   {"key of a later version", later_key},
    {"bad section", bad_section}, {"missing key", missing_key},   {"repeated key", repeated_key},
};

}  // namespace

std::span<const MutantKind> value_mutants() {
  return kKinds;
}

}  // namespace shunt
