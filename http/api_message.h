// What a request and its answer are to the API's handlers: values, without a socket.
//
// Owner: the control thread. A handler gets an ApiCall that lives until it returns (or, of one that answers
// later, until it has answered), and gives an ApiResponse.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/api_query.h"
#include "http/api_stream.h"

namespace shunt {

// Each may do what the ones before it may.
enum class ApiRole : uint8_t { anyone, reader, operator_, admin };

// "anyone", "reader", "operator", "admin".
std::string_view role_name(ApiRole role);
// False where `name` is none of reader, operator and admin; then `role` stays as it was.
bool parse_role(std::string_view name, ApiRole& role);

// Who asks. Over the unix socket the kernel says it (SO_PEERCRED); over TCP a token does, or nobody.
struct ApiCaller {
  ApiRole role = ApiRole::anyone;
  std::string who;   // "uid 0 (pid 123)", "token ci", "nobody"
  std::string name;  // as the history shows it: "root", "token ci", "nobody"
  std::string from;  // "unix:/run/shunt/api.sock", "192.0.2.7:40001"
  bool is_loopback = false;
  std::string token = {};  // its name; empty: none was shown
  bool over_tls = false;
};

struct ApiCall {
  std::string method;                             // HEAD is GET here
  std::string path;                               // as it was asked for, without the query
  std::map<std::string, std::string> parameters;  // of the path, percent-decoded
  ApiQuery query;
  std::string body;
  ApiCaller caller;
  std::string accept_encoding = {};  // fields of that name
  std::string if_none_match = {};

  // Empty where there is none.
  std::string parameter(const std::string& name) const { return find(parameters, name); }
  std::string value(const std::string& name) const { return find(query, name); }

 private:
  static std::string find(const std::map<std::string, std::string>& in, const std::string& name) {
    const auto found = in.find(name);
    return found == in.end() ? std::string() : found->second;
  }
};

struct ApiResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::shared_ptr<const std::string> shared_body = {};  // instead of `body`, where many answers are the same
  std::map<std::string, std::string> fields = {};       // Allow, Retry-After, WWW-Authenticate, ETag, …
  std::shared_ptr<ApiStream> stream = {};               // instead of a body: in chunks, until it is over
};

ApiResponse json_answer(std::string body);
ApiResponse text_answer(std::string body);

// Lists of texts beside a problem's standard members: {"reasons", {…}}.
struct ProblemList {
  std::string key;
  std::vector<std::string> texts;
};

// An RFC 9457 answer; its title is the status's reason phrase. Text that isn't UTF-8 is repaired.
ApiResponse problem(unsigned status, const std::string& detail, const std::vector<ProblemList>& more = {});

// The reason phrase of a status (RFC 9110 15, RFC 6585).
std::string_view status_title(unsigned status);

}  // namespace shunt
