// Reading the API's answers: what isn't the JSON that a view expects is an error, never an exception.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "common/result.h"

namespace shunt::ctl {

using Json = nlohmann::ordered_json;

inline Error not_understood(const std::exception& error) {
  return {"the answer",
          std::string("isn't what this shuntctl expects; are shuntd and shuntctl of one version? (") +
              error.what() + ")"};
}

// Runs a view over the parsed answer.
template <typename View>
Result<> with_json(const std::string& answer, View view) {
  try {
    view(Json::parse(answer));
    return Ok{};
  } catch (const Json::exception& error) {
    return not_understood(error);
  }
}

inline uint64_t number(const Json& json, const char* key) {
  return json.at(key).get<uint64_t>();
}
inline std::string text(const Json& json, const char* key) {
  return json.at(key).get<std::string>();
}
inline std::string text_or_dash(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() || value == "" ? "-" : value.get<std::string>();
}

}  // namespace shunt::ctl
