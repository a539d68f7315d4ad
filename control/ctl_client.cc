#include "control/ctl_client.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <vector>

#include "http/api_await.h"
#include "http/api_transport.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using Protocol = ApiTransport::Protocol;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr uint64_t kMaxAnswerBytes = 256ULL << 20U;

// In the order to try them; a name may have several, of which shuntd listens at one. Throws where a name
// isn't found.
std::vector<Protocol::endpoint> endpoints_of(const CtlTarget& target, asio::io_context& io) {
  const ApiAddress& address = target.address;
  if (address.is_unix()) return {asio::local::stream_protocol::endpoint(address.path)};
  if (target.host.empty())
    return {asio::ip::tcp::endpoint(asio::ip::make_address(address.ip.text()), address.port)};
  asio::ip::tcp::resolver resolver(io);
  std::vector<Protocol::endpoint> endpoints;
  for (const auto& entry : resolver.resolve(target.host, std::to_string(address.port)))
    endpoints.emplace_back(entry.endpoint());
  return endpoints;
}

// Throws where the file can't be read.
std::shared_ptr<asio::ssl::context> tls_of(const CtlTarget& target) {
  if (!target.tls) return nullptr;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  context->set_verify_mode(asio::ssl::verify_peer);
  if (SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_3_VERSION) != 1)
    throw std::runtime_error("this OpenSSL has no TLS 1.3");
  if (target.ca_file.empty()) {
    context->set_default_verify_paths();
  } else {
    context->load_verify_file(target.ca_file);
  }
  const std::string name = target.host.empty() ? target.address.ip.text() : target.host;
  context->set_verify_callback(asio::ssl::host_name_verification(name));
  return context;
}

struct Exchange {
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  std::string server_name;  // for TLS; empty: an address
  error_code error;
};

// The server's name is for TLS, and empty for an address. The error is the last endpoint's.
asio::awaitable<error_code> begin(ApiTransport& stream, std::vector<Protocol::endpoint> endpoints,
                                  const std::string& server_name) {
  error_code error = asio::error::host_not_found;
  for (const Protocol::endpoint& endpoint : endpoints) {
    error_code ignored;
    stream.socket().close(ignored);
    error =
        co_await await_callback<error_code>([&](auto done) { stream.connect(endpoint, std::move(done)); });
    if (!error || error == beast::error::timeout) break;
  }
  if (error || !stream.is_tls()) co_return error;
  co_return co_await await_callback<error_code>(
      [&](auto done) { stream.connect_tls(server_name, std::move(done)); });
}

asio::awaitable<void> exchange(ApiTransport& stream, std::vector<Protocol::endpoint> endpoints,
                               Exchange& with) {
  with.error = co_await begin(stream, std::move(endpoints), with.server_name);
  if (with.error) co_return;
  // A server that is full answers before it has read the question, so the answer counts and not the write.
  co_await http::async_write(stream, with.request, kAwait);
  beast::flat_buffer buffer;
  const auto [read_error, read] = co_await http::async_read(stream, buffer, with.parser, kAwait);
  with.error = read_error;
}

struct Download {
  http::request<http::string_body> request;
  http::response_parser<http::buffer_body> parser;
  std::string server_name;
  std::string refusal;  // the body of an answer that isn't a success
  error_code error;
};

asio::awaitable<void> download(ApiTransport& stream, std::vector<Protocol::endpoint> endpoints,
                               Download& with, std::chrono::milliseconds timeout,
                               const std::function<bool(std::string_view)>& sink) {
  with.error = co_await begin(stream, std::move(endpoints), with.server_name);
  if (with.error) co_return;
  co_await http::async_write(stream, with.request, kAwait);
  beast::flat_buffer buffer;
  const auto [head_error, head] = co_await http::async_read_header(stream, buffer, with.parser, kAwait);
  with.error = head_error;
  const bool refused = !with.error && with.parser.get().result_int() >= 300;
  std::array<char, 64 * 1024> part{};
  while (!with.error && !with.parser.is_done()) {
    with.parser.get().body().data = part.data();
    with.parser.get().body().size = part.size();
    stream.expires_after(timeout);
    const auto [error, bytes] = co_await http::async_read_some(stream, buffer, with.parser, kAwait);
    with.error = error == http::error::need_buffer ? error_code{} : error;
    const std::string_view got(part.data(), part.size() - with.parser.get().body().size);
    if (refused) {
      with.refusal += got;
    } else if (!got.empty() && !sink(got)) {
      break;
    }
  }
}

http::request<http::string_body> request_of(const CtlTarget& target, std::string_view method,
                                            std::string_view path, std::string body) {
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({path.data(), path.size()});
  const std::string host =
      target.host.empty() ? target.address.text() : target.host + ":" + std::to_string(target.address.port);
  request.set(http::field::host, target.address.is_unix() ? "localhost" : host);
  if (!target.token.empty()) request.set(http::field::authorization, "Bearer " + target.token);
  request.keep_alive(false);
  request.body() = std::move(body);
  request.prepare_payload();
  return request;
}

std::string next_step(const CtlTarget& target, const error_code& error, std::chrono::milliseconds timeout) {
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
           (target.address.is_unix() ? "shuntd has ended; start it" : "Start shuntd") +
           " (shuntd --config FILE), or say where it listens: --api ADDRESS, --config FILE or SHUNT_API";
  }
  if (target.tls && error.category() == asio::error::get_ssl_category()) {
    return error.message() +
           ". Is it TLS that is spoken there, and is --ca the file of who signed its certificate?";
  }
  return error.message() + ". Check that the address is that of a shuntd's [api] listen";
}

}  // namespace

Result<HttpAnswer> ask_shuntd(const CtlTarget& target, std::string_view method, std::string_view path,
                              std::chrono::milliseconds timeout, std::string body) try {
  asio::io_context io(1);
  std::vector<Protocol::endpoint> endpoints = endpoints_of(target, io);
  ApiTransport stream(Protocol::socket(io), tls_of(target));
  Exchange with;
  with.server_name = target.host;
  with.request = request_of(target, method, path, std::move(body));
  with.parser.body_limit(kMaxAnswerBytes);
  stream.expires_after(timeout);
  asio::co_spawn(io, exchange(stream, std::move(endpoints), with), asio::detached);
  io.run();
  if (with.error) return Error{target.text(), next_step(target, with.error, timeout)};
  return HttpAnswer{with.parser.get().result_int(), std::move(with.parser.get().body())};
} catch (const std::exception& error) {
  return Error{target.text(), error.what()};
}

Result<HttpAnswer> stream_from_shuntd(const CtlTarget& target, std::string_view method, std::string_view path,
                                      std::chrono::milliseconds timeout,
                                      const std::function<bool(std::string_view)>& sink) try {
  asio::io_context io(1);
  std::vector<Protocol::endpoint> endpoints = endpoints_of(target, io);
  ApiTransport stream(Protocol::socket(io), tls_of(target));
  Download with;
  with.server_name = target.host;
  with.request = request_of(target, method, path, {});
  with.parser.body_limit(boost::none);
  stream.expires_after(timeout);
  asio::co_spawn(io, download(stream, std::move(endpoints), with, timeout, sink), asio::detached);
  io.run();
  if (with.error) return Error{target.text(), next_step(target, with.error, timeout)};
  return HttpAnswer{with.parser.get().result_int(), std::move(with.refusal)};
} catch (const std::exception& error) {
  return Error{target.text(), error.what()};
}

}  // namespace shunt
