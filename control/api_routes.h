// ApiRoutes: what each path of the API answers, without a socket: a request in, a response out. Paths:
// docs/api.md.
//
// Owner: the control thread. Cost: each answer copies and writes out what it shows; nothing is kept between
// two.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api_query.h"
#include "control/metrics.h"
#include "control/status.h"
#include "control/status_json.h"

namespace shunt {

struct ApiRequest {
  std::string_view method;
  std::string_view target;  // path and query, as on the request line
  bool may_write = false;   // came by the unix socket, which the file's mode guards
  std::string_view body = {};
  std::string who = "nobody";  // as the history shows it
};

struct ApiResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow = {};                               // the Allow field, for 405
  std::shared_ptr<const std::string> shared_body = {};  // instead of `body`, where many answers are the same
};

class ApiRoutes {
 public:
  explicit ApiRoutes(StatusSource& source) : source_(source), metrics_(source) {}

  // Never throws: what goes wrong inside is a 500.
  ApiResponse handle(const ApiRequest& request) noexcept;

 private:
  struct Route;
  static const std::vector<Route>& routes();

  ApiResponse ready();
  ApiResponse flows(const ApiQuery& query);
  // 404 for a service that nobody knows.
  std::optional<ApiResponse> complaint_about_service(const ApiQuery& query);
  ApiResponse reload(const ApiRequest& request);
  // Of the routes about changes (api_edit_routes.h); nothing where none has the path.
  std::optional<ApiResponse> answer_change(const ApiRequest& request, std::string_view path);
  ApiResponse answer(const ApiRequest& request);

  StatusSource& source_;
  StatusMetrics metrics_;
};

// An RFC 9457 answer; its title is the status's reason phrase.
ApiResponse problem(unsigned status, const std::string& detail, const std::vector<ProblemList>& more = {});

}  // namespace shunt
