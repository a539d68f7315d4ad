#include "control/api_routes.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <map>

#include "control/api_edit_routes.h"
#include "control/discovery_json.h"
#include "control/flow_json.h"
#include "control/recent_flows.h"

namespace shunt {
namespace {

constexpr std::string_view kTextType = "text/plain; charset=utf-8";
// The version is that of the Prometheus text format.
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

std::string title_of(unsigned status) {
  static const std::map<unsigned, std::string> titles = {{400, "Bad Request"},
                                                         {403, "Forbidden"},
                                                         {404, "Not Found"},
                                                         {405, "Method Not Allowed"},
                                                         {408, "Request Timeout"},
                                                         {409, "Conflict"},
                                                         {413, "Content Too Large"},
                                                         {422, "Unprocessable Content"},
                                                         {431, "Request Header Fields Too Large"},
                                                         {500, "Internal Server Error"},
                                                         {503, "Service Unavailable"},
                                                         {505, "HTTP Version Not Supported"}};
  const auto found = titles.find(status);
  return found == titles.end() ? "Error" : found->second;
}

// The path of "/path?query" or of "http://host/path?query" (RFC 9112 3.2.2).
std::string_view path_of(std::string_view target) {
  if (target.starts_with("http://")) {
    target.remove_prefix(std::string_view("http://").size());
    const size_t slash = target.find('/');
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

ApiResponse text(std::string_view type, std::string body) {
  return {200, std::string(type), std::move(body)};
}
ApiResponse json(std::string body) {
  return {200, "application/json", std::move(body)};
}

std::string value_of(const ApiQuery& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}
std::string service_of(const ApiQuery& query) {
  return value_of(query, "service");
}

}  // namespace

struct ApiRoutes::Route {
  std::string_view path;
  bool writes;
  ApiResponse (*answer)(ApiRoutes&, const ApiQuery&, const ApiRequest&);
  bool takes_service = false;  // ?service=NAME
};

const std::vector<ApiRoutes::Route>& ApiRoutes::routes() {
  static const std::vector<Route> table = {
      {"/metrics", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return ApiResponse{200, std::string(kMetricsType), {}, {}, api.metrics_.text()};
       }},
      {"/healthz", false,
       [](ApiRoutes&, const ApiQuery&, const ApiRequest&) { return text(kTextType, "ok\n"); }},
      {"/readyz", false, [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) { return api.ready(); }},
      {"/api/v1/status", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return json(status_json(api.source_.node(), api.source_.workers(), api.source_.ports()));
       }},
      {"/api/v1/services", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return json(services_json(api.source_.services()));
       }},
      {"/api/v1/backends", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return json(backends_json(api.source_.services()));
       }},
      {"/api/v1/discovery", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return json(discovery_json(api.source_.discovery()));
       }},
      {"/api/v1/drops", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return json(drops_json(api.source_.drops()));
       }},
      {"/api/v1/doctor", false,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest&) {
         return json(findings_json(api.source_.findings()));
       }},
      {"/api/v1/outcomes", false,
       [](ApiRoutes& api, const ApiQuery& query, const ApiRequest&) {
         return json(outcomes_json(api.source_.outcomes(service_of(query))));
       },
       true},
      {"/api/v1/latency", false,
       [](ApiRoutes& api, const ApiQuery& query, const ApiRequest&) {
         return json(latency_json(api.source_.latency(service_of(query))));
       },
       true},
      {"/api/v1/flows", false,
       [](ApiRoutes& api, const ApiQuery& query, const ApiRequest&) { return api.flows(query); }, true},
      {"/api/v1/reload", true,
       [](ApiRoutes& api, const ApiQuery&, const ApiRequest& request) { return api.reload(request); }},
  };
  return table;
}

ApiResponse ApiRoutes::handle(const ApiRequest& request) noexcept {
  try {
    return answer(request);
  } catch (const std::exception& error) {
    return problem(500, error.what());
  }
}

