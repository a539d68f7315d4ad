// AnswerFields: an object of a shuntd's answer, read member by member. What lacks or has another type is
// noted in words, the first one stays, and reads as nothing: nobody has to check after each member.
//
// Bound: what the JSON has. Points into it and into the note, which both outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace shunt::insight {

class AnswerFields {
 public:
  // `path` names the object: "services[3]". `note` is empty until something is wrong.
  AnswerFields(const nlohmann::json& object, std::string path, std::string& note);

  std::string text(const char* key) const;
  uint64_t count(const char* key) const;  // a whole number from 0 on
  double number(const char* key) const;
  bool boolean(const char* key) const;
  // µs since 1970 of an RFC 3339 text; 0 where it is null.
  int64_t time_us(const char* key) const;
  AnswerFields object(const char* key) const;
  // Of a list of objects.
  void each(const char* key, const std::function<void(const AnswerFields&)>& visit) const;
  // Of an object whose members are counts.
  void each_count(const char* key, const std::function<void(const std::string&, uint64_t)>& visit) const;

 private:
  const nlohmann::json* member(const char* key, const char* wanted,
                               bool (*is_good)(const nlohmann::json&)) const;
  void wrong(const std::string& what) const;

  const nlohmann::json& object_;
  std::string path_;
  std::string& note_;
};

// µs since 1970 of "2025-01-31T12:00:00.150Z"; the fraction may lack.
std::optional<int64_t> parse_time_us(const std::string& text);

}  // namespace shunt::insight
