#include "insight/api/http_node_actor.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "http/http_client.h"

namespace shunt::insight {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kPatience{5'000};
constexpr size_t kMostBytes = 256 * 1024;

asio::awaitable<void> ask(std::shared_ptr<HttpExchange> exchange, HttpRequest request, NodeActor::Done done) {
  const Result<HttpReply> answer = co_await exchange->ask(std::move(request));
  if (answer)
    done(reply_of(answer.value().status, answer.value().body));
  else
    done({0, std::nullopt, answer.error().text()});
}

}  // namespace

NodeReply reply_of(unsigned status, const std::string& body) {
  NodeReply reply{status, std::nullopt, {}};
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  const bool is_object = json.is_object();
  if (is_object && json.contains("generation") && json["generation"].is_number_unsigned())
    reply.generation = json["generation"].get<uint64_t>();
  if (status < 300) return reply;
  if (is_object && json.contains("detail") && json["detail"].is_string())
    reply.error = json["detail"].get<std::string>();
  if (is_object && json.contains("errors") && json["errors"].is_array()) {
    for (const nlohmann::json& error : json["errors"]) {
      if (error.is_string()) reply.error += "; " + error.get<std::string>();
    }
  }
  if (reply.error.empty()) reply.error = "HTTP " + std::to_string(status);
  return reply;
}

void HttpNodeActor::act(const NodeAction& action, Done done) {
  const auto node = std::ranges::find(nodes_, action.node, &NodeAddress::name);
  if (node == nodes_.end()) return done({0, std::nullopt, "no node has this name"});
  HttpRequest request;
  request.method = action.method;
  request.target = action.path;
  request.body = action.body;
  if (!action.body.empty()) request.fields.emplace_back("Content-Type", "application/json");
  if (!node->token_file.empty()) {
    std::ifstream file(node->token_file);
    std::string token;
    if (!(file >> token)) return done({0, std::nullopt, node->token_file + ": has no token"});
    request.fields.emplace_back("Authorization", "Bearer " + token);
  }
  HttpLimits limits;
  limits.timeout = kPatience;
  limits.body_bytes = kMostBytes;
  auto exchange = std::make_shared<HttpExchange>(io_.get_executor(), node->api,
                                                 HttpTlsFiles{node->ca_file, {}, {}}, limits);
  asio::co_spawn(io_, ask(std::move(exchange), std::move(request), std::move(done)), asio::detached);
}

}  // namespace shunt::insight
