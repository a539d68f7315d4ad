// JsonText: JSON written from front to back, without a tree: an answer of 1,000 backends is made each second.
//
// A value; cost: appending. Whoever writes sees to it that what is opened is closed, and that members have
// names. Numbers keep six digits, whole ones all; what is no number (infinite) is null. Text that isn't UTF-8
// is repaired.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace shunt::insight {

class JsonText {
 public:
  // Members of an object.
  JsonText& open(std::string_view key) { return name(key).open(); }
  JsonText& list(std::string_view key) { return name(key).list(); }
  template <typename Value>
  JsonText& put(std::string_view key, const Value& value) {
    return name(key).put(value);
  }
  // JSON that is there already.
  JsonText& raw(std::string_view key, std::string_view json) { return name(key).raw(json); }

  // Items of a list, or the value itself.
  JsonText& open() { return begin('{'); }
  JsonText& list() { return begin('['); }
  JsonText& close() { return end('}'); }
  JsonText& end_list() { return end(']'); }
  JsonText& raw(std::string_view json);
  JsonText& put(std::string_view value);
  JsonText& put(const char* value) { return put(std::string_view(value)); }
  JsonText& put(const std::string& value) { return put(std::string_view(value)); }
  JsonText& put(double value);
  JsonText& put(bool value) { return raw(value ? "true" : "false"); }
  JsonText& put(std::nullopt_t) { return raw("null"); }
  template <typename Integer>
    requires std::is_integral_v<Integer>
  JsonText& put(Integer value) {
    return raw(std::to_string(value));
  }
  template <typename Value>
  JsonText& put(const std::optional<Value>& value) {
    return value ? put(*value) : raw("null");
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  JsonText& begin(char bracket);
  JsonText& end(char bracket);
  JsonText& name(std::string_view key);
  void separate();

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace shunt::insight