ApiResponse ApiRoutes::answer(const ApiRequest& request) {
  const std::string_view path = path_of(request.target);
  for (const Route& route : routes()) {
    if (route.path != path) continue;
    const bool allowed =
        route.writes ? request.method == "POST" : request.method == "GET" || request.method == "HEAD";
    if (!allowed) {
      ApiResponse response = problem(405, std::string(path) + " doesn't take this method");
      response.allow = route.writes ? "POST" : "GET, HEAD";
      return response;
    }
    if (route.writes && !request.may_write) {
      return problem(403, "changes are taken on the unix socket only; use shuntctl on the node itself");
    }
    const ApiQuery query = query_of(request.target);
    if (route.takes_service) {
      if (auto complaint = complaint_about_service(query)) return *std::move(complaint);
    }
    return route.answer(*this, query, request);
  }
  if (auto answered = answer_change(request, path)) return *std::move(answered);
  return problem(404, "there is nothing at this path");
}

ApiResponse ApiRoutes::ready() {
  const NodeStatus node = source_.node();
  if (node.ready) return text(kTextType, "ready\n");
  std::string detail = "not ready";
  for (size_t i = 0; i < node.not_ready.size(); ++i)
    detail += (i == 0 ? ": " : "; ") + node.not_ready[i];
  return problem(503, detail, {{"reasons", node.not_ready}});
}

std::optional<ApiResponse> ApiRoutes::complaint_about_service(const ApiQuery& query) {
  if (!query.contains("service")) return std::nullopt;
  const std::string wanted = service_of(query);
  const std::vector<std::string> names = source_.service_names();
  if (std::ranges::find(names, wanted) != names.end()) return std::nullopt;
  return problem(404, "no service has the name \"" + wanted + "\"", {{"services", names}});
}

ApiResponse ApiRoutes::flows(const ApiQuery& query) {
  FlowQuestion question;
  question.service = service_of(query);
  const std::string failed = value_of(query, "failed");
  if (!failed.empty() && failed != "true" && failed != "false")
    return problem(400, "failed is true or false, not \"" + failed + "\"");
  question.failed_only = failed == "true";
  if (query.contains("limit")) {
    const std::string limit = value_of(query, "limit");
    const char* end = limit.data() + limit.size();
    const auto [read_to, error] = std::from_chars(limit.data(), end, question.limit);
    if (error != std::errc() || read_to != end || question.limit == 0 || question.limit > 2 * kRecentFlows)
      return problem(400, "limit is 1 to " + std::to_string(2 * kRecentFlows) + ", not \"" + limit + "\"");
  }
  return json(flows_json(source_.flows(question)));
}

std::optional<ApiResponse> ApiRoutes::answer_change(const ApiRequest& request, std::string_view path) {
  std::string allowed;
  for (const EditRoute& route : edit_routes()) {
    auto parameters = match_path(route.pattern, path);
    if (!parameters) continue;
    const bool is_head = request.method == "HEAD" && route.method == "GET";
    if (route.method != request.method && !is_head) {
      allowed +=
          (allowed.empty() ? "" : ", ") + std::string(route.method == "GET" ? "GET, HEAD" : route.method);
      continue;
    }
    if (route.writes && !request.may_write) {
      return problem(403, "changes are taken on the unix socket only; use shuntctl on the node itself");
    }
    ChangeControl* const control = source_.changes();
    if (control == nullptr) return problem(503, "nothing can be changed yet");
    return route.answer(*control,
                        {request.who, *std::move(parameters), query_of(request.target), request.body});
  }
  if (allowed.empty()) return std::nullopt;
  ApiResponse response = problem(405, std::string(path) + " doesn't take this method");
  response.allow = allowed;
  return response;
}

ApiResponse ApiRoutes::reload(const ApiRequest& request) {
  const ReloadReport report = source_.reload(request.who);
  if (report.accepted) return json(reload_json(report));
  return problem(
      422, "the configuration is refused; generation " + std::to_string(report.generation) + " still runs",
      {{"errors", report.errors}, {"warnings", report.warnings}});
}

ApiResponse problem(unsigned status, const std::string& detail, const std::vector<ProblemList>& more) {
  return {status, "application/problem+json", problem_json(status, title_of(status), detail, more)};
}

}  // namespace shunt
