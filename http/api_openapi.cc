#include "http/api_openapi.h"

#include <algorithm>
#include <cctype>

#include "http/api_schema.h"

namespace shunt {
namespace {

using Json = SchemaJson;

constexpr std::string_view kRefs = "#/components/schemas/";

// "GET /api/v1/services/{service}" → get_services_service
std::string operation_id(const ApiRoute& route) {
  std::string id = route.method + route.pattern;
  if (const size_t prefix = id.find("/api/v1"); prefix != std::string::npos) id.erase(prefix, 7);
  std::string clean;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      clean += static_cast<char>(std::tolower(byte));
    } else if (!clean.ends_with('_')) {
      clean += '_';
    }
  }
  while (clean.ends_with('_'))
    clean.pop_back();
  return clean;
}

Json ref(const std::string& name) {
  return {{"$ref", std::string(kRefs) + name}};
}

Json content(const std::string& type, Json schema) {
  Json json;
  json[type]["schema"] = std::move(schema);
  return json;
}

Json parameters(const ApiRoute& route, bool has_state) {
  Json list = Json::array();
  for (const std::string& name : path_parameters(route.pattern)) {
    list.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const ApiParameter& parameter : route.parameters) {
    list.push_back({{"name", parameter.name},
                    {"in", "query"},
                    {"description", parameter.text},
                    {"schema", expanded_schema(parameter.schema, kRefs)}});
  }
  if (route.writes && has_state) {
    list.push_back({{"name", "If-Match"},
                    {"in", "header"},
                    {"required", route.if_match == IfMatch::required},
                    {"description", "The ETag of the state that the change is meant for"},
                    {"schema", {{"type", "string"}}}});
  }
  return list;
}

void add_error(Json& responses, const char* status, const char* text) {
  responses[status] = {{"description", text},
                       {"content", content("application/problem+json", ref("Problem"))}};
}

Json responses(const ApiRoute& route, bool has_state) {
  Json json;
  Json& done = json[std::to_string(route.done)];
  done["description"] = "Done";
  if (route.done != 204) {
    done["content"] = !route.answer_type.empty()
                          ? content(route.answer_type.c_str(), {{"type", "string"}, {"format", "binary"}})
                      : route.answer.empty() ? content("text/plain", {{"type", "string"}})
                                             : content("application/json", ref(route.answer));
  }
  if (has_state && (route.tagged || route.writes)) {
    done["headers"]["ETag"] = {{"description", "Names the desired state"}, {"schema", {{"type", "string"}}}};
  }
  if (route.feed) json["101"] = {{"description", "A WebSocket"}};
  if (!route.parameters.empty()) add_error(json, "400", "A value that makes no sense");
  if (route.signs_in) add_error(json, "401", "The token isn't good");
  if (route.role != ApiRole::anyone) {
    add_error(json, "401", "No token, or one that isn't good");
    add_error(json, "403", "The role is too low");
  }
  if (route.writes && has_state) add_error(json, "412", "The desired state is another one by now");
  if (route.writes && route.if_match == IfMatch::required) add_error(json, "428", "If-Match is missing");
  if (!route.request.empty()) add_error(json, "413", "The body is too big");
  add_error(json, "429", "Too many requests");
  add_error(json, "default", "What went wrong");
  return json;
}

Json operation(const ApiRoute& route, bool has_state) {
  Json json;
  json["operationId"] = operation_id(route);
  json["summary"] = route.summary;
  json["x-role"] = role_name(route.role);
  json["security"] = Json::array();
  if (route.role == ApiRole::anyone) json["security"].push_back(Json::object());
  if (route.role != ApiRole::anyone) json["security"].push_back({{"token", Json::array()}});
  if (Json list = parameters(route, has_state); !list.empty()) json["parameters"] = std::move(list);
  if (!route.request.empty()) {
    json["requestBody"] = {{"required", route.request_required},
                           {"content", content(route.request_type, ref(route.request))}};
  }
  json["responses"] = responses(route, has_state);
  return json;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return text;
}

}  // namespace

std::string openapi_document(const ApiRouteTable& table, const ApiIdentity& identity) {
  Json json;
  json["openapi"] = "3.1.0";
  json["info"] = {{"title", identity.program},
                  {"version", identity.version},
                  {"summary", identity.summary},
                  {"license", {{"name", "BSD 3-Clause"}, {"identifier", "BSD-3-Clause"}}}};
  json["servers"] = Json::array({{{"url", "/"}}});
  json["paths"] = Json::object();
  for (const ApiRoute& route : table.rows())
    json["paths"][route.pattern][lower(route.method)] = operation(route, identity.has_state);
  json["components"]["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
  for (const auto& [name, form] : identity.schemas->items())
    json["components"]["schemas"][name] = expanded_schema(form, kRefs);
  return json.dump(1) + "\n";
}

}  // namespace shunt
