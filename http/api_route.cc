#include "http/api_route.h"

#include <algorithm>
#include <set>

namespace shunt {
namespace {

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::string_view name_of(std::string_view segment) {
  return segment.substr(1, segment.size() - 2);
}

// What is before the next slash; `rest` is left with what is behind it.
std::string_view take_segment(std::string_view& rest) {
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, slash);
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  return segment;
}

bool takes(const ApiRoute& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD" && !route.writes);
}

ApiResponse wrong_method(std::string_view path, const std::set<std::string>& methods) {
  ApiResponse response = problem(405, std::string(path) + " doesn't take this method");
  std::string allow;
  for (const std::string& method : methods)
    allow += (allow.empty() ? "" : ", ") + method;
  response.fields["Allow"] = allow;
  return response;
}

}  // namespace

std::string_view path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t slash = target.find('/');
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

std::optional<std::map<std::string, std::string>> match_path(std::string_view pattern,
                                                             std::string_view path) {
  if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/')) return std::nullopt;
  std::map<std::string, std::string> values;
  while (!pattern.empty() || !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (is_parameter(wanted)) {
      if (given.empty()) return std::nullopt;
      values[std::string(name_of(wanted))] = percent_decoded(given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  return values;
}

std::vector<std::string> path_parameters(std::string_view pattern) {
  std::vector<std::string> names;
  while (!pattern.empty()) {
    const std::string_view segment = take_segment(pattern);
    if (is_parameter(segment)) names.emplace_back(name_of(segment));
  }
  return names;
}

ApiRoute read_row(const char* pattern, ApiRole role, const char* summary, const char* answer,
                  ApiHandler handler) {
  ApiRoute row;
  row.method = "GET";
  row.pattern = pattern;
  row.role = role;
  row.summary = summary;
  row.answer = answer;
  row.handler = std::move(handler);
  return row;
}

void ApiRouteTable::add(std::vector<ApiRoute> rows) {
  const auto parameters = [](const ApiRoute& row) { return path_parameters(row.pattern).size(); };
  for (ApiRoute& row : rows)
    rows_.insert(std::ranges::upper_bound(rows_, parameters(row), {}, parameters), std::move(row));
}

ApiRouteTable::Match ApiRouteTable::find(std::string_view method, std::string_view path) const {
  Match match;
  std::set<std::string> methods;
  for (const ApiRoute& row : rows_) {
    auto parameters = match_path(row.pattern, path);
    if (!parameters) continue;
    if (!takes(row, method)) {
      methods.insert(row.method);
      if (row.method == "GET" && !row.writes) methods.insert("HEAD");
      continue;
    }
    match.route = &row;
    match.parameters = std::move(*parameters);
    return match;
  }
  match.refusal =
      methods.empty() ? problem(404, "there is nothing at this path") : wrong_method(path, methods);
  return match;
}

}  // namespace shunt
