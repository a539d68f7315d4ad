#include "control/agent_answer.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace shunt {
namespace {

constexpr std::string_view kBetween = " \t,";

// "75%" → 0.75; more than 100 % counts as that.
std::optional<double> share_of(std::string_view word) {
  if (word.size() < 2 || !word.ends_with('%')) return std::nullopt;
  word.remove_suffix(1);
  unsigned percent = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), percent);
  if (end != word.data() + word.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return 1;
  if (error != std::errc()) return std::nullopt;
  return std::min(percent, 100U) / 100.0;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [word](std::string_view each) {
    return std::ranges::equal(word, each,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  });
}

struct Said {
  bool anything = false;
  bool down = false;
  bool drain = false;
  double share = 1;

  void hear(std::string_view word) {
    const auto percent = share_of(word);
    const bool is_bad = is_one_of(word, {"down", "stopped", "fail", "failed", "maint"});
    const bool is_drain = is_one_of(word, {"drain"});
    anything |= percent || is_bad || is_drain || is_one_of(word, {"up", "ready"});
    down |= is_bad;
    drain |= is_drain;
    if (percent) share = std::min(share, *percent);
  }
};

}  // namespace

HealthResult agent_answer(std::string_view line) {
  Said said;
  std::string_view words = line.substr(0, line.find('#'));
  while (true) {
    const size_t begin = words.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) break;
    words.remove_prefix(begin);
    const size_t end = std::min(words.find_first_of(kBetween), words.size());
    said.hear(words.substr(0, end));
    words.remove_prefix(end);
  }
  const std::string quote = "agent: " + quoted(line);
  if (!said.anything)
    return bad(line.empty() ? "the agent says nothing" : "no word of an agent's: " + quoted(line));
  if (said.down) return bad(quote);
  HealthResult result = good(quote);
  result.share = said.drain ? 0 : said.share;
  return result;
}

}  // namespace shunt
