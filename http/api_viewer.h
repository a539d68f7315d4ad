// A WebSocket (RFC 6455) that is told what its route's feed gives.
//
// Bound: one message on its way at a time, none queued; what a viewer sends is read and ignored, at most
// kMaxViewerMessage bytes each; one that neither reads nor answers pings for the idle limit is closed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>

#include "http/api_context.h"
#include "http/api_transport.h"

namespace shunt {

inline constexpr size_t kMaxViewerMessage = 1'024;

// Takes the upgrade up and serves until the end.
boost::asio::awaitable<void> serve_viewer(
    ApiContext& context, std::shared_ptr<ApiTransport> transport,
    boost::beast::http::request<boost::beast::http::string_body> upgrade, const ApiRoute& route);

}  // namespace shunt
