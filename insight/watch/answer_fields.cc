#include "insight/watch/answer_fields.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "http/api_time.h"

namespace shunt::insight {

using nlohmann::json;

AnswerFields::AnswerFields(const json& object, std::string path, std::string& note)
    : object_(object), path_(std::move(path)), note_(note) {
  if (!object_.is_object()) wrong("is no object");
}

void AnswerFields::wrong(const std::string& what) const {
  if (note_.empty()) note_ = (path_.empty() ? "the answer" : path_) + " " + what;
}

const json* AnswerFields::member(const char* key, const char* wanted, bool (*is_good)(const json&)) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(key);
  if (found == object_.end()) {
    wrong("lacks \"" + std::string(key) + "\"");
    return nullptr;
  }
  if (is_good(*found)) return &*found;
  wrong("has a \"" + std::string(key) + "\" that is no " + wanted);
  return nullptr;
}

std::string AnswerFields::text(const char* key) const {
  const json* found = member(key, "text", [](const json& value) { return value.is_string(); });
  return found == nullptr ? std::string() : found->get<std::string>();
}

uint64_t AnswerFields::count(const char* key) const {
  const json* found = member(key, "count", [](const json& value) { return value.is_number_unsigned(); });
  return found == nullptr ? 0 : found->get<uint64_t>();
}

double AnswerFields::number(const char* key) const {
  const json* found = member(key, "number", [](const json& value) { return value.is_number(); });
  return found == nullptr ? 0 : found->get<double>();
}

bool AnswerFields::boolean(const char* key) const {
  const json* found = member(key, "yes or no", [](const json& value) { return value.is_boolean(); });
  return found != nullptr && found->get<bool>();
}

int64_t AnswerFields::time_us(const char* key) const {
  const json* found =
      member(key, "time", [](const json& value) { return value.is_null() || value.is_string(); });
  if (found == nullptr || found->is_null()) return 0;
  const auto time = parse_time_us(found->get<std::string>());
  if (!time) wrong("has a \"" + std::string(key) + "\" that is no time");
  return time.value_or(0);
}

AnswerFields AnswerFields::object(const char* key) const {
  static const json kNothing = json::object();
  const json* found = member(key, "object", [](const json& value) { return value.is_object(); });
  return {found == nullptr ? kNothing : *found, path_.empty() ? key : path_ + "." + key, note_};
}

void AnswerFields::each(const char* key, const std::function<void(const AnswerFields&)>& visit) const {
  const json* found = member(key, "list", [](const json& value) { return value.is_array(); });
  if (found == nullptr) return;
  const std::string path = path_.empty() ? key : path_ + "." + key;
  for (size_t i = 0; i < found->size(); ++i)
    visit(AnswerFields((*found)[i], path + "[" + std::to_string(i) + "]", note_));
}

void AnswerFields::each_count(const char* key,
                              const std::function<void(const std::string&, uint64_t)>& visit) const {
  const json* found = member(key, "object", [](const json& value) { return value.is_object(); });
  if (found == nullptr) return;
  for (const auto& [name, value] : found->items()) {
    if (value.is_number_unsigned())
      visit(name, value.get<uint64_t>());
    else
      wrong("has a \"" + std::string(key) + "\" in which \"" + name + "\" is no count");
  }
}

std::optional<int64_t> parse_time_us(const std::string& text) {
  constexpr size_t kSeconds = 19;  // "2025-01-31T12:00:00"
  if (text.size() <= kSeconds) return std::nullopt;
  const auto whole = parse_rfc3339(text.substr(0, kSeconds) + "Z");
  if (!whole) return std::nullopt;
  int64_t us = 0;
  size_t at = kSeconds;
  if (text[at] == '.') {
    int64_t worth = 100'000;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      us += (text[at] - '0') * worth;
      worth /= 10;
    }
  }
  if (text.substr(at) != "Z") return std::nullopt;
  return std::chrono::duration_cast<std::chrono::microseconds>(whole->time_since_epoch()).count() + us;
}

}  // namespace shunt::insight
