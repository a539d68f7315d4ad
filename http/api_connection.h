// One connection of the API: requests in, answers out, in order; or a WebSocket from some request on.
//
// Owner: the control thread; a coroutine each, so a slow client holds up nobody. A request is refused as
// early as it can be: its body isn't read before its route, its caller and its size are found good.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "common/address.h"
#include "http/api_context.h"
#include "http/api_transport.h"

namespace shunt {

struct ApiPeer {
  bool by_unix = false;
  IpAddress address;  // TCP
  std::string from;   // for logs: "192.0.2.7:40001"
  std::string who;    // by the kernel, over the unix socket
  std::string name;   // the user's
};

// Until the connection ends. `context` lives as long.
boost::asio::awaitable<void> serve_connection(ApiContext& context, std::shared_ptr<ApiTransport> transport,
                                              ApiPeer peer);

// Tells a connection that there is no room for it, in plain text: a client of TLS doesn't understand it, but
// sees the end.
boost::asio::awaitable<void> refuse_connection(ApiContext& context, ApiTransport& transport);

}  // namespace shunt
