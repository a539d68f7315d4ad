// ApiServer: shuntd's API (docs/api.md): its rows behind an HttpServer, on the addresses of [api] listen.
//
// Owner: the control thread, on whose io_context it lives. This header knows no Boost.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/event_log.h"
#include "control/status.h"
#include "http/http_server.h"

namespace shunt {

struct NodeApi;

struct ApiSettings {
  std::vector<std::string> listen;
  std::string token_file = {};       // empty: no tokens
  std::string tls_certificate = {};  // empty: TCP is plain
  std::string tls_key = {};
  std::string audit_file = {};  // empty: none
  bool simple_writes = false;   // a GET of /algorithm/{name} changes the scheduler
};

// What the server stands on; has to live until stop().
struct ApiParts {
  StatusSource& source;
  EventLog& events;
  std::vector<ApiRoute> more = {};  // rows of other parts
};

class ApiServer {
 public:
  // Listens on every address or, when one fails, on none.
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& io, ApiParts parts,
                                                  const ApiSettings& settings, const ApiLimits& limits = {});

  // Reads tokens, certificate and audit file of new settings, and gives what puts them in use; nothing has
  // changed before that is called. `listen` stays as it was.
  Result<std::function<void()>> prepare(const ApiSettings& settings);

  // Closes the listeners and every connection, and removes the socket files. Safe to repeat.
  void stop() { server_->stop(); }

  // As bound: with the ports that the kernel picked.
  const std::vector<std::string>& addresses() const { return server_->addresses(); }
  const ApiRouteTable& routes() const { return server_->routes(); }

 private:
  ApiServer(std::shared_ptr<NodeApi> node, std::unique_ptr<HttpServer> server)
      : node_(std::move(node)), server_(std::move(server)) {}

  std::shared_ptr<NodeApi> node_;  // shared with the connections, which may end after this object
  std::unique_ptr<HttpServer> server_;
};

}  // namespace shunt
