// ApiServer: HTTP/1.1 and WebSocket on the addresses of [api] listen, TLS 1.3 on TCP where there is a
// certificate. What there is to ask for are the rows of api_route.h.
//
// Owner: the control thread, on whose io_context it lives. Bound: ApiLimits; a connection holds one request
// and one answer at a time. This header knows no Boost.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/api_limits.h"
#include "control/api_route.h"
#include "control/event_log.h"
#include "control/status.h"

namespace boost::asio {
class io_context;
}

namespace shunt {

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
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Reads tokens, certificate and audit file of new settings, and gives what puts them in use; nothing has
  // changed before that is called. `listen` stays as it was.
  Result<std::function<void()>> prepare(const ApiSettings& settings);

  // Closes the listeners and every connection, and removes the socket files. Safe to repeat.
  void stop();

  // As bound: with the ports that the kernel picked.
  const std::vector<std::string>& addresses() const { return addresses_; }
  const ApiRouteTable& routes() const;

 private:
  struct State;
  explicit ApiServer(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with the coroutines, which may end after this object
  std::vector<std::string> addresses_;
};

}  // namespace shunt
