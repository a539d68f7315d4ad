#include "http/http_client.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>
#include <tuple>

#include "http/name_resolver.h"

namespace shunt {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using boost::system::error_code;

namespace {

// TCP or a unix socket.
using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using Endpoint = asio::generic::stream_protocol::endpoint;

constexpr auto kAsValue = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadBytes = 65'536;

asio::ip::address to_asio(const IpAddress& address) {
  if (address.is_v4()) return asio::ip::address_v4(address.v4().host());
  return asio::ip::address_v6(address.bytes());
}

Result<std::unique_ptr<ssl::context>> make_context(const HttpTlsFiles& files) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(ssl::verify_peer);
  error_code error;
  if (files.ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(files.ca_file, error);
  }
  if (error)
    return Error{files.ca_file.empty() ? "the system's authorities" : files.ca_file, error.message()};
  if (files.certificate_file.empty()) return context;
  context->use_certificate_chain_file(files.certificate_file, error);
  if (error) return Error{files.certificate_file, error.message()};
  context->use_private_key_file(files.key_file, ssl::context::pem, error);
  if (error) return Error{files.key_file, error.message()};
  return context;
}

http::request<http::string_body> request_of(HttpRequest from, const HttpUrl& url) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(from.method);
  request.target(from.target);
  request.set(http::field::host, url.authority());
  request.set(http::field::user_agent, "shunt");
  request.set(http::field::accept, "application/json");
  request.set(http::field::connection, from.keep ? "keep-alive" : "close");
  for (const auto& [name, value] : from.fields)
    request.set(name, value);
  request.body() = std::move(from.body);
  if (!request.body().empty()) request.set(http::field::content_type, "application/json");
  request.prepare_payload();
  return request;
}

}  // namespace

struct HttpExchange::Wire {
  Wire(asio::any_io_executor where, HttpUrl to, HttpTlsFiles tls_files, HttpLimits bounds)
      : executor(std::move(where)), url(std::move(to)), files(std::move(tls_files)), limits(bounds) {}

  Stream& lowest() { return secure ? beast::get_lowest_layer(*secure) : *plain; }
  Error failed(const char* step, const error_code& error) const {
    return {url.text(), std::string(step) + ": " +
                            (error == beast::error::timeout ? std::string("timed out") : error.message())};
  }
  asio::awaitable<Result<std::vector<IpAddress>>> addresses();
  asio::awaitable<Result<std::vector<Endpoint>>> endpoints();
  asio::awaitable<Result<>> connect();
  asio::awaitable<Result<>> secure_it();
  asio::awaitable<Result<>> send(HttpRequest request);
  asio::awaitable<Result<>> exchange(http::request<http::string_body>& request);
  bool is_kept() const;
  asio::awaitable<error_code> read_more(std::chrono::milliseconds idle);

  asio::any_io_executor executor;
  HttpUrl url;
  HttpTlsFiles files;
  HttpLimits limits;
  std::shared_ptr<NameResolver> resolver;
  std::unique_ptr<ssl::context> context;
  std::unique_ptr<Stream> plain;
  std::unique_ptr<beast::ssl_stream<Stream>> secure;
  beast::flat_buffer received;
  std::optional<http::response_parser<http::buffer_body>> parser;
  std::array<char, kReadBytes> chunk{};
  std::string pending;  // body that nobody has taken yet
  size_t searched = 0;  // of it, without a line's end
  bool cancelled = false;
};

asio::awaitable<Result<std::vector<IpAddress>>> HttpExchange::Wire::addresses() {
  if (const auto address = IpAddress::parse(url.host)) co_return std::vector{*address};
  auto opened = NameResolver::open(executor, {}, limits.timeout);
  if (!opened) co_return opened.error();
  resolver = opened.take();
  const auto held = resolver;
  auto found = co_await held->addresses(url.host);
  resolver.reset();
  if (found && found.value().empty()) co_return Error{url.host, "has no address"};
  co_return found;
}

