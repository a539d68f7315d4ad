// HeavyHitters: who counts most, in bounded memory (SpaceSaving: Metwally, Agrawal, El Abbadi 2005).
//
// Owner: one thread. Bound: `capacity` names. Whoever has more than a share of 1/capacity is among them, and
// a count is too large by at most its `error`. Cost: a hash lookup; for a newcomer a walk over all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace shunt::insight {

struct HeavyHitter {
  std::string name;
  uint64_t count = 0;  // never too small
  uint64_t error = 0;  // count less error is never too large
  bool operator==(const HeavyHitter&) const = default;
};

class HeavyHitters {
 public:
  explicit HeavyHitters(size_t capacity = 64) : capacity_(capacity) {}

  void add(const std::string& name, uint64_t times = 1) {
    const auto found = places_.find(name);
    if (found != places_.end()) {
      all_[found->second].count += times;
      return;
    }
    if (all_.size() < capacity_) {
      places_.emplace(name, all_.size());
      all_.push_back({name, times, 0});
      return;
    }
    const auto least = std::min_element(all_.begin(), all_.end(),
                                        [](const auto& a, const auto& b) { return a.count < b.count; });
    places_.erase(least->name);
    places_.emplace(name, static_cast<size_t>(least - all_.begin()));
    *least = {name, least->count + times, least->count};
  }

  // At most `most`, the largest first, equal ones by name.
  std::vector<HeavyHitter> largest(size_t most) const {
    std::vector<HeavyHitter> sorted = all_;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return a.count != b.count ? a.count > b.count : a.name < b.name;
    });
    sorted.resize(std::min(sorted.size(), most));
    return sorted;
  }

 private:
  size_t capacity_;
  std::vector<HeavyHitter> all_;
  std::unordered_map<std::string, size_t> places_;
};

}  // namespace shunt::insight
