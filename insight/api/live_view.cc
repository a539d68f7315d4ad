#include "insight/api/live_view.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace shunt::insight {
namespace {

// How bad a state is; the worst of several nodes' words counts.
int gravity(BackendState state) {
  switch (state) {
    case BackendState::down:
      return 5;
    case BackendState::starting:
      return 4;
    case BackendState::drain:
      return 3;
    case BackendState::disabled:
      return 2;
    case BackendState::up:
      return 1;
    case BackendState::unknown:
      break;
  }
  return 0;
}

template <typename View, typename Live>
void add_numbers(View& view, const Live& live) {
  view.active += live.active;
  view.rates.add(live.last.counts, live.last.seconds);
  view.recent.add_beside(live.recent);
}

void describe(ServiceView& view, const LiveService& live) {
  view.name = live.name.service;
  view.vips = live.vips;
  view.protocol = live.protocol;
  view.port = live.port;
  view.mode = live.mode;
  view.scheduler = live.scheduler;
}

// Answers of nodes that are up replace what is left of those that aren't.
void add_word(BackendView& view, const LiveBackend& live, const LiveNode& node) {
  const BackendState state = node.up ? live.state : BackendState::unknown;
  if (!view.address.empty() && gravity(state) <= gravity(view.state)) return;
  view.address = live.address;
  view.port = live.port;
  view.state = state;
  view.reason = node.up ? live.reason : "node " + node.name + " doesn't answer";
  view.since_s = node.up ? live.since_s : node.since_s;
  view.weight = live.weight;
}

void judge(ServiceView& view, size_t wanted, size_t known) {
  if (known == 0 && view.backends > 0)
    view.state = ServiceState::unknown;
  else if (view.healthy == 0)
    view.state = ServiceState::down;
  else
    view.state = view.healthy < wanted ? ServiceState::degraded : ServiceState::up;
}

using ServiceMap = std::map<std::string, ServiceView>;
using BackendMap = std::map<SeriesName, BackendView>;

void add_node(const LiveNode& node, ServiceMap& services, BackendMap& backends, bool& is_known) {
  for (const LiveService& live : node.services) {
    ServiceView& view = services[live.name.service];
    if (view.name.empty() || node.up) describe(view, live);
    if (node.up) add_numbers(view, live);
    is_known |= node.up;
  }
  for (const LiveBackend& live : node.backends) {
    SeriesName name = live.name;
    name.node.clear();
    BackendView& view = backends[name];
    view.name = name;
    add_word(view, live, node);
    if (node.up) add_numbers(view, live);
  }
}

void judge_services(LiveView& view, ServiceMap& services, bool is_known) {
  struct Sums {
    size_t wanted = 0;  // that should serve
    size_t known = 0;
    uint64_t opened = 0;
  };
  std::map<std::string, Sums> sums;
  for (const BackendView& backend : view.backends) {
    ServiceView& service = services[backend.name.service];
    Sums& sum = sums[backend.name.service];
    ++service.backends;
    sum.opened += backend.recent.counts[KpiCount::opened];
    if (backend.state != BackendState::unknown) ++sum.known;
    if (backend.state == BackendState::up) ++service.healthy;
    if (backend.state != BackendState::disabled && backend.state != BackendState::drain) ++sum.wanted;
  }
  for (BackendView& backend : view.backends) {
    const uint64_t all = sums[backend.name.service].opened;
    if (all > 0)
      backend.share = static_cast<double>(backend.recent.counts[KpiCount::opened]) / static_cast<double>(all);
  }
  for (auto& [name, service] : services) {
    service.name = name;
    if (is_known || service.backends > 0) judge(service, sums[name].wanted, sums[name].known);
  }
}

}  // namespace

const char* state_name(ServiceState state) {
  static constexpr std::array<const char*, 4> kNames = {"up", "degraded", "down", "unknown"};
  return kNames[static_cast<size_t>(state)];
}

const char* state_name(BackendState state) {
  static constexpr std::array<const char*, 6> kNames = {"up",       "down",     "drain",
                                                        "disabled", "starting", "unknown"};
  return kNames[static_cast<size_t>(state)];
}

const ServiceView* LiveView::find(const std::string& service) const {
  const auto found = std::ranges::lower_bound(services, service, {}, &ServiceView::name);
  return found != services.end() && found->name == service ? &*found : nullptr;
}

LiveView view_of(const LiveState& live) {
  LiveView view;
  ServiceMap services;
  BackendMap backends;
  bool is_known = false;
  for (const LiveNode& node : live.nodes)
    add_node(node, services, backends, is_known);
  view.backends.reserve(backends.size());
  for (auto& [name, backend] : backends)
    view.backends.push_back(std::move(backend));
  judge_services(view, services, is_known);
  for (auto& [name, service] : services) {
    view.rates += service.rates;
    view.recent.add_beside(service.recent);
    view.active += service.active;
    view.services.push_back(std::move(service));
  }
  return view;
}

}  // namespace shunt::insight
