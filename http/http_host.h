// HttpHost: what a program puts behind its HTTP server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/api_openapi.h"
#include "http/api_route.h"

namespace shunt {

struct HttpHost {
  ApiIdentity identity;
  std::vector<ApiRoute> routes;  // /api/v1/openapi.json is added to them
  ApiHandler page = {};          // answers anybody's GET of a path that no row has; empty: 404
  // A cookie that stands for a bearer token where none is shown; empty: none. One that isn't good counts for
  // nothing, so that a page can still be had to sign in anew.
  std::string cookie = {};
  // Names the state that writes change, for ETag and If-Match; empty: there is none.
  std::function<std::string()> state_tag = {};
  std::function<uint64_t()> generation = {};  // of that state, for the audit file
  // What a person would want to know: kind, subject, text.
  std::function<void(std::string, std::string, std::string)> note = {};
  std::function<void()> stopping = {};
  std::shared_ptr<void> kept = {};  // lives as long as the last connection
};

}  // namespace shunt
