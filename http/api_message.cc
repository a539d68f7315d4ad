#include "http/api_message.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace shunt {
namespace {

constexpr std::array<std::string_view, 4> kRoleNames = {"anyone", "reader", "operator", "admin"};

}  // namespace

std::string_view role_name(ApiRole role) {
  return kRoleNames.at(static_cast<size_t>(role));
}

bool parse_role(std::string_view name, ApiRole& role) {
  for (const ApiRole each : {ApiRole::reader, ApiRole::operator_, ApiRole::admin}) {
    if (role_name(each) != name) continue;
    role = each;
    return true;
  }
  return false;
}

ApiResponse json_answer(std::string body) {
  return {200, "application/json", std::move(body)};
}

ApiResponse text_answer(std::string body) {
  return {200, "text/plain; charset=utf-8", std::move(body)};
}

std::string_view status_title(unsigned status) {
  static const std::map<unsigned, std::string_view> titles = {{400, "Bad Request"},
                                                              {401, "Unauthorized"},
                                                              {403, "Forbidden"},
                                                              {404, "Not Found"},
                                                              {405, "Method Not Allowed"},
                                                              {408, "Request Timeout"},
                                                              {409, "Conflict"},
                                                              {412, "Precondition Failed"},
                                                              {413, "Content Too Large"},
                                                              {415, "Unsupported Media Type"},
                                                              {421, "Misdirected Request"},
                                                              {422, "Unprocessable Content"},
                                                              {428, "Precondition Required"},
                                                              {429, "Too Many Requests"},
                                                              {431, "Request Header Fields Too Large"},
                                                              {500, "Internal Server Error"},
                                                              {503, "Service Unavailable"},
                                                              {504, "Gateway Timeout"},
                                                              {505, "HTTP Version Not Supported"}};
  const auto found = titles.find(status);
  return found == titles.end() ? "Error" : found->second;
}

ApiResponse problem(unsigned status, const std::string& detail, const std::vector<ProblemList>& more) {
  nlohmann::ordered_json json;
  json["type"] = "about:blank";
  json["title"] = status_title(status);
  json["status"] = status;
  json["detail"] = detail;
  for (const ProblemList& list : more)
    json[list.key] = list.texts;
  return {status, "application/problem+json",
          json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n"};
}

}  // namespace shunt
