#include "insight/watch/recent_cells.h"

namespace shunt::insight {

void RecentCells::take(const ClosedCell& closed) {
  if (closed.resolution != Resolution::second) return;
  std::vector<Second>& seconds = series_[closed.series->key()];
  if (seconds.size() >= static_cast<size_t>(kSeconds)) seconds.erase(seconds.begin());
  seconds.push_back({closed.begin_s, closed.cell});
}

void RecentCells::advance(int64_t now_s) {
  for (auto& [key, seconds] : series_)
    std::erase_if(seconds, [&](const Second& second) { return second.begin_s < now_s - kSeconds; });
  std::erase_if(series_, [](const auto& entry) { return entry.second.empty(); });
}

void RecentCells::add_to(KpiCell& into, const std::string& key, int64_t from_s) const {
  const auto found = series_.find(key);
  if (found == series_.end()) return;
  for (const Second& second : found->second) {
    if (second.begin_s >= from_s) into.merge(second.cell);
  }
}

}  // namespace shunt::insight
