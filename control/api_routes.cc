#include "control/api_routes.h"

#include <exception>
#include <map>

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

}  // namespace

struct ApiRoutes::Route {
  std::string_view path;
  bool writes;
  ApiResponse (*answer)(ApiRoutes&);
};

const std::vector<ApiRoutes::Route>& ApiRoutes::routes() {
  static const std::vector<Route> table = {
      {"/metrics", false, [](ApiRoutes& api) { return text(kMetricsType, api.metrics_.text()); }},
      {"/healthz", false, [](ApiRoutes&) { return text(kTextType, "ok\n"); }},
      {"/readyz", false, [](ApiRoutes& api) { return api.ready(); }},
      {"/api/v1/status", false,
       [](ApiRoutes& api) {
         return json(status_json(api.source_.node(), api.source_.workers(), api.source_.ports()));
       }},
      {"/api/v1/services", false, [](ApiRoutes& api) { return json(services_json(api.source_.services())); }},
      {"/api/v1/backends", false, [](ApiRoutes& api) { return json(backends_json(api.source_.services())); }},
      {"/api/v1/drops", false, [](ApiRoutes& api) { return json(drops_json(api.source_.drops())); }},
      {"/api/v1/reload", true, [](ApiRoutes& api) { return api.reload(); }},
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
    return route.answer(*this);
  }
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

ApiResponse ApiRoutes::reload() {
  const ReloadReport report = source_.reload();
  if (report.accepted) return json(reload_json(report));
  return problem(
      422, "the configuration is refused; generation " + std::to_string(report.generation) + " still runs",
      {{"errors", report.errors}, {"warnings", report.warnings}});
}

ApiResponse problem(unsigned status, const std::string& detail, const std::vector<ProblemList>& more) {
  return {status, "application/problem+json", problem_json(status, title_of(status), detail, more)};
}

}  // namespace shunt
