// States become sightings.
#include "insight/findings/state_watch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

namespace shunt::insight {
namespace {

constexpr std::array<Kpi, 3> kHostKpis = {Kpi::cpu, Kpi::memory, Kpi::disk};

Sighting down(const SeriesName& series, double traffic, double capacity_lost, std::string reason) {
  Sighting seen;
  seen.series = series;
  seen.kpi = Kpi::up;
  seen.detector = "state";
  seen.traffic = traffic;
  seen.capacity_lost = capacity_lost;
  seen.expected_low = 1;
  seen.expected_high = 1;
  seen.reason = std::move(reason);
  return seen;
}

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", 100 * share);
  return text.data();
}

}  // namespace

void StateWatch::measure_traffic(const LiveState& live) {
  traffic_.clear();
  double all = 0;
  for (const LiveNode& node : live.nodes) {
    for (const LiveService& service : node.services) {
      const double rate =
          service.last.seconds > 0
              ? static_cast<double>(service.last.counts[KpiCount::opened]) / service.last.seconds
              : 0;
      traffic_[service.name.service] += rate;
      all += rate;
    }
  }
  for (auto& [name, part] : traffic_)
    part = all > 0 ? part / all : 1 / static_cast<double>(traffic_.size());
}

double StateWatch::traffic_of(const std::string& service) const {
  const auto found = traffic_.find(service);
  return found == traffic_.end() ? 0 : found->second;
}

void StateWatch::look_at_nodes(const LiveState& live, const Standing& standing,
                               std::vector<Sighting>& out) const {
  const auto& nodes = standing.nodes();
  const auto silent =
      std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return !node.second.up; });
  for (const auto& [name, node] : nodes) {
    if (node.up) continue;
    const double part = 1 / static_cast<double>(std::max<size_t>(1, live.nodes.size()));
    out.push_back(
        down({name, {}, {}, {}}, part, static_cast<double>(silent) * part,
             node.error.empty() ? "shuntd doesn't answer" : "shuntd doesn't answer: " + node.error));
  }
}

void StateWatch::look_at_services(const Standing& standing, std::vector<Sighting>& out) const {
  for (const auto& [name, service] : standing.services()) {
    const bool held = service.up == 0 && service.unknown > 0;
    if (!service.is_down() && !held) continue;
    Sighting seen =
        down({{}, name, {}, {}}, traffic_of(name), held ? 0 : 1,
             service.down == 1 ? "its only backend is down"
                               : "none of its " + std::to_string(service.down) + " backends is up");
    seen.slo_burn = 1 / std::max(1e-6, 1 - availability_);  // nothing ends well
    seen.opens = !held;
    out.push_back(std::move(seen));
  }
}

void StateWatch::look_at_backends(const Standing& standing, std::vector<Sighting>& out) const {
  for (const auto& [name, backend] : standing.backends()) {
    const bool unknown = backend.state == BackendState::unknown;
    if (backend.state != BackendState::down && !unknown) continue;
    const ServiceStanding& service = standing.services().at(name.service);
    const double part = service.weight > 0 ? backend.weight / service.weight : 0;
    Sighting seen = down(name, part * traffic_of(name.service), unknown ? 0 : service.capacity_lost,
                         backend.reason.empty() ? "its health checks fail" : backend.reason);
    seen.opens = !unknown;  // nobody knows: what was found stays
    out.push_back(std::move(seen));
  }
}

void StateWatch::look_at_hosts(const LiveState& live, const Standing& standing, std::vector<Sighting>& out) {
  std::erase_if(above_since_s_, [&](const auto& known) { return !live.hosts.contains(known.first); });
  const std::array<double, 3> limits = {thresholds_.cpu, thresholds_.memory, thresholds_.disk};
  for (const auto& [name, backend] : standing.backends()) {
    const auto host = live.hosts.find(backend.address);
    if (host == live.hosts.end()) continue;
    const HostNumbers& numbers = host->second;
    const std::array<std::optional<double>, 3> values = {numbers.cpu, numbers.memory, numbers.disk};
    auto& since = above_since_s_[backend.address];
    for (size_t i = 0; i < values.size(); ++i) {
      // What isn't known any more neither begins nor ends it.
      if (!numbers.stale && values[i]) {
        const bool above = *values[i] > limits[i];
        if (!above) since[i] = 0;
        if (above && since[i] == 0) since[i] = live.now_s;
      }
      if (since[i] == 0 || live.now_s - since[i] < kSustained_s || backend.is_set_aside()) continue;
      Sighting seen;
      seen.series = name;
      seen.kpi = kHostKpis[i];
      seen.detector = "threshold";
      seen.opens = !numbers.stale;
      seen.traffic = 0.25 * traffic_of(name.service);  // harm to come, not harm done
      seen.observed = values[i].value_or(limits[i]);
      seen.expected_high = limits[i];
      seen.reason = std::string(kpi_words(kHostKpis[i])) + " of " + backend.address + " at " +
                    percent(seen.observed) + ", above " + percent(limits[i]) + " for a minute";
      out.push_back(std::move(seen));
    }
  }
}

std::vector<Sighting> StateWatch::look(const LiveState& live, const Standing& standing) {
  std::vector<Sighting> found;
  measure_traffic(live);
  look_at_nodes(live, standing, found);
  look_at_services(standing, found);
  look_at_backends(standing, found);
  look_at_hosts(live, standing, found);
  return found;
}

}  // namespace shunt::insight
