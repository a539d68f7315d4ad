#include "insight/watch/http_node_asker.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace shunt::insight {
namespace {

constexpr size_t kMostBytes = 32U << 20U;
constexpr size_t kLongestToken = 4'096;

Result<std::string> token_in(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file) return Error{path, std::strerror(errno)};
  std::getline(file, token);
  while (!token.empty() && (token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (token.empty() || token.size() > kLongestToken) return Error{path, "has no token in its first line"};
  return token;
}

// "answers 403: needs an operator", with the words of the problem (RFC 9457) where there are any.
std::string refusal(const HttpReply& reply) {
  std::string text = "answers " + std::to_string(reply.status);
  const auto problem = nlohmann::json::parse(reply.body, nullptr, false);
  if (problem.is_object() && problem.contains("detail") && problem["detail"].is_string())
    text += ": " + problem["detail"].get<std::string>();
  return text;
}

}  // namespace

HttpNodeAsker::HttpNodeAsker(boost::asio::any_io_executor executor, NodePlace place)
    : executor_(std::move(executor)), place_(std::move(place)) {}

Result<Ok> HttpNodeAsker::prepare() {
  if (exchange_) return Ok{};
  if (!place_.token_file.empty()) {
    auto token = token_in(place_.token_file);
    if (!token) return token.error();
    token_ = token.take();
  }
  HttpLimits limits;
  limits.body_bytes = kMostBytes;
  exchange_ =
      std::make_shared<HttpExchange>(executor_, place_.url, HttpTlsFiles{place_.ca_file, {}, {}}, limits);
  return Ok{};
}

boost::asio::awaitable<Result<std::string>> HttpNodeAsker::ask(std::string target) {
  if (const auto ready = prepare(); !ready) co_return ready.error();
  const auto exchange = exchange_;
  HttpRequest request;
  request.target = target;
  request.keep = true;
  if (!token_.empty()) request.fields.emplace_back("Authorization", "Bearer " + token_);
  auto reply = co_await exchange->ask(std::move(request));
  if (!reply) {
    if (exchange_ == exchange) exchange_.reset();
    co_return reply.error();
  }
  if (reply.value().status != 200) {
    if (exchange_ == exchange) exchange_.reset();
    co_return Error{place_.url.text() + target, refusal(reply.value())};
  }
  co_return std::move(reply.value().body);
}

void HttpNodeAsker::cancel() {
  if (exchange_) exchange_->cancel();
  exchange_.reset();
}

}  // namespace shunt::insight
