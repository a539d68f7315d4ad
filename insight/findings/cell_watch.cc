// Each series in what surrounds it.
#include "insight/findings/cell_watch.h"

#include <algorithm>

namespace shunt::insight {

// In the past nobody knows who was up: who had a weight was.
bool CellWatch::can_compare(const SeriesName& name, const SummedCell& cell, const Standing& standing) const {
  if (name.is_service() || !cell.complete || !(cell.weight.value_or(0) > 0)) return false;
  const BackendStanding* backend = standing.find(name);
  return backend == nullptr ? standing.now_s() == 0 : backend->is_steady(standing.now_s());
}

CellWatch::Services CellWatch::survey(const NodeSum::Interval& interval, const Standing& standing) const {
  Services services;
  for (const auto& [name, cell] : interval) {
    Service& service = services[name.service];
    if (name.is_service()) service.whole = &cell;
    if (!can_compare(name, cell, standing)) continue;
    service.serving_weight += *cell.weight;
    service.serving_flows += static_cast<double>(cell.cell.counts[KpiCount::opened]);
  }
  return services;
}

void CellWatch::judge_series(const SeriesName& name, const SummedCell& cell, int64_t begin_s,
                             const Standing& standing, Services& services, double all_flows, bool learning,
                             std::vector<Sighting>& out) {
  Service& service = services[name.service];
  const KpiCounts& counts = cell.cell.counts;
  SeriesInput input;
  input.name = &name;
  input.cell = &cell;
  input.begin_s = begin_s;
  input.traffic = all_flows > 0 ? std::min(1.0, cell.flows / all_flows) : 0;
  input.service_ended = (service.whole == nullptr ? cell : *service.whole).cell.counts.ended();
  input.budget = budget_;
  input.learning = learning;
  const BackendStanding* backend = name.is_service() ? nullptr : standing.find(name);
  input.judged = backend == nullptr || !backend->is_set_aside();
  const bool comparable = can_compare(name, cell, standing);
  const auto opened = static_cast<double>(counts[KpiCount::opened]);
  if (comparable && service.serving_flows > 0) {
    input.fair_share = *cell.weight / service.serving_weight;
    const bool alone = input.fair_share >= 1;
    if (!alone && input.fair_share * service.serving_flows >= kLeastFlows)
      input.share = opened / service.serving_flows;
  }
  SeriesWatch& watch = series_[name];
  watch.observe(input, out);
  if (!comparable) return;
  service.pools[name.pool].push_back({name, input.traffic, watch.failing(), watch.failing() / budget_,
                                      watch.median_connect(), counts.failures(), counts.ended(),
                                      counts[KpiCount::opened], *cell.weight});
}

std::vector<Sighting> CellWatch::judge(int64_t begin_s, const NodeSum::Interval& interval,
                                       const Standing& standing, bool learning) {
  std::vector<Sighting> found;
  Services services = survey(interval, standing);
  double all_flows = 0;
  for (const auto& [name, cell] : interval)
    all_flows += name.is_service() ? cell.flows : 0;
  for (const auto& [name, cell] : interval)
    judge_series(name, cell, begin_s, standing, services, all_flows, learning, found);
  for (const auto& [name, service] : services)
    for (const auto& [pool, backends] : service.pools)
      pools_[{name, pool}].observe(backends, learning, found);
  forget(begin_s);
  return found;
}

void CellWatch::forget(int64_t begin_s) {
  std::erase_if(series_, [&](const auto& known) { return known.second.last_s() < begin_s - kForgotten_s; });
  std::erase_if(pools_, [&](const auto& pool) {
    // Series are in the order of their names: the pool's first backend is where its name would be.
    const SeriesName first{{}, pool.first.first, pool.first.second, {}};
    const auto at = series_.lower_bound(first);
    return at == series_.end() || at->first.service != first.service || at->first.pool != first.pool;
  });
}

void CellWatch::accept(const SeriesName& series, Kpi kpi) {
  const auto watch = series_.find(series);
  if (watch != series_.end()) watch->second.accept(kpi);
  const auto pool = pools_.find({series.service, series.pool});
  if (pool != pools_.end()) pool->second.accept(series, kpi);
}

size_t CellWatch::detectors() const {
  size_t all = 3 * pools_.size();
  for (const auto& [name, watch] : series_)
    all += watch.detectors();
  return all;
}

}  // namespace shunt::insight
