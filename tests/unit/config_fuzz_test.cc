// 20,000 mutated configurations, by seed: none crashes, every diagnostic points into its file.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "control/config_load.h"
#include "tests/unit/config_samples.h"

namespace shunt {
namespace {

// Lines and columns of a text, as an editor counts them.
bool is_inside(std::string_view text, SourcePosition position) {
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (position.line < 1 || position.line > lines.size() || position.column < 1) return false;
  return position.column <= lines[position.line - 1].size() + 1;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // Bytes in half of the files; whole values and lines, which mostly stay TOML, in the others.
  std::string mutate(std::string text) {
    const bool bytes = below(2) == 0;
    for (size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
      if (bytes) {
        edit_bytes(text);
      } else {
        edit_lines(text);
      }
    }
    return text;
  }

 private:
  size_t below(size_t bound) { return static_cast<size_t>(random_() % bound); }

  void edit_bytes(std::string& text) {
    const size_t at = below(text.size());
    switch (below(4)) {
      case 0: {
        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << below(8)));
        break;
      }
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        text.insert(at, 1, "\"'[]{}=#,.\n\r\t\0\xff\xc3 0a-"[below(20)]);
        break;
      default:
        text.insert(at, text.substr(below(text.size()), 1 + below(40)));
        break;
    }
  }

  void edit_lines(std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      lines.push_back(line);
    std::string& one = lines[below(lines.size())];
    std::string& other = lines[below(lines.size())];
    switch (below(4)) {
      case 0:
        swap_behind_equals(one, other);
        break;
      case 1:
        one.clear();
        break;
      case 2:
        std::swap(one, other);
        break;
      default:
        change_letter(one);
        break;
    }
    text.clear();
    for (const std::string& line : lines)
      text += line + '\n';
  }

  // So that values land at keys of other types.
  static void swap_behind_equals(std::string& one, std::string& other) {
    const size_t at = one.find('=');
    const size_t other_at = other.find('=');
    if (at == std::string::npos || other_at == std::string::npos || &one == &other) return;
    const std::string value = one.substr(at);
    one.replace(at, std::string::npos, other.substr(other_at));
    other.replace(other_at, std::string::npos, value);
  }

  // Names, numbers and addresses stay what they are to TOML.
  void change_letter(std::string& line) {
    const size_t at = line.empty() ? 0 : below(line.size());
    if (at >= line.size()) return;
    if (line[at] >= '0' && line[at] <= '9') line[at] = static_cast<char>('0' + below(10));
    if (line[at] >= 'a' && line[at] <= 'z') line[at] = static_cast<char>('a' + below(26));
  }

  std::mt19937_64 random_;
};

TEST(ConfigFuzz, MutatedFilesGiveDiagnosticsInsideThem) {
  constexpr uint64_t kFirstSeed = 1;
  constexpr uint64_t kRuns = 20'000;
  uint64_t good = 0;
  uint64_t parsed = 0;
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kRuns; ++seed) {
    const std::string text = Mutator(seed).mutate(std::string(seed % 2 == 0 ? kFull : kMinimal));
    const LoadResult result = load_config(text, "shunt.toml");
    ASSERT_EQ(result.config.has_value(), result.errors.empty()) << "seed " << seed;
    good += result.config.has_value() ? 1U : 0U;
    const bool ended = result.errors.size() == 1 && (result.errors[0].id == DiagnosticId::syntax_error ||
                                                     result.errors[0].id == DiagnosticId::duplicate_key);
    parsed += ended ? 0U : 1U;
    for (const auto* list : {&result.errors, &result.warnings}) {
      for (const Diagnostic& one : *list) {
        ASSERT_TRUE(is_inside(text, one.position)) << "seed " << seed << ": " << one.text() << "\n" << text;
        ASSERT_LT(one.id, DiagnosticId::count);
        ASSERT_FALSE(one.message.empty());
      }
    }
  }
  // The mutations must reach past the parser, or they'd test toml++ only.
  EXPECT_GT(good, kRuns / 50);
  EXPECT_GT(parsed, kRuns / 5);
}

}  // namespace
}  // namespace shunt
