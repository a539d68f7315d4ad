#include "http/api_download.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>

#include "http/api_head.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kPause{20};  // while there is nothing to send

// Whether the client has closed its side; over TLS what it says now can only be its farewell.
bool has_gone(ApiTransport& transport) {
  char byte = 0;
  const ssize_t found = recv(transport.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (found < 0) return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
  return found == 0 || transport.is_tls();
}

asio::awaitable<bool> send_head(ApiContext& context, ApiTransport& transport, const ApiResponse& answer) {
  http::response<http::empty_body> response;
  response.version(11);
  set_head(response, context, answer);
  response.chunked(true);
  http::response_serializer<http::empty_body> serializer(response);
  transport.expires_after(context.limits.idle);
  const auto [error, bytes] = co_await http::async_write_header(transport, serializer, kAwait);
  co_return !error;
}

asio::awaitable<bool> send_chunk(ApiContext& context, ApiTransport& transport, const std::string& bytes) {
  transport.expires_after(context.limits.idle);
  const auto [error, sent] =
      co_await asio::async_write(transport, http::make_chunk(asio::buffer(bytes)), kAwait);
  co_return !error;
}

asio::awaitable<bool> send_last(ApiContext& context, ApiTransport& transport) {
  transport.expires_after(context.limits.idle);
  const auto [error, sent] = co_await asio::async_write(transport, http::make_chunk_last(), kAwait);
  co_return !error;
}

}  // namespace

asio::awaitable<bool> send_stream(ApiContext& context, ApiTransport& transport, ApiResponse answer) {
  const std::shared_ptr<ApiStream> stream = std::move(answer.stream);
  asio::steady_timer timer(context.io);
  bool reads = co_await send_head(context, transport, answer);
  while (reads && !context.stopped) {
    const std::optional<std::string> part = stream->take();
    if (!part && stream->is_cut()) co_return false;
    if (!part) co_return co_await send_last(context, transport) && !context.stopped;
    if (!part->empty()) {
      reads = co_await send_chunk(context, transport, *part);
      continue;
    }
    timer.expires_after(kPause);
    co_await timer.async_wait(kAwait);
    reads = !context.stopped && !has_gone(transport);
  }
  if (!context.stopped) stream->end();
  co_return false;
}

}  // namespace shunt
