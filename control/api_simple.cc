#include "control/api_simple.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/api_probe.h"
#include "control/api_routes.h"
#include "control/node_api.h"
#include "control/status_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kMaxProbes = 8;
constexpr size_t kMaxPathBytes = 1'024;

std::string written(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// What a person who came here first wants to know.
ApiResponse index(const ApiRouteTable& table) {
  Json json;
  json["service"] = "shuntd";
  json["what"] = "a layer-4 load balancer; see /api/v1/openapi.json for all that can be asked";
  json["links"] = Json::object();
  for (const ApiRoute& row : table.rows()) {
    if (row.method == "GET" && row.pattern != "/" && !row.writes) json["links"][row.pattern] = row.summary;
  }
  return json_answer(written(json));
}

const char* state_text(BackendState state) {
  return state == BackendState::up         ? "up"
         : state == BackendState::down     ? "down"
         : state == BackendState::disabled ? "disabled"
                                           : "unknown";
}

Json stats_row(const ServiceStatus& service, const BackendStatus& backend) {
  return {
      {"service", service.name},       {"name", backend.name},           {"state", state_text(backend.state)},
      {"requests", backend.new_flows}, {"active", backend.active_flows}, {"packets", backend.packets},
      {"bytes", backend.bytes}};
}

// A request is a flow here: shunt doesn't look into them.
ApiResponse stats(StatusSource& source) {
  const NodeStatus node = source.node();
  Json json;
  json["name"] = node.name;
  json["uptime_seconds"] = node.uptime.count();
  json["generation"] = node.generation;
  json["algorithms"] = Json::object();
  ServiceStatus sum;
  Json rows = Json::array();
  for (const ServiceStatus& service : source.services()) {
    json["algorithms"][service.name] = service.scheduler;
    sum.new_flows += service.new_flows;
    sum.active_flows += service.active_flows;
    sum.packets += service.packets;
    sum.bytes += service.bytes;
    for (const BackendStatus& backend : service.backends)
      rows.push_back(stats_row(service, backend));
  }
  uint64_t failed = 0;
  for (const ServiceOutcomes& service : source.outcomes("")) {
    for (size_t i = 0; i < service.total.outcomes.size(); ++i)
      failed += is_failure(static_cast<FlowOutcome>(i)) ? service.total.outcomes[i] : 0;
  }
  uint64_t dropped = 0;
  for (const auto& [reason, count] : source.drops().dropped)
    dropped += count;
  json["requests"] = sum.new_flows;
  json["active"] = sum.active_flows;
  json["failed"] = failed;
  json["packets"] = sum.packets;
  json["bytes"] = sum.bytes;
  json["dropped"] = dropped;
  json["backends"] = std::move(rows);
  return json_answer(written(json));
}

ApiResponse set_algorithm(StatusSource& source, const ApiCall& call, bool allowed) {
  if (!allowed) {
    return problem(403,
                   "a GET changes nothing here: [api] simple_writes = true allows it, for /algorithm only");
  }
  if (auto complaint = complaint_about_service(source, call)) return *std::move(complaint);
  const std::vector<std::string> choices = source.schedulers();
  if (std::ranges::find(choices, call.parameter("name")) == choices.end()) {
    return problem(404, "no algorithm has the name \"" + call.parameter("name") + "\"",
                   {{"choices", choices}});
  }
  const ReloadReport report =
      source.set_scheduler(call.value("service"), call.parameter("name"), call.caller.name);
  if (report.accepted) return json_answer(reload_json(report));
  return problem(422, report.text, {{"errors", report.errors}, {"warnings", report.warnings}});
}

// The service that is asked for, else the first of TCP; nothing, and an answer, where it can't be probed.
std::optional<ApiResponse> find_target(StatusSource& source, const ApiCall& call, RequestTarget& target) {
  if (auto complaint = complaint_about_service(source, call)) return complaint;
  QueryNumber port = number_in(call, "port", 1, 65'535, 0);
  if (port.complaint) return std::move(port.complaint);
  const std::vector<ServiceStatus> services = source.services();
  const auto service = std::ranges::find_if(services, [&](const ServiceStatus& each) {
    return call.query.contains("service") ? each.name == call.value("service") : each.protocol == "tcp";
  });
  if (service == services.end()) return problem(404, "there is no service of TCP");
  if (service->protocol != "tcp") return problem(400, service->name + " isn't a service of TCP");
  if (service->port == 0 && port.value == 0)
    return problem(400, service->name + " has every port: say which one by port=");
  if (service->port != 0 && port.value != 0 && port.value != service->port)
    return problem(400, service->name + " has port " + std::to_string(service->port));
  target.service = service->name;
  target.address = service->address.address;
  target.port = service->port != 0 ? service->port : static_cast<uint16_t>(port.value);
  return std::nullopt;
}

bool is_probe_path(const std::string& path) {
  return path.starts_with('/') && path.size() <= kMaxPathBytes &&
         std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f; });
}

void probe(NodeApi& node, size_t& running, const ApiCall& call,
           const std::function<void(ApiResponse)>& answer) {
  RequestTarget target;
  if (auto complaint = find_target(node.source, call, target)) return answer(*std::move(complaint));
  target.path = call.value("path");
  if (call.query.contains("path") && !is_probe_path(target.path))
    return answer(problem(400, "path begins with / and has neither blanks nor control characters"));
  if (running >= kMaxProbes) {
    ApiResponse busy = problem(429, std::to_string(running) + " requests are under way");
    busy.fields["Retry-After"] = "1";
    return answer(std::move(busy));
  }
  ++running;
  start_probe(node.io, std::move(target), [&running, answer](const ProbeResult& result) {
    --running;
    answer(json_answer(probe_json(result)));
  });
}

}  // namespace

std::vector<ApiRoute> simple_routes(NodeApi& node) {
  StatusSource& source = node.source;
  ApiRoute front = read_row("/", ApiRole::anyone, "What this is", "Index",
                            [&node](const ApiCall&) { return index(*node.table); });
  ApiRoute sums = read_row("/stats", ApiRole::reader, "The most important numbers", "Stats",
                           [&source](const ApiCall&) { return stats(source); });
  ApiRoute algorithm =
      read_row("/algorithm/{name}", ApiRole::operator_, "Gives services another scheduler", "Change",
               [&node](const ApiCall& call) { return set_algorithm(node.source, call, node.simple_writes); });
  algorithm.writes = true;
  algorithm.parameters = {{"service", "text", "Only this service"}};
  ApiRoute request =
      read_row("/request", ApiRole::operator_, "One request through a VIP, and its timing", "Probe", {});
  request.loopback = true;
  request.parameters = {
      {"service", "text", "Through this one; else through the first of TCP"},
      {"port", "uint", "Where the service has every port"},
      {"path", "text", "Of a GET; without it the connection is closed as soon as it is open"}};
  request.later = [&node, running = std::make_shared<size_t>(0)](
                      const ApiCall& call, const std::function<void(ApiResponse)>& answer) {
    probe(node, *running, call, answer);
  };
  return {front, sums, algorithm, request};
}

}  // namespace shunt