asio::awaitable<Result<std::vector<Endpoint>>> HttpExchange::Wire::endpoints() {
  std::vector<Endpoint> all;
  if (!url.socket.empty()) {
    all.emplace_back(asio::local::stream_protocol::endpoint(url.socket));
    co_return all;
  }
  const auto found = co_await addresses();
  if (!found) co_return found.error();
  for (const IpAddress& address : found.value())
    all.emplace_back(asio::ip::tcp::endpoint(to_asio(address), url.port));
  co_return all;
}

asio::awaitable<Result<>> HttpExchange::Wire::connect() {
  const auto found = co_await endpoints();
  if (!found) co_return found.error();
  Result<> connected = Error{url.text(), "cancelled"};
  secure.reset();
  received.clear();
  for (const Endpoint& endpoint : found.value()) {
    if (cancelled) co_return Error{url.text(), "cancelled"};
    plain = std::make_unique<Stream>(executor);
    plain->expires_after(limits.timeout);
    const auto [error] = co_await plain->async_connect(endpoint, kAsValue);
    connected = error ? Result<>(failed("connecting", error)) : Ok{};
    if (!error) break;
  }
  if (!connected) co_return connected;
  error_code ignored;  // of a unix socket: it has no such options
  plain->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  plain->socket().set_option(asio::socket_base::keep_alive(true), ignored);
  if (url.tls) co_return co_await secure_it();
  co_return Ok{};
}

// The connection of the answer before, which was read to its end.
bool HttpExchange::Wire::is_kept() const {
  return (plain || secure) && parser && parser->is_done() && parser->get().keep_alive();
}

asio::awaitable<Result<>> HttpExchange::Wire::secure_it() {
  auto made = make_context(files);
  if (!made) co_return made.error();
  context = made.take();
  secure = std::make_unique<beast::ssl_stream<Stream>>(std::move(*plain), *context);
  plain.reset();
  // (SSL_set_tlsext_host_name is a macro with an old-style cast.)
  if (!IpAddress::parse(url.host)) {
    SSL_ctrl(secure->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             url.host.data());
  }
  error_code error;
  secure->set_verify_callback(ssl::host_name_verification(url.host), error);
  lowest().expires_after(limits.timeout);
  const auto [failure] = co_await secure->async_handshake(ssl::stream_base::client, kAsValue);
  if (!failure) co_return Ok{};
  const long verdict = SSL_get_verify_result(secure->native_handle());
  const std::string why =
      verdict == X509_V_OK ? "" : std::string(", ") + X509_verify_cert_error_string(verdict);
  co_return Error{url.text(), failed("TLS", failure).what + why};
}

asio::awaitable<Result<>> HttpExchange::Wire::send(HttpRequest from) {
  auto request = request_of(std::move(from), url);
  // What changes something isn't sent a second time when a kept connection fails.
  const bool was_kept = is_kept() && request.method() == http::verb::get;
  pending.clear();
  searched = 0;
  if (was_kept) {
    if (auto sent = co_await exchange(request); sent || cancelled) co_return sent;
  }
  if (auto connected = co_await connect(); !connected) co_return connected;
  co_return co_await exchange(request);
}

// The request there, the header back.
asio::awaitable<Result<>> HttpExchange::Wire::exchange(http::request<http::string_body>& request) {
  if (cancelled) co_return Error{url.text(), "cancelled"};
  lowest().expires_after(limits.timeout);
  error_code error;
  size_t bytes = 0;
  // (Not by ?:, which g++ 12 gets wrong around co_await; nor with a request in braces as an argument.)
  if (secure) {
    std::tie(error, bytes) = co_await http::async_write(*secure, request, kAsValue);
  } else {
    std::tie(error, bytes) = co_await http::async_write(*plain, request, kAsValue);
  }
  if (error) co_return failed("sending", error);
  parser.emplace();
  parser->header_limit(static_cast<uint32_t>(limits.header_bytes));
  parser->body_limit(boost::none);  // counted in read_more()'s callers
  lowest().expires_after(limits.timeout);
  if (secure) {
    std::tie(error, bytes) = co_await http::async_read_header(*secure, received, *parser, kAsValue);
  } else {
    std::tie(error, bytes) = co_await http::async_read_header(*plain, received, *parser, kAsValue);
  }
  if (error) co_return failed("reading", error);
  co_return Ok{};
}

