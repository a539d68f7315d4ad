#include "control/api_server.h"

#include <iterator>
#include <utility>

#include "control/api_routes.h"
#include "control/api_schemas.h"
#include "control/node_api.h"

namespace shunt {
namespace {

HttpSettings http_settings(const ApiSettings& from) {
  return {from.listen, from.token_file, from.tls_certificate, from.tls_key, from.audit_file};
}

HttpHost host_of(const std::shared_ptr<NodeApi>& node, std::vector<ApiRoute> more) {
  HttpHost host;
  host.identity = {"shuntd", node->source.node().version,
                   "A layer-4 load balancer: what it does, and what may be changed", &api_schemas()};
  host.routes = node_routes(*node);
  std::ranges::move(more, std::back_inserter(host.routes));
  NodeApi* raw = node.get();
  host.state_tag = [raw] { return raw->source.desired_tag(); };
  host.generation = [raw] { return raw->source.generation(); };
  host.note = [raw](std::string kind, std::string subject, std::string text) {
    raw->events.add(std::move(kind), std::move(subject), std::move(text));
  };
  host.stopping = [raw] { raw->figures.stop(); };
  host.kept = node;
  return host;
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(boost::asio::io_context& io, ApiParts parts,
                                                    const ApiSettings& settings, const ApiLimits& limits) {
  auto node = std::make_shared<NodeApi>(io, parts.source, parts.events, limits);
  node->simple_writes = settings.simple_writes;
  auto server = HttpServer::start(io, host_of(node, std::move(parts.more)), http_settings(settings), limits);
  if (!server) return server.error();
  node->table = &server.value()->routes();
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(node), server.take()));
}

Result<std::function<void()>> ApiServer::prepare(const ApiSettings& settings) {
  auto prepared = server_->prepare(http_settings(settings));
  if (!prepared) return prepared.error();
  return std::function<void()>([this, put = prepared.take(), simple = settings.simple_writes] {
    put();
    node_->simple_writes = simple;
  });
}

}  // namespace shunt
