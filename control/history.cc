#include "control/history.h"

#include <algorithm>

namespace shunt {

void History::change(uint64_t generation, Cause cause, std::string summary, std::vector<std::string> lines,
                     DesiredState state, Clock::time_point at) {
  if (lines.size() > kLines) {
    const size_t more = lines.size() - kLines + 1;
    lines.resize(kLines - 1);
    lines.push_back("… and " + std::to_string(more) + " more");
  }
  rows_.push_back(
      {generation, generation, at, std::move(cause), std::move(summary), std::move(lines), false, false});
  states_.push_back({generation, std::move(state)});
  newest_ = generation;
  trim();
}

void History::observe(uint64_t generation, const std::string& what, Clock::time_point at) {
  newest_ = generation;
  if (rows_.empty() || !rows_.back().observed) {
    rows_.push_back({generation, generation, at, {"shuntd", "observed"}, {}, {}, true, false});
  }
  HistoryRow& row = rows_.back();
  row.generation = generation;
  row.at = at;
  const uint64_t count = generation - row.first + 1;
  if (!what.empty()) row.lines = {what};
  row.summary = std::to_string(count) + (count == 1 ? " publication" : " publications") +
                " for health and routes" + (row.lines.empty() ? "" : ", last " + row.lines.back());
  trim();
}

void History::trim() {
  if (rows_.size() > kRows) rows_.pop_front();
  if (states_.size() > kStates) states_.pop_front();
}

std::vector<HistoryRow> History::rows() const {
  std::vector<HistoryRow> all(rows_.rbegin(), rows_.rend());
  for (HistoryRow& row : all)
    row.can_roll_back = !states_.empty() && row.generation >= states_.front().first;
  return all;
}

std::optional<DesiredState> History::state_at(uint64_t generation) const {
  if (generation > newest_) return std::nullopt;
  const auto after = std::ranges::upper_bound(states_, generation, {}, &Kept::first);
  if (after == states_.begin()) return std::nullopt;
  return std::prev(after)->state;
}

std::string History::kept_text() const {
  if (states_.empty()) return "none";
  return std::to_string(states_.front().first) + " to " + std::to_string(newest_);
}

}  // namespace shunt
