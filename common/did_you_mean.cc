// Edit distance with two kept rows.
#include "common/did_you_mean.h"

#include <algorithm>
#include <vector>

namespace shunt {
namespace {

constexpr size_t kLongestName = 64;  // longer names have no near misses: keeps the cost bounded

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.size() < 2 || name.size() > kLongestName) return {};
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  std::string_view best;
  const std::string wanted = lower(name);
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    const size_t distance = edit_distance(wanted, lower(candidate));
    if (candidate == name || distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  if (!best.empty() || name.size() < 3) return best;
  const auto longer = std::find_if(candidates.begin(), candidates.end(), [&](std::string_view candidate) {
    return candidate.size() > name.size() && candidate.starts_with(wanted);
  });
  return longer == candidates.end() ? best : *longer;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::string_view best = nearest(name, candidates);
  if (best.empty()) return {};
  return "did you mean `" + std::string(best) + "`?";
}

}  // namespace shunt
