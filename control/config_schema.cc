// One function per kind of value; a section is an object without other keys.
#include "control/config_schema.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/duration.h"
#include "control/option_rows.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

#define SHUNT_OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
constexpr const char* kIpv4 = "^" SHUNT_OCTET "(\\." SHUNT_OCTET "){3}$";
constexpr const char* kIpv4Prefix = "^" SHUNT_OCTET "(\\." SHUNT_OCTET "){3}(/[0-9]{1,2})?$";
#undef SHUNT_OCTET
// Two colons at least; what stands between them is the parser's business.
constexpr const char* kIpv6 = "^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*$";
constexpr const char* kIpv6Prefix = "^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(/[0-9]{1,3})?$";
constexpr const char* kMac = "^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$";  // one machine's, no group's
constexpr const char* kDuration = "^[0-9]+(ms|s|m|h)$";
constexpr const char* kName = "^[A-Za-z0-9._:-]{1,63}$";
constexpr const char* kPath = "^/";

bool is_name(const OptionRow& row) {
  return row.key == "name" && row.section != "pool.discovery";
}

bool is_path(const OptionRow& row) {
  if (row.type != OptionType::text) return false;
  return row.key == "path" || row.key == "tls_certificate" || row.key == "tls_key" ||
         row.key.ends_with("_file") || row.key.ends_with("_dir");
}

Json number(double value) {
  return value == std::floor(value) ? Json(static_cast<int64_t>(value)) : Json(value);
}

Json ranged(const char* type, const OptionRow& row) {
  Json schema = {{"type", type}};
  if (row.max > row.min) {
    schema["minimum"] = number(row.min);
    schema["maximum"] = number(row.max);
  }
  return schema;
}

Json text_like(const char* pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

Json either(const char* pattern, const char* other) {
  return {{"type", "string"}, {"anyOf", {{{"pattern", pattern}}, {{"pattern", other}}}}};
}

Json list_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

Json workers(const OptionRow& row) {
  Json schema = list_of(ranged("integer", row));
  schema["minItems"] = 1;
  schema["maxItems"] = 64;
  schema["uniqueItems"] = true;
  return schema;
}

Json choices_of(const OptionRow& row) {
  Json names = Json::array();
  for (const Choice& choice : row.choices) {
    if (choice.supported) names.push_back(choice.name);
  }
  return {{"enum", names}};
}

Json section(std::string_view name);

Json list_of_tables(const OptionRow& row, const std::string& child) {
  Json schema = list_of(section(child));
  if (row.min > 0) schema["minItems"] = number(row.min);
  schema["maxItems"] = number(row.max);
  return schema;
}

Json value_of(const OptionRow& row) {
  const std::string child =
      (row.section.empty() ? "" : std::string(row.section) + ".") + std::string(row.key);
  switch (row.type) {
    case OptionType::text:
      return is_name(row) ? text_like(kName) : is_path(row) ? text_like(kPath) : Json{{"type", "string"}};
    case OptionType::integer:
      return ranged("integer", row);
    case OptionType::real:
      return ranged("number", row);
    case OptionType::boolean:
      return {{"type", "boolean"}};
    case OptionType::duration:
      return text_like(kDuration);
    case OptionType::choice:
      return choices_of(row);
    case OptionType::address:
      return either(kIpv4, kIpv6);
    case OptionType::prefix:
      return either(kIpv4Prefix, kIpv6Prefix);
    case OptionType::mac:
      return text_like(kMac);
    case OptionType::texts:
      return list_of({{"type", "string"}});
    case OptionType::integers:
      return row.key == "workers" ? workers(row) : list_of(ranged("integer", row));
    case OptionType::integer_or_true:
      return {{"anyOf", {ranged("integer", row), {{"type", "boolean"}}}}};
    case OptionType::prefixes:
      return list_of(either(kIpv4Prefix, kIpv6Prefix));
    case OptionType::table:
      return section(child);
    case OptionType::tables:
      return list_of_tables(row, child);
  }
  return Json::object();
}

// Discarded where the default is words.
Json default_of(const OptionRow& row) {
  std::string text(row.default_text);
  const bool is_number = row.type == OptionType::integer || row.type == OptionType::real ||
                         row.type == OptionType::integer_or_true;
  if (is_number) std::erase(text, '_');
  if (text.find("RUNTIME_DIR") != std::string::npos) text.clear();
  return Json::parse(text, nullptr, false);
}

std::string description_of(const OptionRow& row, bool has_default) {
  std::string text(row.text);
  if (row.type == OptionType::duration) {
    const auto limit = [](double ms) {
      return duration_text(std::chrono::milliseconds(static_cast<int64_t>(ms)));
    };
    text += " A number and its unit (ms, s, m, h), " + limit(row.min) + " to " + limit(row.max) + ".";
  }
  if (row.need == Need::optional && !has_default && !row.default_text.empty())
    text += " Default: " + std::string(row.default_text) + ".";
  return text;
}

Json described(const OptionRow& row) {
  Json schema;
  const Json value = default_of(row);
  const bool has_default = row.need == Need::optional && !value.is_discarded();
  schema["description"] = description_of(row, has_default);
  if (has_default) schema["default"] = value;
  schema.update(value_of(row));
  return schema;
}

Json section(std::string_view name) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const OptionRow& row : option_rows()) {
    if (row.section != name || row.need == Need::later) continue;
    properties[std::string(row.key)] = described(row);
    if (row.need == Need::required) required.push_back(row.key);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  schema["properties"] = std::move(properties);
  return schema;
}

}  // namespace

std::string config_schema() {
  Json schema;
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["$id"] = "urn:shunt:configuration";
  schema["title"] = "The configuration file of shuntd";
  schema["description"] =
      "Made from control/option_rows.cc; `shuntctl check` knows the rules between values too.";
  schema.update(section(""));
  return schema.dump(2) + "\n";
}

}  // namespace shunt