// Some more of the body into `pending`.
asio::awaitable<error_code> HttpExchange::Wire::read_more(std::chrono::milliseconds idle) {
  auto& body = parser->get().body();
  body.data = chunk.data();
  body.size = chunk.size();
  lowest().expires_after(idle);
  error_code error;
  size_t bytes = 0;
  if (secure) {
    std::tie(error, bytes) = co_await http::async_read_some(*secure, received, *parser, kAsValue);
  } else {
    std::tie(error, bytes) = co_await http::async_read_some(*plain, received, *parser, kAsValue);
  }
  if (error == http::error::need_buffer) error = {};
  if (!error) pending.append(chunk.data(), chunk.size() - body.size);
  co_return error;
}

HttpExchange::HttpExchange(const asio::any_io_executor& executor, HttpUrl url, HttpTlsFiles tls,
                           HttpLimits limits)
    : wire_(std::make_shared<Wire>(executor, std::move(url), std::move(tls), limits)) {}

HttpExchange::~HttpExchange() {
  cancel();
}

void HttpExchange::cancel() {
  wire_->cancelled = true;
  if (wire_->resolver) wire_->resolver->cancel();
  if (wire_->plain || wire_->secure) wire_->lowest().cancel();
}

asio::awaitable<Result<unsigned>> HttpExchange::open(HttpRequest request) {
  const auto wire = wire_;
  if (auto sent = co_await wire->send(std::move(request)); !sent) co_return sent.error();
  co_return wire->parser->get().result_int();
}

asio::awaitable<Result<std::string>> HttpExchange::read_body() {
  const auto wire = wire_;
  while (!wire->parser->is_done()) {
    if (const error_code error = co_await wire->read_more(wire->limits.timeout); error)
      co_return wire->failed("reading", error);
    if (wire->pending.size() > wire->limits.body_bytes)
      co_return Error{wire->url.text(), "the answer is too large"};
  }
  co_return std::move(wire->pending);
}

asio::awaitable<Result<HttpReply>> HttpExchange::ask(HttpRequest request) {
  const auto status = co_await open(std::move(request));
  if (!status) co_return status.error();
  auto body = co_await read_body();
  if (!body) co_return body.error();
  co_return HttpReply{status.value(), body.take()};
}

bool HttpExchange::has_line() const {
  return wire_->pending.find('\n', wire_->searched) != std::string::npos;
}

asio::awaitable<HttpLine> HttpExchange::read_line(std::chrono::milliseconds idle) {
  const auto wire = wire_;
  using Kind = HttpLine::Kind;
  while (true) {
    const size_t end = wire->pending.find('\n', wire->searched);
    if (end != std::string::npos) {
      HttpLine line{Kind::line, wire->pending.substr(0, end)};
      wire->pending.erase(0, end + 1);
      wire->searched = 0;
      co_return line;
    }
    wire->searched = wire->pending.size();
    if (wire->searched > wire->limits.line_bytes)
      co_return HttpLine{Kind::failed, Error{wire->url.text(), "a line is too long"}.text()};
    if (wire->parser->is_done()) co_return HttpLine{Kind::end, {}};
    const error_code error = co_await wire->read_more(idle);
    if (error == beast::error::timeout) co_return HttpLine{Kind::idle, {}};
    if (error) co_return HttpLine{Kind::failed, wire->failed("reading", error).text()};
  }
}

}  // namespace shunt
