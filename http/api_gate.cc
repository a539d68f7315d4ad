#include "http/api_gate.h"

#include <algorithm>
#include <cctype>

#include "common/address.h"

namespace shunt {
namespace {

bool same_but_for_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char one, char other) {
    return std::tolower(static_cast<unsigned char>(one)) == std::tolower(static_cast<unsigned char>(other));
  });
}

std::string_view without_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "[2001:db8::1]:8080", "192.0.2.1", "localhost:80"
bool is_address_or_localhost(std::string_view host) {
  if (host.starts_with('[')) return IpAddress::parse(host.substr(1, host.find(']') - 1)).has_value();
  host = host.substr(0, host.find(':'));
  return same_but_for_case(host, "localhost") || IpAddress::parse(host).has_value();
}

ApiResponse role_too_low(const ApiRoute& route, const ApiCaller& caller, const ApiAccess& access) {
  const std::string needed(role_name(route.role));
  if (access.here_only && !access.tokens) {
    return problem(403, "this needs the role " + needed + ", which nobody has without a token from " +
                            caller.from + " ([api] token_file, anonymous)");
  }
  if (!access.tokens && !access.by_unix) {
    return problem(403,
                   "this needs the role " + needed +
                       ": use the unix socket, as shuntctl on the node does, or a token ([api] token_file)");
  }
  return problem(403, "this needs the role " + needed + "; " + caller.who + " has " +
                          std::string(role_name(caller.role)));
}

}  // namespace

ApiResponse unauthorized(const std::string& detail, const std::string& error) {
  ApiResponse response = problem(401, detail);
  std::string& field = response.fields["WWW-Authenticate"];
  field = "Bearer realm=\"shunt\"";
  if (!error.empty()) field += ", error=\"" + error + "\", error_description=\"" + detail + "\"";
  return response;
}

std::optional<std::string> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  authorization = without_blanks(authorization);
  if (authorization.size() <= kScheme.size() ||
      !same_but_for_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  return std::string(without_blanks(authorization.substr(kScheme.size())));
}

bool is_own_name(const ApiAnonymous& anonymous, std::string_view host) {
  const std::string_view name = host.substr(0, host.find(':'));
  return std::ranges::any_of(anonymous.names,
                             [&](const std::string& own) { return same_but_for_case(own, name); });
}

bool is_own_host(const ApiAnonymous& anonymous, std::string_view host) {
  return !anonymous.here_only || is_address_or_localhost(host) || is_own_name(anonymous, host);
}

std::optional<std::string> cookie_value(std::string_view field, std::string_view name) {
  while (!field.empty()) {
    const size_t end = std::min(field.find(';'), field.size());
    const std::string_view pair = without_blanks(field.substr(0, end));
    field.remove_prefix(std::min(end + 1, field.size()));
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name)
      return std::string(pair.substr(equals + 1));
  }
  return std::nullopt;
}

bool if_match_holds(std::string_view field, const std::string& tag) {
  if (without_blanks(field) == "*") return true;
  const std::string wanted = entity_tag(tag);
  while (!field.empty()) {
    const size_t comma = std::min(field.find(','), field.size());
    if (without_blanks(field.substr(0, comma)) == wanted) return true;
    field.remove_prefix(std::min(comma + 1, field.size()));
  }
  return false;
}

std::string entity_tag(const std::string& tag) {
  return "\"" + tag + "\"";
}

bool is_foreign_page(const std::string& origin, const std::string& host, bool named_hosts) {
  const size_t scheme = origin.find("://");
  if (scheme == std::string::npos) return true;  // "null": a page of nowhere
  if (!same_but_for_case(std::string_view(origin).substr(scheme + 3), host)) return true;
  return !named_hosts && !is_address_or_localhost(host);
}

std::optional<ApiResponse> refusal_of(const ApiRoute& route, const ApiCaller& caller, const ApiFields& fields,
                                      const ApiAccess& access, const std::string& tag) {
  const bool guarded = route.writes || route.feed;
  if (guarded && fields.origin &&
      is_foreign_page(*fields.origin, fields.host, access.tokens || access.is_named))
    return problem(403, "pages of other sites (" + *fields.origin + ") may not ask for this");
  const bool local_enough = route.loopback && caller.is_loopback && !access.tokens;
  if (caller.role < route.role && !local_enough) {
    if (access.tokens && !access.by_unix && caller.role == ApiRole::anyone)
      return unauthorized("this needs a token of the role " + std::string(role_name(route.role)));
    return role_too_low(route, caller, access);
  }
  if (!route.writes) return std::nullopt;
  if (fields.if_match && !if_match_holds(*fields.if_match, tag))
    return problem(412, "the desired state is " + entity_tag(tag) + " by now: read it again");
  if (!fields.if_match && route.if_match == IfMatch::required)
    return problem(428, "say by If-Match which state this replaces; it is " + entity_tag(tag) + " now");
  return std::nullopt;
}

}  // namespace shunt
