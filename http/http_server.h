// HttpServer: HTTP/1.1 and WebSocket on TCP and unix sockets, TLS 1.3 on TCP where there is a certificate.
// What there is to ask for are the rows of api_route.h.
//
// Owner: one thread, that of its io_context. Bound: ApiLimits; a connection holds one request and one answer
// at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "http/api_gate.h"
#include "http/api_limits.h"
#include "http/api_route.h"
#include "http/http_host.h"

namespace boost::asio {
class io_context;
}

namespace shunt {

struct HttpSettings {
  std::vector<std::string> listen;   // "127.0.0.1:8080", "[::1]:0", "unix:/run/x.sock"
  std::string token_file = {};       // empty: no tokens
  std::string tls_certificate = {};  // empty: TCP is plain
  std::string tls_key = {};
  std::string audit_file = {};  // empty: none
  ApiAnonymous anonymous = {};
};

class HttpServer {
 public:
  // Listens on every address or, when one fails, on none. What `host` refers to has to live until stop().
  static Result<std::unique_ptr<HttpServer>> start(boost::asio::io_context& io, HttpHost host,
                                                   const HttpSettings& settings,
                                                   const ApiLimits& limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Reads tokens, certificate and audit file of new settings, and gives what puts them in use; nothing has
  // changed before that is called. `listen` stays as it was.
  Result<std::function<void()>> prepare(const HttpSettings& settings);

  // Closes the listeners and every connection, and removes the socket files. Safe to repeat.
  void stop();

  // As bound: with the ports that the kernel picked.
  const std::vector<std::string>& addresses() const { return addresses_; }
  const ApiRouteTable& routes() const;

 private:
  struct State;
  explicit HttpServer(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with the coroutines, which may end after this object
  std::vector<std::string> addresses_;
};

}  // namespace shunt
