// ApiContext: what the server's connections share. One thread; coroutines keep it alive.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "http/api_audit.h"
#include "http/api_auth.h"
#include "http/api_gate.h"
#include "http/api_limits.h"
#include "http/api_route.h"
#include "http/http_host.h"

namespace boost::asio::ssl {
class context;
}

namespace shunt {

class ApiTransport;

struct ApiContext {
  ApiContext(boost::asio::io_context& context, HttpHost behind, const ApiLimits& bounds)
      : io(context), host(std::move(behind)), limits(bounds), auth(context), peers(bounds) {
    page.method = "GET";
    page.role = ApiRole::anyone;
    page.handler = host.page;
  }

  std::string state_tag() const { return host.state_tag ? host.state_tag() : std::string(); }
  void note(std::string kind, std::string subject, std::string text) const {
    if (host.note) host.note(std::move(kind), std::move(subject), std::move(text));
  }

  boost::asio::io_context& io;
  const HttpHost host;
  const ApiLimits limits;
  ApiRouteTable table;
  ApiRoute page;  // of what no row has; without a handler: 404
  ApiAuth auth;
  ApiAnonymous anonymous;
  ApiAudit audit;
  PeerLimits peers;
  std::shared_ptr<boost::asio::ssl::context> tls;  // nullptr: TCP is plain
  std::set<ApiTransport*> transports;              // that stop() closes
  size_t tcp_connections = 0;
  size_t unix_connections = 0;
  size_t viewers = 0;
  bool stopped = false;
};

}  // namespace shunt
