// An answer that grows while it is sent: a capture, a table, in chunks (RFC 9112 7.1).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "http/api_context.h"
#include "http/api_message.h"
#include "http/api_transport.h"

namespace shunt {

// Until the stream is over, the client has gone or takes nothing for the idle limit. True: all of it was
// sent, and the connection may be used on.
boost::asio::awaitable<bool> send_stream(ApiContext& context, ApiTransport& transport, ApiResponse answer);

}  // namespace shunt
