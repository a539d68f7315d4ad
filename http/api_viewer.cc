#include "http/api_viewer.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "http/api_feed.h"
#include "http/api_query.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using Upgrade = beast::http::request<beast::http::string_body>;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

struct Viewer {
  Viewer(ApiContext& shared, std::shared_ptr<ApiTransport> stream)
      : context(shared), transport(std::move(stream)), socket(*transport), news(transport->get_executor()) {
    ++context.viewers;
  }
  ~Viewer() { --context.viewers; }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  void wake() { news.cancel(); }

  ApiContext& context;
  std::shared_ptr<ApiTransport> transport;
  websocket::stream<ApiTransport&> socket;
  asio::steady_timer news;  // cancelled when there is something to do
  bool reading = false;
  bool ended = false;
};

// Pings and the end come in by reading; messages are thrown away.
asio::awaitable<void> read_all(std::shared_ptr<Viewer> viewer) {
  beast::flat_buffer buffer(2 * kMaxViewerMessage);
  for (;;) {
    const auto [error, bytes] = co_await viewer->socket.async_read(buffer, kAwait);
    if (error) break;
    buffer.clear();
  }
  viewer->reading = false;
  viewer->ended = true;
  viewer->wake();
}

asio::awaitable<void> wait_for_news(Viewer& viewer) {
  viewer.news.expires_at(std::chrono::steady_clock::time_point::max());
  co_await viewer.news.async_wait(kAwait);
}

asio::awaitable<void> tell(Viewer& viewer, ApiFeedCursor& cursor) {
  viewer.socket.text(true);
  viewer.socket.auto_fragment(false);
  while (!viewer.ended && !viewer.context.stopped) {
    const auto message = cursor.next();
    if (!message) {
      co_await wait_for_news(viewer);
      continue;
    }
    const auto [error, bytes] =
        co_await viewer.socket.async_write(asio::buffer(message->data(), message->size()), kAwait);
    if (error) break;
  }
}

}  // namespace

asio::awaitable<void> serve_viewer(ApiContext& context, std::shared_ptr<ApiTransport> transport,
                                   Upgrade upgrade, const ApiRoute& route) {
  const auto viewer = std::make_shared<Viewer>(context, std::move(transport));
  viewer->transport->expires_never();  // the WebSocket has limits of its own
  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = context.limits.idle;
  limits.idle_timeout = context.limits.idle;
  limits.keep_alive_pings = true;
  viewer->socket.set_option(limits);
  viewer->socket.read_message_max(kMaxViewerMessage);
  const auto [error] = co_await viewer->socket.async_accept(upgrade, kAwait);
  if (error || context.stopped) co_return;
  viewer->reading = true;
  asio::co_spawn(viewer->transport->get_executor(), read_all(viewer), asio::detached);
  {
    const ApiQuery query = query_of({upgrade.target().data(), upgrade.target().size()});
    const auto cursor = route.feed(query, [raw = viewer.get()] { raw->wake(); });
    co_await tell(*viewer, *cursor);
  }
  viewer->transport->close();
  while (viewer->reading)
    co_await wait_for_news(*viewer);
}

}  // namespace shunt
