// Opening, growing, closing.
#include "insight/findings/anomaly_book.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace shunt::insight {
namespace {

constexpr double kBudget_s = 30 * 86'400.0;  // how long an error budget lasts at a burn of 1
constexpr double kSpentLately_s = 3'600;

Impact impact_of(const Sighting& sighting, int64_t duration_s, double spent_s = 0) {
  return {sighting.p_value,    static_cast<double>(duration_s), sighting.traffic, sighting.slo_burn,
          spent_s / kBudget_s, sighting.capacity_lost};
}

void describe(FoundAnomaly& found, const Sighting& sighting) {
  found.detector = sighting.detector;
  found.anomaly.observed = sighting.observed;
  found.anomaly.expected_low = sighting.expected_low;
  found.anomaly.expected_high = sighting.expected_high;
  found.anomaly.reason = sighting.reason;
}

int64_t quiet_of(Kpi kpi) {
  return kpi == Kpi::up ? AnomalyBook::kStateQuiet_s : AnomalyBook::kQuiet_s;
}

}  // namespace

void AnomalyBook::restore(std::vector<FoundAnomaly> anomalies, int64_t last_id) {
  last_id_ = std::max(last_id_, last_id);
  std::sort(anomalies.begin(), anomalies.end(),
            [](const FoundAnomaly& a, const FoundAnomaly& b) { return a.id < b.id; });
  for (FoundAnomaly& anomaly : anomalies) {
    last_id_ = std::max(last_id_, anomaly.id);
    const Key key{anomaly.series, anomaly.anomaly.kpi};
    if (anomaly.open && (open_.size() >= kMostOpen || open_.contains(key))) {
      anomaly.open = false;
      store(anomaly);
    }
    // When it was seen last is the first tick.
    if (anomaly.open) open_.emplace(key, Open{anomaly.id, 0, 0, 0});
    all_.push_back(std::move(anomaly));
  }
  forget_old();
}

FoundAnomaly* AnomalyBook::by_id(int64_t id) {
  const auto at =
      std::lower_bound(all_.begin(), all_.end(), id,
                       [](const FoundAnomaly& anomaly, int64_t wanted) { return anomaly.id < wanted; });
  return at != all_.end() && at->id == id ? &*at : nullptr;
}

const FoundAnomaly* AnomalyBook::find(int64_t id) const {
  const auto at =
      std::lower_bound(all_.begin(), all_.end(), id,
                       [](const FoundAnomaly& anomaly, int64_t wanted) { return anomaly.id < wanted; });
  return at != all_.end() && at->id == id ? &*at : nullptr;
}

void AnomalyBook::store(const FoundAnomaly& found) const {
  AnomalyRow row;
  row.id = found.id;
  row.opened_s = found.anomaly.start_s;
  if (!found.open) row.closed_s = found.anomaly.end_s;
  row.series = std::make_shared<const SeriesName>(found.series);
  row.kpi = kpi_name(found.anomaly.kpi);
  row.score = found.anomaly.score;
  row.severity = severity_name(found.anomaly.severity);
  row.detector = found.detector;
  row.expected_low = found.anomaly.expected_low;
  row.expected_high = found.anomaly.expected_high;
  row.observed = found.anomaly.observed;
  row.reason = found.anomaly.reason;
  row.incident = found.incident;
  put_(std::move(row));
}

void AnomalyBook::open_one(int64_t now_s, const Sighting& sighting) {
  if (open_.size() >= kMostOpen) {
    ++passed_over_;
    return;
  }
  FoundAnomaly found;
  found.id = next_id();
  found.series = sighting.series;
  found.anomaly.subject = {sighting.series.service, sighting.series.backend};
  found.anomaly.kpi = sighting.kpi;
  found.anomaly.start_s = now_s;
  found.anomaly.end_s = now_s;
  found.anomaly.score = severity_score(impact_of(sighting, 0));
  found.anomaly.severity = severity_of(impact_of(sighting, 0));
  describe(found, sighting);
  store(found);
  open_.emplace(Key{sighting.series, sighting.kpi}, Open{found.id, now_s, now_s, 0});
  all_.push_back(std::move(found));
  ++changes_;
  forget_old();
}

