#include "control/api_routes.h"
#include "control/route_json.h"

#include <algorithm>
#include <charconv>

#include "control/api_edit_routes.h"
#include "control/api_events.h"
#include "control/api_simple.h"
#include "control/api_view_routes.h"
#include "control/discovery_json.h"
#include "control/flow_json.h"
#include "control/metrics.h"
#include "control/node_api.h"
#include "control/recent_flows.h"
#include "control/status_json.h"

namespace shunt {
namespace {

// The version is that of the Prometheus text format.
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr size_t kMostFlows = 2 * kRecentFlows;
constexpr uint64_t kUsualFlows = 100;
constexpr uint64_t kUsualEvents = 100;

const ApiParameter kServiceParameter = {"service", "text", "Only of this service"};

ApiResponse ready(StatusSource& source) {
  const NodeStatus node = source.node();
  if (node.ready) return text_answer("ready\n");
  std::string detail = "not ready";
  for (size_t i = 0; i < node.not_ready.size(); ++i)
    detail += (i == 0 ? ": " : "; ") + node.not_ready[i];
  return problem(503, detail, {{"reasons", node.not_ready}});
}

ApiResponse flows(StatusSource& source, const ApiCall& call) {
  if (auto complaint = complaint_about_service(source, call)) return *std::move(complaint);
  FlowQuestion question;
  question.service = call.value("service");
  const std::string failed = call.value("failed");
  if (!failed.empty() && failed != "true" && failed != "false")
    return problem(400, "failed is true or false, not \"" + failed + "\"");
  question.failed_only = failed == "true";
  QueryNumber limit = number_in(call, "limit", 1, kMostFlows, kUsualFlows);
  if (limit.complaint) return *std::move(limit.complaint);
  question.limit = static_cast<decltype(question.limit)>(limit.value);
  return json_answer(flows_json(source.flows(question)));
}

ApiResponse events(const EventLog& log, const ApiCall& call) {
  QueryNumber limit = number_in(call, "limit", 1, EventLog::kKeptEvents, kUsualEvents);
  QueryNumber after = number_in(call, "after", 0, UINT64_MAX, 0);
  if (limit.complaint) return *std::move(limit.complaint);
  if (after.complaint) return *std::move(after.complaint);
  return json_answer(events_json(log, after.value, limit.value));
}

// ?after=N; without it, what comes from now on.
uint64_t first_event(const ApiQuery& query, const EventLog& events) {
  const auto after = query.find("after");
  uint64_t number = events.newest();
  if (after != query.end())
    std::from_chars(after->second.data(), after->second.data() + after->second.size(), number);
  return number;
}

ApiResponse figures(FigureFeed& feed) {
  ApiResponse response;
  response.shared_body = feed.latest();
  return response.shared_body ? response : problem(500, "there is no reading");
}

ApiResponse reload(StatusSource& source, const ApiCall& call) {
  const ReloadReport report = source.reload(call.caller.name);
  if (report.accepted) return json_answer(reload_json(report));
  return problem(
      422, "the configuration is refused; generation " + std::to_string(report.generation) + " still runs",
      {{"errors", report.errors}, {"warnings", report.warnings}});
}

// A handler that only asks the source and writes the answer out.
template <typename Ask>
ApiHandler of_source(StatusSource& source, Ask ask) {
  return [&source, ask](const ApiCall&) { return json_answer(ask(source)); };
}

// The same of one service, or of all.
template <typename Ask>
ApiHandler of_service(StatusSource& source, Ask ask) {
  return [&source, ask](const ApiCall& call) {
    auto complaint = complaint_about_service(source, call);
    return complaint ? *std::move(complaint) : json_answer(ask(source, call.value("service")));
  };
}

std::vector<ApiRoute> probe_rows(NodeApi& node) {
  StatusSource& source = node.source;
  auto metrics = std::make_shared<StatusMetrics>(source);
  const auto page = [metrics](const ApiCall&) { return ApiResponse{200, kMetricsType, {}, metrics->text()}; };
  return {read_row("/metrics", ApiRole::reader, "Prometheus metrics", "", page),
          read_row("/healthz", ApiRole::anyone, "ok while the control thread answers", "",
                   [](const ApiCall&) { return text_answer("ok\n"); }),
          read_row("/readyz", ApiRole::anyone, "ready, or 503 with reasons", "",
                   [&source](const ApiCall&) { return ready(source); })};
}

std::vector<ApiRoute> state_rows(StatusSource& source) {
  std::vector<ApiRoute> rows = {
      read_row("/api/v1/status", ApiRole::reader, "The node, its workers and ports", "Status",
               of_source(source,
                         [](StatusSource& of) { return status_json(of.node(), of.workers(), of.ports()); })),
      read_row("/api/v1/services", ApiRole::reader, "The services", "Services",
               of_source(source, [](StatusSource& of) { return services_json(of.services()); })),
      read_row("/api/v1/backends", ApiRole::reader, "One entry for each service and backend", "Backends",
               of_source(source, [](StatusSource& of) { return backends_json(of.services()); })),
      read_row("/api/v1/discovery", ApiRole::reader, "Where pools find their backends, and how fresh that is",
               "Discovery",
               of_source(source, [](StatusSource& of) { return discovery_json(of.discovery()); })),
      read_row("/api/v1/drops", ApiRole::reader, "The balance of packets", "Drops",
               of_source(source, [](StatusSource& of) { return drops_json(of.drops()); })),
      read_row("/api/v1/doctor", ApiRole::reader, "What is set up wrong", "Findings",
               of_source(source, [](StatusSource& of) { return findings_json(of.findings()); }))};
  rows[1].tagged = rows[2].tagged = true;
  return rows;
}

std::vector<ApiRoute> flow_rows(StatusSource& source) {
  std::vector<ApiRoute> rows = {
      read_row(
          "/api/v1/outcomes", ApiRole::reader, "How flows ended", "Outcomes",
          of_service(source, [](StatusSource& of,
                                const std::string& service) { return outcomes_json(of.outcomes(service)); })),
      read_row(
          "/api/v1/latency", ApiRole::reader, "How long handshakes, answers and flows took", "Latency",
          of_service(source, [](StatusSource& of,
                                const std::string& service) { return latency_json(of.latency(service)); })),
      read_row("/api/v1/flows", ApiRole::reader, "The newest flow records, with client addresses", "Flows",
               [&source](const ApiCall& call) { return flows(source, call); })};
  for (ApiRoute& row : rows)
    row.parameters = {kServiceParameter};
  rows[2].parameters.push_back({"failed", "bool", "Only failures"});
  rows[2].parameters.push_back({"limit", "uint", "At most so many: 1 to 2000, 100 by default"});
  return rows;
}

std::vector<ApiRoute> feed_rows(NodeApi& node) {
  ApiRoute told = read_row("/api/v1/events", ApiRole::reader, "What happened; as a WebSocket, as it happens",
                           "Events", [&node](const ApiCall& call) { return events(node.events, call); });
  told.feed = [&node](const ApiQuery& query, std::function<void()> wake) {
    return std::make_unique<EventCursor>(node.events, first_event(query, node.events), std::move(wake));
  };
  told.parameters = {{"after", "uint", "Only those with a higher number"},
                     {"limit", "uint", "At most so many, the newest: 1 to 1000, 100 by default"}};
  ApiRoute stream =
      read_row("/api/v1/stream", ApiRole::reader, "One second's figures; as a WebSocket, each second",
               "Figures", [&node](const ApiCall&) { return figures(node.figures); });
  stream.feed = [&node](const ApiQuery&, std::function<void()> wake) {
    return node.figures.watch(std::move(wake));
  };
  return {told, stream};
}

ApiRoute write_row(const char* pattern, const char* summary, const char* answer, ApiHandler handler) {
  ApiRoute row;
  row.method = "POST";
  row.pattern = pattern;
  row.role = ApiRole::operator_;
  row.summary = summary;
  row.answer = answer;
  row.writes = true;
  row.handler = std::move(handler);
  return row;
}

ApiRoute reload_row(StatusSource& source) {
  return write_row("/api/v1/reload", "Reads the configuration file again", "Change",
                   [&source](const ApiCall& call) { return reload(source, call); });
}

ApiHandler set_announcing(StatusSource& source, bool on) {
  return [&source, on](const ApiCall& call) {
    source.set_announcing(on, call.caller.name);
    return json_answer(routes_json(source.routes()));
  };
}

// VIPs, and whether this shunt announces them.
std::vector<ApiRoute> announcing_rows(StatusSource& source) {
  return {read_row("/api/v1/routes", ApiRole::reader, "The VIPs, and how they are announced", "Routes",
                   of_source(source, [](StatusSource& of) { return routes_json(of.routes()); })),
          write_row("/api/v1/announce/on", "Announces VIPs: the end of standby", "Routes",
                    set_announcing(source, true)),
          write_row("/api/v1/announce/off", "Standby: VIPs are neither answered for nor have they routes",
                    "Routes", set_announcing(source, false))};
}

}  // namespace

std::optional<ApiResponse> complaint_about_service(StatusSource& source, const ApiCall& call) {
  if (!call.query.contains("service")) return std::nullopt;
  const std::vector<std::string> names = source.service_names();
  if (std::ranges::find(names, call.value("service")) != names.end()) return std::nullopt;
  return problem(404, "no service has the name \"" + call.value("service") + "\"", {{"services", names}});
}

std::vector<ApiRoute> node_routes(NodeApi& node) {
  std::vector<ApiRoute> rows = simple_routes(node);
  const auto add = [&rows](std::vector<ApiRoute> more) { std::ranges::move(more, std::back_inserter(rows)); };
  add(probe_rows(node));
  add(state_rows(node.source));
  add(flow_rows(node.source));
  add(view_routes(node.source));
  add(feed_rows(node));
  add(announcing_rows(node.source));
  rows.push_back(reload_row(node.source));
  add(edit_routes(node.source));
  return rows;
}

}  // namespace shunt
