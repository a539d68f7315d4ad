#include "control/ctl_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr uint64_t kMaxAnswerBytes = 256ULL << 20U;

Protocol::endpoint endpoint_of(const ApiAddress& address) {
  if (address.is_unix()) return asio::local::stream_protocol::endpoint(address.path);
  return asio::ip::tcp::endpoint(asio::ip::make_address(address.ip.text()), address.port);
}

struct Exchange {
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  error_code error;
};

asio::awaitable<void> exchange(Stream& stream, Protocol::endpoint endpoint, Exchange& with) {
  const auto [connect_error] = co_await stream.async_connect(endpoint, kAwait);
  with.error = connect_error;
  if (with.error) co_return;
  // A server that is full answers before it has read the question, so the answer counts and not the write.
  co_await http::async_write(stream, with.request, kAwait);
  beast::flat_buffer buffer;
  const auto [read_error, read] = co_await http::async_read(stream, buffer, with.parser, kAwait);
  with.error = read_error;
}

std::string next_step(const ApiAddress& address, const error_code& error, std::chrono::milliseconds timeout) {
  if (error == beast::error::timeout) {
    return "no answer within " + std::to_string(timeout.count() / 1000) +
           " s; shuntd's control thread is busy or stopped (its packets flow on). Try again, then see its "
           "log";
  }
  if (error == boost::system::errc::permission_denied) {
    return "no permission to open the socket. Run shuntctl as root or as a member of the socket's group";
  }
  if (error == boost::system::errc::no_such_file_or_directory) {
    return "there is no such socket. Start shuntd (shuntd --config FILE), or say where it listens: --api "
           "ADDRESS, "
           "--config FILE or SHUNT_API";
  }
  if (error == boost::system::errc::connection_refused) {
    return std::string("nobody answers. ") +
           (address.is_unix() ? "shuntd has ended; start it" : "Start shuntd") +
           " (shuntd --config FILE), or say where it listens: --api ADDRESS, --config FILE or SHUNT_API";
  }
  return error.message() + ". Check that the address is that of a shuntd's [api] listen";
}

}  // namespace

Result<HttpAnswer> ask_shuntd(const ApiAddress& address, std::string_view method, std::string_view path,
                              std::chrono::milliseconds timeout, std::string body) {
  asio::io_context io(1);
  Stream stream(io);
  Exchange with;
  with.request.method_string({method.data(), method.size()});
  with.request.target({path.data(), path.size()});
  with.request.set(http::field::host, address.is_unix() ? "localhost" : address.text());
  with.request.keep_alive(false);
  with.request.body() = std::move(body);
  with.request.prepare_payload();
  with.parser.body_limit(kMaxAnswerBytes);
  stream.expires_after(timeout);
  asio::co_spawn(io, exchange(stream, endpoint_of(address), with), asio::detached);
  io.run();
  if (with.error) return Error{address.text(), next_step(address, with.error, timeout)};
  return HttpAnswer{with.parser.get().result_int(), std::move(with.parser.get().body())};
}

}  // namespace shunt
