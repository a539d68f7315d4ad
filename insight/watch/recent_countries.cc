#include "insight/watch/recent_countries.h"

#include <algorithm>

namespace shunt::insight {

void RecentCountries::take(const std::string& service, CountryCode country, uint64_t flows, bool has_failed) {
  auto found = pairs_.find({service, country});
  if (found == pairs_.end()) {
    const CountryCode kept = pairs_.size() < kMostPairs ? country : CountryCode{};
    found = pairs_.try_emplace({service, kept}).first;
  }
  Second& second = found->second.seconds[place(now_s_)];
  second.flows += flows;
  second.failures += has_failed ? 1 : 0;
}

void RecentCountries::advance(int64_t now_s) {
  if (now_s - now_s_ > kSeconds) {  // a jump: nothing of before is left
    pairs_.clear();
    now_s_ = now_s;
  }
  for (; now_s_ < now_s; ++now_s_) {
    for (auto& [key, pair] : pairs_) {
      const Second& over = pair.seconds[place(now_s_)];
      pair.sum.flows += over.flows;
      pair.sum.failures += over.failures;
      Second& oldest = pair.seconds[place(now_s_ + 1)];
      pair.sum.flows -= oldest.flows;
      pair.sum.failures -= oldest.failures;
      oldest = {};
    }
  }
  std::erase_if(pairs_, [](const auto& entry) { return entry.second.sum.flows == 0; });
}

std::vector<CountryRate> RecentCountries::rates() const {
  const auto seconds = static_cast<double>(std::clamp<int64_t>(now_s_ - begun_s_, 1, kSeconds));
  std::vector<CountryRate> all;
  for (const auto& [key, pair] : pairs_)
    all.push_back({key.first, key.second, static_cast<double>(pair.sum.flows) / seconds,
                   static_cast<double>(pair.sum.failures) / seconds});
  std::sort(all.begin(), all.end(), [](const CountryRate& a, const CountryRate& b) {
    if (a.flows != b.flows) return a.flows > b.flows;
    return a.service != b.service ? a.service < b.service : a.country < b.country;
  });
  return all;
}

}  // namespace shunt::insight
