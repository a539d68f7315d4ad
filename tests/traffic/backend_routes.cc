#include "tests/traffic/backend_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tests/traffic/random.h"

namespace shunt {
namespace {

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Answer";
  }
}

bool reads(const HttpQuestion& question) {
  return question.method == "GET" || question.method == "HEAD";
}

}  // namespace

std::string_view route_of(std::string_view path) {
  constexpr std::array<std::string_view, 5> kRoutes = {"/", "/health", "/metrics", "/api/data", "/control"};
  const auto found = std::ranges::find(kRoutes, path);
  return found == kRoutes.end() ? "other" : *found;
}

BackendAnswer BackendRoutes::answer(const HttpQuestion& question) const {
  const std::string_view route = route_of(question.path);
  if (route == "other" || route == "/control") return {404, "text/plain", "no such route\n"};
  if (!reads(question)) return {405, "text/plain", "GET or HEAD\n"};
  if (route == "/health")
    return knobs_.healthy ? BackendAnswer{200, "text/plain", "up\n"}
                          : BackendAnswer{503, "text/plain", "down\n"};
  if (route == "/metrics") return {200, "text/plain; version=0.0.4", metrics_.page(id_)};
  if (route == "/api/data") return data(question);
  return {200, "text/plain", id_ + "\n"};
}

BackendAnswer BackendRoutes::answer_control(const HttpQuestion& question) const {
  return question.path == "/control" ? control(question) : answer(question);
}

BackendAnswer BackendRoutes::data(const HttpQuestion& question) const {
  const uint64_t bytes = query_number(question.query, "bytes").value_or(knobs_.data_bytes);
  if (bytes < 2 || bytes > kMaxDataBytes)
    return {400, "text/plain", fmt::format("bytes has to be from 2 to {}\n", kMaxDataBytes)};
  return {200, "application/json", data_document(bytes, query_number(question.query, "seed").value_or(1))};
}

BackendAnswer BackendRoutes::control(const HttpQuestion& question) const {
  if (question.method == "POST") {
    const auto done = knobs_.set_all(question.body);
    if (!done) return {400, "text/plain", done.error().text() + "\n"};
  } else if (!reads(question)) {
    return {405, "text/plain", "GET, HEAD or POST\n"};
  }
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  for (const auto& [name, value] : knobs_.shown())
    document[name] = value;
  return {200, "application/json", document.dump() + "\n"};
}

std::string data_document(uint64_t bytes, uint64_t seed) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::string_view kBegin = "{\"data\":\"";
  constexpr std::string_view kEnd = "\"}";
  if (bytes < kBegin.size() + kEnd.size()) return "{" + std::string(bytes - 2, ' ') + "}";
  std::string text(kBegin);
  text.reserve(bytes);
  Random random(seed);
  while (text.size() < bytes - kEnd.size()) {
    uint64_t bits = random.bits();
    for (unsigned i = 0; i < 16 && text.size() < bytes - kEnd.size(); ++i, bits >>= 4U)
      text += kDigits[bits & 15U];
  }
  text += kEnd;
  return text;
}

std::string answer_text(const BackendAnswer& answer, std::string_view id, bool keep_alive, bool with_body) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nServer: shunt-test-backend\r\nX-Backend: {}\r\nContent-Type: {}\r\n"
      "Content-Length: {}\r\nConnection: {}\r\n\r\n",
      answer.status, reason_of(answer.status), id, answer.type, answer.body.size(),
      keep_alive ? "keep-alive" : "close");
  if (with_body) text += answer.body;
  return text;
}

}  // namespace shunt
