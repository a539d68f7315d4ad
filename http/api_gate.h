// ApiGate: whether a caller may do what a route does, now: roles, other sites' pages, If-Match. No sockets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/api_message.h"
#include "http/api_route.h"

namespace shunt {

// Who asks without a token, where there are no tokens.
struct ApiAnonymous {
  ApiRole role = ApiRole::reader;
  // Only from this host: others are nobody, the unix socket gives no more than this role, and the Host field
  // has to be an address, localhost or one of `names`, lest a page of another site have its own name pointed
  // here (DNS rebinding).
  bool here_only = false;
  std::vector<std::string> names = {};
};

// The fields of a request that decide.
struct ApiFields {
  std::string host;
  std::optional<std::string> origin;
  std::optional<std::string> if_match;
};

struct ApiAccess {
  bool tokens = false;   // a token file is configured
  bool by_unix = false;  // the connection is the unix socket's
  bool here_only = false;
  bool is_named = false;  // Host is one of the server's own names
};

// 401, 403, 412 or 428; nothing where the caller may go on. `tag` is the desired state's.
std::optional<ApiResponse> refusal_of(const ApiRoute& route, const ApiCaller& caller, const ApiFields& fields,
                                      const ApiAccess& access, const std::string& tag);

// 401 with WWW-Authenticate (RFC 6750 3). `error` is empty where no token was given.
ApiResponse unauthorized(const std::string& detail, const std::string& error = {});

// Whether a request without tokens may be answered under this Host field (RFC 9110 7.2: 421 if not).
bool is_own_host(const ApiAnonymous& anonymous, std::string_view host);
// Whether it is one of the names.
bool is_own_name(const ApiAnonymous& anonymous, std::string_view host);

// The value of a cookie in a Cookie field (RFC 6265 4.2.1); nothing where it isn't there.
std::optional<std::string> cookie_value(std::string_view field, std::string_view name);

// The token of "Bearer TOKEN" (the scheme in any case); nothing where the field holds no such thing.
std::optional<std::string> bearer_token(std::string_view authorization);

// RFC 9110 13.1.1: whether one of the listed tags, strong ones only, is this one; '*' is any.
bool if_match_holds(std::string_view field, const std::string& tag);

// A page of another site: browsers say so in Origin. Where `named_hosts` is false, a page that was fetched by
// a host's name is foreign too, as its name may have been pointed here (DNS rebinding).
bool is_foreign_page(const std::string& origin, const std::string& host, bool named_hosts);

std::string entity_tag(const std::string& tag);  // in its quotes

}  // namespace shunt
