// Adding, and knowing who is missing.
#include "insight/findings/node_sum.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace shunt::insight {

void NodeSum::seen(const SeriesName& name, const std::string& node, int64_t begin_s) {
  Nodes& nodes = nodes_[name];
  for (auto& [known, last_s] : nodes) {
    if (known != node) continue;
    last_s = std::max(last_s, begin_s);
    return;
  }
  if (nodes.size() < kMostNodes) nodes.emplace_back(node, begin_s);
}

bool NodeSum::take(const ClosedCell& cell) {
  if (cell.begin_s < closed_until_s_ || cell.series == nullptr || *cell.series == other_series())
    return false;
  SeriesName name = *cell.series;
  const std::string node = std::exchange(name.node, {});
  if (!nodes_.contains(name) && nodes_.size() >= max_series_) return false;
  if (node.empty())
    nodes_.try_emplace(name);
  else
    seen(name, node, cell.begin_s);
  Part& part = pending_[cell.begin_s][name];
  ++part.nodes;
  SummedCell& sum = part.sum;
  sum.cell.merge(cell.cell);
  // Of an interval that was read in part the rate is that of the part, if it is half at least.
  const auto width = static_cast<double>(seconds_of(cell.resolution));
  // Nodes that were added already told of the same seconds, each for itself; how many flows they had at once
  // isn't known any more.
  const double seconds = node.empty() ? std::min<double>(cell.cell.seconds, width) : cell.cell.seconds;
  if (seconds * 2 >= width) {
    sum.flows += static_cast<double>(cell.cell.counts[KpiCount::opened]) / seconds;
    sum.active +=
        node.empty() ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(cell.cell.active_max);
  } else {
    sum.complete = false;
  }
  if (cell.cell.weight) {
    part.weights += *cell.cell.weight;
    ++part.weighed;
  }
  if (pending_.size() > kMostPending) pending_.erase(pending_.begin());
  return true;
}

std::optional<std::pair<int64_t, NodeSum::Interval>> NodeSum::close_next(int64_t before_s) {
  if (pending_.empty() || pending_.begin()->first >= before_s) return std::nullopt;
  auto node = pending_.extract(pending_.begin());
  const int64_t begin_s = node.key();
  Interval interval;
  for (auto& [name, part] : node.mapped()) {
    Nodes& nodes = nodes_[name];
    std::erase_if(nodes, [&](const auto& told) { return told.second < begin_s - kForgotten_s; });
    if (part.nodes < nodes.size()) part.sum.complete = false;
    if (part.weighed > 0) part.sum.weight = part.weights / static_cast<double>(part.weighed);
    interval.emplace_hint(interval.end(), name, std::move(part.sum));
  }
  std::erase_if(nodes_, [&](const auto& known) {
    return std::all_of(known.second.begin(), known.second.end(),
                       [&](const auto& told) { return told.second < begin_s - kForgotten_s; });
  });
  closed_until_s_ = begin_s + 1;
  return std::pair{begin_s, std::move(interval)};
}

}  // namespace shunt::insight
