// ConfigProblems: what is wrong with a configuration file, each with its place.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::insight {

struct ConfigProblem {
  uint32_t line = 0;  // from 1; 0: of the file as a whole
  uint32_t column = 0;
  std::string what;
};

class ConfigProblems {
 public:
  explicit ConfigProblems(std::string file) : file_(std::move(file)) {}

  void add(const toml::source_region& where, std::string what);
  void add(std::string what);  // of the file as a whole

  bool empty() const { return problems_.empty(); }
  // "insight.toml:3:1: …", by place.
  std::vector<std::string> texts() const;

 private:
  std::string file_;
  std::vector<ConfigProblem> problems_;
};

// `text` in backticks, without what can't be printed, at most 60 bytes.
std::string quoted(std::string_view text);

}  // namespace shunt::insight
