// ApiRoute: one row of the API's table: what a method at a path does, who may ask for it, and what the
// OpenAPI document says of it. ApiRouteTable finds the row of a request.
//
// A new route is a row: everything else (401, 403, 405, 412, 413, 428, audit, /api/v1/openapi.json, the
// tests' matrix of roles) follows from it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/api_feed.h"
#include "http/api_message.h"

namespace shunt {

using ApiHandler = std::function<ApiResponse(const ApiCall&)>;
// For what takes its time: answers once, on the control thread, whenever it likes.
using ApiLaterHandler = std::function<void(const ApiCall&, std::function<void(ApiResponse)> answer)>;

struct ApiParameter {
  std::string name;
  std::string schema;  // in api_schema.h's short form: "uint", "text", "bool", …
  std::string text;
};

// Of a write: what If-Match (RFC 9110 13.1.1) has to say about the desired state's tag.
enum class IfMatch : uint8_t {
  optional,  // 412 where it is given and the state is another
  required,  // 428 without it: for what replaces a state that somebody read before
};

// WebSocket: what an upgrade at this path is told; `wake` is to be called when there is news. Without an
// upgrade, the handler answers.
using ApiFeed = std::function<std::unique_ptr<ApiFeedCursor>(const ApiQuery&, std::function<void()> wake)>;

struct ApiRoute {
  std::string method;   // GET answers HEAD too, unless it writes
  std::string pattern;  // "/api/v1/services/{service}"
  ApiRole role = ApiRole::admin;
  std::string summary;
  ApiHandler handler = {};
  ApiLaterHandler later = {};                 // instead of `handler`
  std::vector<ApiParameter> parameters = {};  // of the query; those of the path are text
  std::string answer = {};                    // schema of 200: a name of api_schemas(); empty: text
  std::string answer_type = {};               // of 200, where it is neither JSON nor text
  std::string request = {};                   // schema of the body; empty: none is looked at
  std::string request_type = "application/json";
  bool request_required = true;
  bool writes = false;  // changes something: audited, refused to other sites' pages
  IfMatch if_match = IfMatch::optional;
  bool tagged = false;    // the answer shows the desired state: it carries the state's ETag
  bool loopback = false;  // also for whoever asks from this host, where there are no tokens
  // The body is {"token": TOKEN}, which is looked at as a bearer's is: the handler's caller is its owner.
  bool signs_in = false;
  unsigned done = 200;  // the status of success; 204: without a body
  ApiFeed feed = {};
  size_t body_bytes = 64 * 1024;  // more is 413
};

// A row of GET; what is special about it is added.
ApiRoute read_row(const char* pattern, ApiRole role, const char* summary, const char* answer,
                  ApiHandler handler);

class ApiRouteTable {
 public:
  void add(std::vector<ApiRoute> rows);
  const std::vector<ApiRoute>& rows() const { return rows_; }

  struct Match {
    const ApiRoute* route = nullptr;                // nullptr: `refusal` says why
    std::map<std::string, std::string> parameters;  // of the path
    ApiResponse refusal;                            // 404, or 405 with Allow
  };
  // `path` is without its query. A literal segment wins over a parameter.
  Match find(std::string_view method, std::string_view path) const;

 private:
  std::vector<ApiRoute> rows_;
};

// The path of "/path?query" or of "http://host/path?query" (RFC 9112 3.2.2).
std::string_view path_of(std::string_view target);

// The values of a pattern's parameters in this path; nothing where the path isn't the pattern's.
std::optional<std::map<std::string, std::string>> match_path(std::string_view pattern, std::string_view path);

// The parameters' names, in their order.
std::vector<std::string> path_parameters(std::string_view pattern);

}  // namespace shunt