void AnomalyBook::Open::spend(int64_t now_s, double burn) {
  const auto passed_s = static_cast<double>(seen_s == 0 ? 0 : now_s - seen_s);
  spent_s = spent_s * std::exp(-passed_s / kSpentLately_s) + burn * passed_s;
}

void AnomalyBook::grow(int64_t now_s, Open& open, const Sighting& sighting) {
  FoundAnomaly& found = *by_id(open.id);
  Anomaly& anomaly = found.anomaly;
  open.spend(now_s, sighting.slo_burn);
  open.seen_s = now_s;
  anomaly.end_s = std::max(anomaly.end_s, now_s);
  const Impact impact = impact_of(sighting, now_s - anomaly.start_s, open.spent_s);
  const double before = anomaly.score;
  const Severity severity = std::max(anomaly.severity, severity_of(impact));
  // What merely lasts is the same sight, only longer.
  if (sighting.opens && severity_score(impact_of(sighting, 0)) > before) describe(found, sighting);
  anomaly.score = std::max(before, severity_score(impact));
  const bool worse = severity > anomaly.severity;
  anomaly.severity = severity;
  if (worse) ++changes_;
  if (!worse && now_s - open.stored_s < kStored_s) return;
  open.stored_s = now_s;
  store(found);
}

void AnomalyBook::take(int64_t now_s, const Sighting& sighting) {
  const Key key{sighting.series, sighting.kpi};
  const auto accepted = accepted_.find(key);
  if (accepted != accepted_.end()) {
    accepted->second = now_s;
    return;
  }
  const auto open = open_.find(key);
  if (open != open_.end())
    grow(now_s, open->second, sighting);
  else if (sighting.opens)
    open_one(now_s, sighting);
}

void AnomalyBook::close(FoundAnomaly& anomaly) {
  anomaly.open = false;
  store(anomaly);
  ++changes_;
}

void AnomalyBook::close_quiet(int64_t now_s) {
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    if (open.seen_s == 0) open.seen_s = now_s;
    if (now_s - open.seen_s < quiet_of(at->first.second)) {
      ++at;
      continue;
    }
    close(*by_id(open.id));
    at = open_.erase(at);
  }
  std::erase_if(accepted_, [&](const auto& accepted) {
    return now_s - accepted.second >= quiet_of(accepted.first.second);
  });
  forget_old();
}

const FoundAnomaly* AnomalyBook::accept(int64_t now_s, int64_t id) {
  const auto open =
      std::find_if(open_.begin(), open_.end(), [&](const auto& one) { return one.second.id == id; });
  if (open == open_.end()) return nullptr;
  accepted_[open->first] = now_s;
  open_.erase(open);
  FoundAnomaly& anomaly = *by_id(id);
  anomaly.accepted = true;
  anomaly.anomaly.end_s = std::max(anomaly.anomaly.end_s, now_s);
  anomaly.anomaly.reason += " (accepted as expected)";
  close(anomaly);
  return &anomaly;
}

void AnomalyBook::set_incident(int64_t id, int64_t incident) {
  FoundAnomaly* anomaly = by_id(id);
  if (anomaly == nullptr || anomaly->incident == incident) return;
  anomaly->incident = incident;
  store(*anomaly);
}

void AnomalyBook::forget_old() {
  size_t closed = all_.size() - open_.size();
  // Open ones among them stay; the oldest closed ones go.
  for (auto at = all_.begin(); closed > kMostClosed && at != all_.end();) {
    if (at->open) {
      ++at;
      continue;
    }
    at = all_.erase(at);
    --closed;
  }
}

}  // namespace shunt::insight
