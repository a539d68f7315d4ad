#include "insight/config/config_problems.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace shunt::insight {
namespace {
constexpr size_t kLongestQuote = 60;
}  // namespace

void ConfigProblems::add(const toml::source_region& where, std::string what) {
  problems_.push_back({where.begin.line, where.begin.column, std::move(what)});
}

void ConfigProblems::add(std::string what) {
  problems_.push_back({0, 0, std::move(what)});
}

std::vector<std::string> ConfigProblems::texts() const {
  std::vector<size_t> order(problems_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [&](size_t i) { return std::tuple(problems_[i].line, problems_[i].column, i); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  std::vector<std::string> all;
  for (const size_t i : order) {
    const ConfigProblem& problem = problems_[i];
    const std::string place = problem.line == 0
                                  ? std::string()
                                  : ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
    all.push_back(file_ + place + ": " + problem.what);
  }
  return all;
}

std::string quoted(std::string_view text) {
  std::string shown(text.substr(0, kLongestQuote));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20U || c == 0x7f) c = '?';
  }
  return '`' + shown + (shown.size() < text.size() ? "…" : "") + '`';
}

}  // namespace shunt::insight
