// ApiServer: HTTP/1.1 on the addresses of [api] listen. Which path answers what is api_routes.h.
//
// Owner: the control thread, on whose io_context it lives: one coroutine for each connection, so a slow
// client holds up nobody. Bound: ApiLimits; a connection holds one request and one response at a time. This
// header knows no Boost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/status.h"

namespace boost::asio {
class io_context;
}

namespace shunt {

struct ApiLimits {
  uint32_t header_bytes = 8 * 1024;
  uint32_t body_bytes = 64 * 1024;
  uint32_t local_body_bytes = 8 * 1024 * 1024;  // on the unix socket: a whole configuration
  size_t connections = 256;                     // the ones beyond are told 503 and closed
  std::chrono::milliseconds idle{
      30'000};  // to send a whole request after the last answer, or to take an answer
};

class ApiServer {
 public:
  // Listens on every address or, when one fails, on none. `source` must live until stop().
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& io, StatusSource& source,
                                                  const std::vector<std::string>& listen,
                                                  ApiLimits limits = {});
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Closes the listeners and every connection, and removes the socket files. Safe to repeat.
  void stop();

  // As bound: with the ports that the kernel picked.
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  struct State;
  explicit ApiServer(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with the coroutines, which may end after this object
  std::vector<std::string> addresses_;
};

}  // namespace shunt
