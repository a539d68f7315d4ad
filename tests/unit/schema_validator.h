// Values against an OpenAPI document's schemas.
#pragma once

#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace shunt {

// JSON Schema as far as the document uses it; members that it doesn't name are errors. "": it fits.
class Validator {
 public:
  explicit Validator(const nlohmann::json& document) : document_(document) {}

  std::string check(const nlohmann::json& schema, const nlohmann::json& value, const std::string& at) const {
    if (schema.contains("$ref")) {
      const nlohmann::json::json_pointer pointer(schema["$ref"].get<std::string>().substr(1));
      return document_.contains(pointer) ? check(document_.at(pointer), value, at)
                                         : at + ": dangling reference";
    }
    if (schema.contains("anyOf")) {
      for (const nlohmann::json& choice : schema["anyOf"]) {
        if (check(choice, value, at).empty()) return {};
      }
      return at + ": none of the choices fits " + value.dump();
    }
    if (schema.empty()) return {};
    const std::string type = schema["type"];
    if (type == "object") return check_object(schema, value, at);
    if (type == "array") return check_array(schema, value, at);
    const bool fits = type == "integer" ? value.is_number_integer() &&
                                              (!schema.contains("minimum") || value >= schema["minimum"])
                      : type == "number"  ? value.is_number()
                      : type == "string"  ? value.is_string() && time_fits(schema, value)
                      : type == "boolean" ? value.is_boolean()
                                          : type == "null" && value.is_null();
    return fits ? "" : at + ": " + value.dump() + " isn't " + schema.dump();
  }

 private:
  static bool time_fits(const nlohmann::json& schema, const nlohmann::json& value) {
    static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)");
    return !schema.contains("format") || std::regex_match(value.get<std::string>(), kTime);
  }
  std::string check_object(const nlohmann::json& schema, const nlohmann::json& value,
                           const std::string& at) const {
    if (!value.is_object()) return at + " isn't an object";
    for (const nlohmann::json& name : schema.value("required", nlohmann::json::array())) {
      if (!value.contains(name)) return at + ": no " + name.get<std::string>();
    }
    const nlohmann::json properties = schema.value("properties", nlohmann::json::object());
    for (const auto& [name, member] : value.items()) {
      const bool named = properties.contains(name);
      if (!named && !schema.contains("additionalProperties"))
        return at + ": " + name + " isn't in the document";
      const nlohmann::json& of = named ? properties[name] : schema["additionalProperties"];
      if (std::string bad = check(of, member, at + "." + name); !bad.empty()) return bad;
    }
    return {};
  }
  std::string check_array(const nlohmann::json& schema, const nlohmann::json& value,
                          const std::string& at) const {
    if (!value.is_array()) return at + " isn't a list";
    for (size_t i = 0; i < value.size(); ++i) {
      if (std::string bad = check(schema["items"], value[i], at + "[" + std::to_string(i) + "]");
          !bad.empty())
        return bad;
    }
    return {};
  }
  const nlohmann::json& document_;
};

}  // namespace shunt
