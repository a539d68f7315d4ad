// The API's answers about changes: diff, apply, history, rollback, edits. docs/api.md has them in words.
//
// Pure handlers: a call in, a response out; who may call what is the router's business.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/api_query.h"
#include "control/api_routes.h"
#include "control/change_control.h"

namespace shunt {

struct EditCall {
  std::string who;
  std::vector<std::string> parameters;  // what stood for the {…} of the pattern, in order
  ApiQuery query;
  std::string_view body;
};

struct EditRoute {
  std::string_view method;
  std::string_view pattern;  // "/api/v1/pools/{pool}/backends/{backend}"
  bool writes;
  ApiResponse (*answer)(ChangeControl&, const EditCall&);
};

std::span<const EditRoute> edit_routes();

// The parameters of a path that fits the pattern, percent-decoded.
std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path);

}  // namespace shunt
