#include "http/api_schema.h"

#include <map>
#include <stdexcept>
#include <string>

namespace shunt {
namespace {

SchemaJson word_schema(const std::string& word, std::string_view refs) {
  static const std::map<std::string, SchemaJson> kWords = {
      {"uint", {{"type", "integer"}, {"minimum", 0}}},
      {"int", {{"type", "integer"}}},
      {"number", {{"type", "number"}}},
      {"text", {{"type", "string"}}},
      {"time", {{"type", "string"}, {"format", "date-time"}}},
      {"bool", {{"type", "boolean"}}},
      {"null", {{"type", "null"}}},
      {"any", SchemaJson::object()}};
  if (word.starts_with('#')) return {{"$ref", std::string(refs) + word.substr(1)}};
  const auto found = kWords.find(word);
  if (found == kWords.end()) throw std::invalid_argument("no type \"" + word + "\" in a schema");
  return found->second;
}

SchemaJson text_schema(const std::string& text, std::string_view refs) {
  SchemaJson choices = SchemaJson::array();
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('|', begin), text.size());
    choices.push_back(word_schema(text.substr(begin, end - begin), refs));
    begin = end + 1;
  }
  if (choices.size() == 1) return choices.front();
  SchemaJson schema;
  schema["anyOf"] = std::move(choices);
  return schema;
}

SchemaJson object_schema(const SchemaJson& form, std::string_view refs) {
  SchemaJson schema;
  schema["type"] = "object";
  if (form.size() == 1 && form.contains("*")) {
    schema["additionalProperties"] = expanded_schema(form.at("*"), refs);
    return schema;
  }
  SchemaJson required = SchemaJson::array();
  SchemaJson properties = SchemaJson::object();
  for (const auto& [key, value] : form.items()) {
    const bool optional = key.ends_with('?');
    const std::string name = optional ? key.substr(0, key.size() - 1) : key;
    if (!optional) required.push_back(name);
    properties[name] = expanded_schema(value, refs);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  schema["properties"] = std::move(properties);
  return schema;
}

}  // namespace

SchemaJson expanded_schema(const SchemaJson& form, std::string_view refs) {
  if (form.is_string()) return text_schema(form.get<std::string>(), refs);
  if (form.is_object()) return object_schema(form, refs);
  if (!form.is_array() || form.size() != 1) throw std::invalid_argument("a schema that is no schema");
  SchemaJson schema;
  schema["type"] = "array";
  schema["items"] = expanded_schema(form.front(), refs);
  return schema;
}

}  // namespace shunt
