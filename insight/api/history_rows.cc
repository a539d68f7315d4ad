// Rows of what the warehouse knows.
#include "insight/api/api_rows.h"
#include "insight/api/heatmap_json.h"
#include "insight/api/query_reader.h"
#include "insight/api/topology_json.h"

namespace shunt::insight {
namespace {

using Answer = std::function<void(ApiResponse)>;
using Whose = WarehouseReader::Whose;

constexpr int64_t kHour = 3'600;
constexpr int64_t kLiveWindow = 60;  // seconds: up to here the topology is what is known now
constexpr size_t kCountries = 300;
constexpr size_t kPrefixes = 100;
constexpr uint64_t kUsualPoints = 300;

const ApiParameter kService = {"service", "text", "Only of this service"};
const ApiParameter kPool = {"pool", "text", "The backend's pool"};
const ApiParameter kBackend = {"backend", "text", "Only of this backend"};
const ApiParameter kFrom = {"from", "uint", "Seconds since 1970"};
const ApiParameter kTo = {"to", "uint", "Seconds since 1970; now by default"};
const ApiParameter kWindow = {"window", "uint", "Seconds up to now: 10 to 31 days"};

// A pool without a backend, or the other way round, is no series.
std::optional<ApiResponse> half_a_backend(const SeriesQuestion& question) {
  if (question.pool.empty() == question.backend.empty() &&
      (question.backend.empty() || !question.service.empty()))
    return std::nullopt;
  return problem(400, "a backend is named by service, pool and backend");
}

void kpis(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.window(300);
  if (query.complaint()) return answer(*query.complaint());
  const std::string service = query.text("service");
  const auto ask = [range, service, now = state.now_s(),
                    objective = state.availability](WarehouseReader& reader) -> Result<std::string> {
    auto totals = reader.service_totals(service, range, now);
    if (!totals) return totals.error();
    const int64_t width = range.to_s - range.from_s;
    auto before = reader.service_totals(service, {range.from_s - width, range.from_s}, now);
    if (!before) return before.error();
    return kpis_json({range, totals.take(), before.take(), objective});
  };
  ask_desk(state, service, ask, answer);
}

void time_series(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.range(kHour);
  const size_t points = query.number("points", 3, WarehouseReader::kMostPoints, kUsualPoints);
  const SeriesQuestion question{query.text("service"), query.text("node"), query.text("pool"),
                                query.text("backend")};
  if (query.complaint()) return answer(*query.complaint());
  if (const auto complaint = half_a_backend(question)) return answer(*complaint);
  const auto ask = [range, points, question,
                    now = state.now_s()](WarehouseReader& reader) -> Result<std::string> {
    const Result<TimeSeries> series = reader.time_series(question, range, now, points);
    if (!series) return series.error();
    return time_series_json(series.value(), range);
  };
  ask_desk(state, question.service, ask, answer);
}

void hosts(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.range(kHour);
  const std::string pool = query.needed("pool");
  const std::string backend = query.needed("backend");
  if (query.complaint()) return answer(*query.complaint());
  const auto ask = [range, pool, backend,
                    thresholds = state.thresholds](WarehouseReader& reader) -> Result<std::string> {
    const Result<HostHistory> history = reader.hosts(pool, backend, range);
    if (!history) return history.error();
    return hosts_json(history.value(), thresholds);
  };
  ask_desk(state, "", ask, answer);
}

// One service's or backend's times.
void latency_heatmap(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.range(kHour);
  const bool is_connect = query.choice("timing", {"connect", "response"}, "connect") == "connect";
  const SeriesQuestion question{query.text("service"), "", query.text("pool"), query.text("backend")};
  if (query.complaint()) return answer(*query.complaint());
  if (const auto complaint = half_a_backend(question)) return answer(*complaint);
  const auto ask = [range, question, is_connect,
                    now = state.now_s()](WarehouseReader& reader) -> Result<std::string> {
    const Result<TimeSeries> series = reader.time_series(question, range, now, kHeatmapColumns);
    if (!series) return series.error();
    return latency_heatmap_json(series.value(), range, is_connect);
  };
  ask_desk(state, question.service, ask, answer);
}

void pool_heatmap(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.range(kHour);
  const std::string service = query.needed("service");
  const std::string kpi = query.choice("kpi", {"flows", "failure_ratio", "connect_p95_us"}, "flows");
  if (query.complaint()) return answer(*query.complaint());
  const HeatmapKpi which = kpi == "flows"           ? HeatmapKpi::flows
                           : kpi == "failure_ratio" ? HeatmapKpi::failure_ratio
                                                    : HeatmapKpi::connect_p95_us;
  const auto ask = [range, service, which,
                    now = state.now_s()](WarehouseReader& reader) -> Result<std::string> {
    const Sketches sketches = which == HeatmapKpi::connect_p95_us ? Sketches::connect : Sketches::none;
    const auto series = reader.backend_series(service, range, now, kHeatmapColumns, kHeatmapRows, sketches);
    if (!series) return series.error();
    return pool_heatmap_json(series.value(), range, which);
  };
  ask_desk(state, service, ask, answer);
}

void heatmap(ApiState& state, const ApiCall& call, const Answer& answer) {
  if (call.query.contains("kpi"))
    pool_heatmap(state, call, answer);
  else
    latency_heatmap(state, call, answer);
}

Result<WindowFlows> window_flows(WarehouseReader& reader, TimeRange range, int64_t now,
                                 const std::vector<std::string>& names) {
  auto services = reader.counts(Whose::services, "", range, now);
  if (!services) return services.error();
  auto backends = reader.counts(Whose::backends, "", range, now);
  if (!backends) return backends.error();
  WindowFlows flows{services.take(), backends.take(), {}};
  for (const std::string& name : names) {
    auto countries = reader.countries(name, range, kCountries);
    if (!countries) return countries.error();
    flows.countries.emplace_back(name, countries.take());
  }
  return flows;
}

void topology(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.window(kLiveWindow);
  if (query.complaint()) return answer(*query.complaint());
  if (range.to_s - range.from_s <= kLiveWindow)
    return answer(json_answer(live_topology_json(state.live, state.view)));
  std::vector<std::string> names;
  for (const ServiceView& service : state.view.services)
    names.push_back(service.name);
  using Made = Result<std::function<ApiResponse()>>;
  state.desk.ask(
      [&state, range, names, now = state.now_s()](WarehouseReader& reader) -> Made {
        auto flows = window_flows(reader, range, now, names);
        if (!flows) return flows.error();
        return std::function<ApiResponse()>(
            [&state, now, made = flows.take()] { return json_answer(topology_json(state.view, now, made)); });
      },
      answer);
}

void protocols(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.window(300);
  if (query.complaint()) return answer(*query.complaint());
  using Made = Result<std::function<ApiResponse()>>;
  state.desk.ask(
      [&state, range, now = state.now_s()](WarehouseReader& reader) -> Made {
        auto totals = reader.counts(Whose::services, "", range, now);
        if (!totals) return totals.error();
        return std::function<ApiResponse()>(
            [&state, made = totals.take()] { return json_answer(protocols_json(state.view, made)); });
      },
      answer);
}

void retries(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.window(300);
  if (query.complaint()) return answer(*query.complaint());
  const std::string service = query.text("service");
  const auto ask = [range, service, now = state.now_s()](WarehouseReader& reader) -> Result<std::string> {
    auto services = reader.counts(Whose::services, service, range, now);
    if (!services) return services.error();
    auto backends = reader.counts(Whose::backends, service, range, now);
    if (!backends) return backends.error();
    auto attempts = reader.attempts(service, range);
    if (!attempts) return attempts.error();
    return retries_json({range, services.take(), backends.take(), attempts.take()});
  };
  ask_desk(state, service, ask, answer);
}

void geo(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.window(kHour);
  if (query.complaint()) return answer(*query.complaint());
  const std::string service = query.text("service");
  const auto ask = [range, service](WarehouseReader& reader) -> Result<std::string> {
    const auto countries = reader.countries(service, range, kCountries);
    if (!countries) return countries.error();
    return geo_json(countries.value(), range);
  };
  ask_desk(state, service, ask, answer);
}

void prefixes(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.window(kHour);
  if (query.complaint()) return answer(*query.complaint());
  const std::string service = query.text("service");
  const auto ask = [range, service](WarehouseReader& reader) -> Result<std::string> {
    const Result<ClientTotals> clients = reader.clients(service, range, kPrefixes);
    if (!clients) return clients.error();
    return prefixes_json(clients.value());
  };
  ask_desk(state, service, ask, answer);
}

void export_csv(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = query.range(kHour);
  const std::string view = query.needed("view");
  if (query.complaint()) return answer(*query.complaint());
  const std::vector<std::string>& views = WarehouseReader::views();
  if (std::ranges::find(views, view) == views.end())
    return answer(problem(404, "no view has the name \"" + view + "\"", {{"choices", views}}));
  state.exports.start(view, range, answer);
}

using Asked = void (*)(ApiState&, const ApiCall&, const Answer&);

ApiRoute row(ApiState& state, const char* pattern, const char* summary, const char* answer, Asked asked,
             std::vector<ApiParameter> parameters) {
  ApiRoute made =
      later_row(pattern, summary, answer,
                [&state, asked](const ApiCall& call, const Answer& reply) { asked(state, call, reply); });
  made.parameters = std::move(parameters);
  return made;
}

}  // namespace

std::vector<ApiRoute> history_rows(ApiState& state) {
  std::vector<ApiRoute> rows = {
      row(state, "/api/v1/kpis", "Flows, failures and times over a window, and the one before", "Kpis", kpis,
          {kWindow, kService}),
      row(state, "/api/v1/timeseries", "One series over time", "TimeSeries", time_series,
          {kFrom,
           kTo,
           kService,
           kPool,
           kBackend,
           {"node", "text", "Only at this node"},
           {"points", "uint", "At most so many: 3 to 1000, 300 by default"}}),
      row(state, "/api/v1/hosts", "A backend's own numbers over time", "HostSeries", hosts,
          {kPool, kBackend, kFrom, kTo}),
      row(state, "/api/v1/heatmap", "How times are spread over time; with kpi: all backends of a service",
          "Heatmap", heatmap,
          {kService,
           kPool,
           kBackend,
           {"timing", "text", "connect or response"},
           {"kpi", "text", "flows, failure_ratio or connect_p95_us"},
           kFrom,
           kTo}),
      row(state, "/api/v1/topology", "Countries, services and backends, and the flows between them",
          "Topology", topology, {kWindow}),
      row(state, "/api/v1/protocols", "What is spoken at which port", "Protocols", protocols, {kWindow}),
      row(state, "/api/v1/retries", "How often clients try again", "Retries", retries, {kWindow, kService}),
      row(state, "/api/v1/geo", "Where clients are", "Geo", geo, {kWindow, kService}),
      row(state, "/api/v1/prefixes", "How many clients there are, and who opens most", "Prefixes", prefixes,
          {kWindow, kService}),
      row(state, "/api/v1/export.csv", "Rows of a view of the warehouse as CSV", "", export_csv,
          {{"view", "text", "v_kpi_minute and others"}, kFrom, kTo})};
  rows.back().answer_type = "text/csv";
  return rows;
}

}  // namespace shunt::insight
