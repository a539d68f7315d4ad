// Places, values, and what matters of what is far.
#include "insight/findings/pool_watch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "insight/detect/tail_probability.h"
#include "insight/findings/history_watch.h"

namespace shunt::insight {
namespace {

constexpr std::array<Kpi, 3> kPeerKpis = {Kpi::latency, Kpi::failures, Kpi::share};
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kPlaces = 8;  // at a time
constexpr double kLeastSlower_us = 500;
constexpr uint64_t kLeastEnded = 30;   // flows, before a ratio says something
constexpr double kLeastFlows = 10;     // of the middle backend
constexpr double kLeastUsual = 0.005;  // failures that siblings are always allowed
constexpr double kRarest = 1e-3;       // within a day

// In the unit of the KPI, with words.
std::string words(Kpi kpi, const PeerVerdict& verdict) {
  const std::string text = peer_words(verdict);
  if (kpi == Kpi::latency) return "median of handshakes in µs: " + text;
  if (kpi == Kpi::failures) return "share of flows that failed: " + text;
  return "flows for each unit of its weight: " + text;
}

// Who suffers: as in series_watch.cc.
void weigh(const PeerInput& backend, Sighting& seen) {
  if (seen.kpi == Kpi::failures) {
    seen.traffic = backend.failing;
    seen.slo_burn = backend.slo_burn;
  } else {
    seen.traffic = backend.traffic * (seen.kpi == Kpi::latency ? 0.5 : 0.25);
  }
}

}  // namespace

PoolWatch::Counts PoolWatch::Member::sum() const {
  Counts all;
  for (const Counts& counts : recent) {
    all.failures += counts.failures;
    all.ended += counts.ended;
  }
  return all;
}

void PoolWatch::make_room(const std::vector<PeerInput>& backends) {
  const auto is_new = [&](const PeerInput& backend) { return !place_of_.contains(backend.name.backend); };
  const auto wanted = static_cast<size_t>(std::count_if(backends.begin(), backends.end(), is_new));
  if (used_ + wanted > places_) {
    place_of_.clear();
    used_ = 0;
    places_ = (backends.size() / kPlaces + 1) * kPlaces;
    members_.assign(places_, Member{});
    for (auto& peers : peers_)
      peers = std::make_unique<PeerOutlier>(places_);
  }
  for (const PeerInput& backend : backends)
    if (is_new(backend)) place_of_.emplace(backend.name.backend, used_++);
}

void PoolWatch::count(const std::vector<PeerInput>& backends) {
  for (const PeerInput& backend : backends) {
    Member& member = members_[place_of_.at(backend.name.backend)];
    member.recent[member.next] = {backend.failures, backend.ended};
    member.next = (member.next + 1) % kSpan;
  }
}

std::vector<double> PoolWatch::values(const std::vector<PeerInput>& backends, Kpi kpi) {
  std::vector<double> values(places_, kMissing);
  std::vector<uint64_t> opened;
  for (const PeerInput& backend : backends)
    opened.push_back(backend.opened);
  std::sort(opened.begin(), opened.end());
  const bool busy = !opened.empty() && static_cast<double>(opened[opened.size() / 2]) >= kLeastFlows;
  for (const PeerInput& backend : backends) {
    const size_t place = place_of_.at(backend.name.backend);
    const Counts counts = members_[place].sum();
    if (kpi == Kpi::latency) values[place] = backend.median_us;
    if (kpi == Kpi::failures && counts.ended >= kLeastEnded)
      values[place] = static_cast<double>(counts.failures) / static_cast<double>(counts.ended);
    if (kpi == Kpi::share && busy && backend.weight > 0)
      values[place] = static_cast<double>(backend.opened) / backend.weight;
  }
  return values;
}

// Far isn't enough: siblings that agree to the last digit make any difference far.
bool PoolWatch::matters(const std::vector<PeerInput>& backends, const PeerInput& backend, Kpi kpi,
                        const PeerVerdict& verdict, double& p_value) {
  if (kpi == Kpi::latency)
    return verdict.distance > 0 &&
           verdict.observed - (verdict.expected_low + verdict.expected_high) / 2 > kLeastSlower_us;
  if (kpi == Kpi::share) return true;
  Counts others;
  for (const PeerInput& sibling : backends) {
    if (sibling.name == backend.name) continue;
    const Counts counts = members_[place_of_.at(sibling.name.backend)].sum();
    others.failures += counts.failures;
    others.ended += counts.ended;
  }
  const Counts own = members_[place_of_.at(backend.name.backend)].sum();
  if (others.ended == 0 || own.ended == 0) return false;
  const double usual =
      std::max(kLeastUsual, static_cast<double>(others.failures) / static_cast<double>(others.ended));
  if (static_cast<double>(own.failures) <= usual * static_cast<double>(own.ended)) return false;
  p_value = std::min(1.0, binomial_tail(own.failures, own.ended, usual) * HistoryWatch::kValuesADay);
  return p_value <= kRarest;
}

void PoolWatch::observe(const std::vector<PeerInput>& backends, bool learning, std::vector<Sighting>& out) {
  make_room(backends);
  count(backends);
  double all_opened = 0;
  for (const PeerInput& backend : backends)
    all_opened += static_cast<double>(backend.opened);
  for (size_t i = 0; i < kKpis; ++i) {
    const Kpi kpi = kPeerKpis[i];
    const auto verdicts = peers_[i]->observe(values(backends, kpi));
    if (learning) continue;
    for (const PeerInput& backend : backends) {
      const PeerVerdict& verdict = verdicts[place_of_.at(backend.name.backend)];
      double p_value = verdict.p_value;
      if (!verdict.outlier || !matters(backends, backend, kpi, verdict, p_value)) continue;
      // Flows by weight are told as the share that they are.
      const double unit = kpi == Kpi::share ? backend.weight / std::max(1.0, all_opened) : 1;
      Sighting seen;
      seen.series = backend.name;
      seen.kpi = kpi;
      seen.detector = "peer";
      seen.p_value = p_value;
      weigh(backend, seen);
      seen.observed = verdict.observed * unit;
      seen.expected_low = std::max(0.0, verdict.expected_low * unit);
      seen.expected_high = std::max(0.0, verdict.expected_high * unit);
      seen.reason = words(kpi, verdict);
      out.push_back(std::move(seen));
    }
  }
}

void PoolWatch::accept(const SeriesName& name, Kpi kpi) {
  const auto place = place_of_.find(name.backend);
  if (place == place_of_.end()) return;
  for (size_t i = 0; i < kKpis; ++i)
    if (kPeerKpis[i] == kpi) peers_[i]->accept(place->second);
}

}  // namespace shunt::insight
