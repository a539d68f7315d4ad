#include "insight/api/topology_json.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace shunt::insight {
namespace {

struct Flow {
  double flows = 0;  // a second
  double ended = 0;
  double failures = 0;

  void add(const KpiRates& rates) {
    flows += rates[KpiCount::opened];
    ended += rates.ended;
    failures += rates.failures;
  }
  // Of clients' countries only flows are known, not which of them ended.
  void add_country(double all, double failed) {
    flows += all;
    ended += all;
    failures += std::min(failed, all);
  }
  void put(JsonText& json) const {
    json.put("flows", flows).put("failure_ratio", ended > 0 ? std::optional(failures / ended) : std::nullopt);
  }
};

struct Countries {
  std::map<std::string, Flow> all;
  std::map<std::pair<std::string, std::string>, Flow> links;  // country, service

  void add(const std::string& country, const std::string& service, double flows, double failures) {
    all[country].add_country(flows, failures);
    links[{country, service}].add_country(flows, failures);
  }
};

using Backends = std::map<SeriesName, Flow>;
using Services = std::map<std::string, Flow>;

// Those with most flows stay, the others become "??".
Countries largest(const Countries& countries) {
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [country, flow] : countries.all)
    order.emplace_back(-flow.flows, country);
  std::ranges::sort(order);
  std::set<std::string> kept;
  for (size_t i = 0; i < std::min(order.size(), kTopologyCountries); ++i)
    kept.insert(order[i].second);
  Countries out;
  for (const auto& [link, flow] : countries.links)
    out.add(kept.contains(link.first) ? link.first : "??", link.second, flow.flows, flow.failures);
  return out;
}

std::string backend_id(const SeriesName& name) {
  return "backend:" + name.service + "/" + name.pool + "/" + name.backend;
}

class Drawing {
 public:
  Drawing(const LiveView& view, int64_t now_s) : view_(view) {
    json_.open().put("t", now_s).list("nodes");
    for (const BackendView& backend : view.backends)
      states_[backend.name] = state_name(backend.state);
  }

  std::string draw(const Countries& countries, const Services& services, const Backends& backends) {
    for (const auto& [country, flow] : countries.all)
      node("country:" + country, "country", country, "up", flow);
    for (const auto& [name, flow] : services) {
      const ServiceView* service = view_.find(name);
      node("service:" + name, "service", name, service == nullptr ? "unknown" : state_name(service->state),
           flow);
    }
    for (const auto& [name, flow] : backends) {
      const auto state = states_.find(name);
      node(backend_id(name), "backend", name.backend, state == states_.end() ? "unknown" : state->second,
           flow);
    }
    json_.end_list().list("links");
    for (const auto& [link, flow] : countries.links)
      if (services.contains(link.second)) this->link("country:" + link.first, "service:" + link.second, flow);
    for (const auto& [name, flow] : backends)
      link("service:" + name.service, backend_id(name), flow);
    json_.end_list().close();
    return json_.take();
  }

 private:
  void node(const std::string& id, const char* kind, const std::string& name, const char* state,
            const Flow& flow) {
    json_.open().put("id", id).put("kind", kind).put("name", name).put("state", state);
    flow.put(json_);
    json_.close();
  }
  void link(const std::string& from, const std::string& to, const Flow& flow) {
    json_.open().put("from", from).put("to", to);
    flow.put(json_);
    json_.close();
  }

  const LiveView& view_;
  std::map<SeriesName, const char*> states_;
  JsonText json_;
};

// A cell of the last ten seconds that knows no readings yet has no rates.
Flow flow_of(const KpiCell& cell) {
  Flow flow;
  flow.add(rates_of(cell));
  return flow;
}

}  // namespace

std::string live_topology_json(const LiveState& live, const LiveView& view) {
  Countries countries;
  for (const CountryRate& rate : live.countries)
    countries.add(std::string(rate.country.text()), rate.service, rate.flows, rate.failures);
  Services services;
  for (const ServiceView& service : view.services)
    services[service.name] = flow_of(service.recent);
  Backends backends;
  for (const BackendView& backend : view.backends)
    backends[backend.name] = flow_of(backend.recent);
  return Drawing(view, live.now_s).draw(largest(countries), services, backends);
}

std::string topology_json(const LiveView& view, int64_t now_s, const WindowFlows& flows) {
  // Of a service that is younger than the window there is less than that of clients, too.
  std::map<std::string, uint32_t> known_s;
  for (const SeriesTotal& total : flows.services)
    known_s[total.service] = total.total.seconds;
  Countries countries;
  for (const auto& [service, totals] : flows.countries) {
    const double seconds = std::max<uint32_t>(known_s[service], 1);
    for (const CountryTotal& total : totals)
      countries.add(total.country, service, static_cast<double>(total.flows) / seconds,
                    static_cast<double>(total.failures) / seconds);
  }
  Services services;
  for (const ServiceView& service : view.services)
    services[service.name];
  for (const SeriesTotal& total : flows.services)
    services[total.service] = flow_of(total.total);
  Backends backends;
  for (const BackendView& backend : view.backends)
    backends[backend.name];
  for (const SeriesTotal& total : flows.backends) {
    services[total.service];
    backends[{"", total.service, total.pool, total.backend}] = flow_of(total.total);
  }
  return Drawing(view, now_s).draw(largest(countries), services, backends);
}

std::string protocols_json(const LiveView& view, const std::vector<SeriesTotal>& services) {
  std::map<std::string, KpiRates> rates;
  for (const SeriesTotal& total : services)
    rates[total.service] = rates_of(total.total);
  JsonText json;
  json.open().list("protocols");
  for (const ServiceView& service : view.services) {
    const KpiRates& own = rates[service.name];
    json.open()
        .put("protocol", service.protocol)
        .put("port", service.port)
        .put("service", service.name)
        .put("flows", own[KpiCount::opened])
        .put("bytes", own[KpiCount::bytes])
        .put("reply_bytes", own[KpiCount::reply_bytes])
        .close();
  }
  json.end_list().close();
  return json.take();
}

}  // namespace shunt::insight
