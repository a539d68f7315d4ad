#include "http/api_connection.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "http/api_await.h"
#include "http/api_download.h"
#include "http/api_gate.h"
#include "http/api_head.h"
#include "http/api_viewer.h"
#include "http/http_gzip.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using Parser = http::request_parser<http::string_body>;
using Request = http::request<http::string_body>;
using Response = http::response<http::span_body<const char>>;  // of a text that somebody else holds
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr std::chrono::milliseconds kLinger{1000};
constexpr size_t kLingerBytes = 256 * 1024;
constexpr size_t kMostPacked = 1024 * 1024;  // more would hold all others up
constexpr int kQuickest = 1;

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

// Status and text of the answer to a request that can't be read; nothing: not worth one (closed, reset, timed
// out).
std::optional<ApiResponse> complaint_about(const error_code& error, const ApiLimits& limits) {
  if (error.category() != http::make_error_code(http::error::end_of_stream).category()) return std::nullopt;
  if (error == http::error::end_of_stream) return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return problem(431,
                   "the request's header has more than " + std::to_string(limits.header_bytes) + " bytes");
  }
  if (error == http::error::body_limit) return problem(413, "the request's body is too big");
  if (error == http::error::bad_version) return problem(505, "HTTP/1.1 is spoken here");
  return problem(400, error.message());
}

// RFC 9112 3.2: an HTTP/1.1 request has exactly one Host.
bool names_its_host(const Request& request) {
  return request.version() < 11 || request.count(http::field::host) == 1;
}

// An answer on its way: what it says is held here, or by all who get the same.
struct Answer {
  std::shared_ptr<const std::string> body;
  Response response;
};

Answer make_answer(const ApiContext& context, ApiResponse&& from, unsigned version, bool keep_alive,
                   bool head) {
  Answer answer;
  answer.body = from.shared_body ? std::move(from.shared_body)
                                 : std::make_shared<const std::string>(std::move(from.body));
  Response& response = answer.response;
  response.version(version);
  set_head(response, context, from);
  response.keep_alive(keep_alive);
  // RFC 9110 8.6: neither has a length of its own.
  if (from.status == 204 || from.status == 304) return answer;
  response.content_length(answer.body->size());
  if (!head) response.body() = {answer.body->data(), answer.body->size()};
  return answer;
}

// What the caller takes as gzip goes as that. An ETag names one representation (RFC 9110 8.8.3): such an
// answer stays as it is, as one that is packed already does.
void pack(ApiResponse& answer, const ApiCall& call) {
  if (answer.status != 200 || answer.stream || answer.fields.contains("ETag")) return;
  const std::string& text = answer.shared_body ? *answer.shared_body : answer.body;
  if (answer.fields.contains("Content-Encoding") || text.size() > kMostPacked) return;
  if (!takes_gzip(call.accept_encoding)) return;
  std::optional<std::string> packed = gzip(text, kQuickest);
  if (!packed) return;
  answer.body = *std::move(packed);
  answer.shared_body = nullptr;
  answer.fields["Content-Encoding"] = "gzip";
  answer.fields["Vary"] = "Accept-Encoding";
}

// Ends a connection without losing the last answer: closing while unread bytes wait would reset it.
asio::awaitable<void> close_gently(ApiTransport& transport) {
  transport.expires_after(kLinger);
  if (transport.is_tls()) {
    co_await await_callback<error_code>([&](auto done) { transport.end_tls(std::move(done)); });
  } else {
    error_code ignored;
    transport.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    std::array<char, 4096> discarded{};
    size_t total = 0;
    while (total < kLingerBytes) {
      const auto [error, bytes] = co_await transport.async_read_some(asio::buffer(discarded), kAwait);
      if (error) break;
      total += bytes;
    }
  }
  transport.close();
}

ApiFields fields_of(const Request& request) {
  ApiFields fields;
  fields.host = text_of(request[http::field::host]);
  if (request.count(http::field::origin) > 0) fields.origin = text_of(request[http::field::origin]);
  if (request.count(http::field::if_match) > 0) fields.if_match = text_of(request[http::field::if_match]);
  return fields;
}

ApiResponse retry_later(unsigned status, const std::string& detail) {
  ApiResponse response = problem(status, detail);
  response.fields["Retry-After"] = "1";
  return response;
}

class Connection {
 public:
  Connection(ApiContext& context, std::shared_ptr<ApiTransport> transport, ApiPeer peer)
      : context_(context),
        transport_(std::move(transport)),
        peer_(std::move(peer)),
        buffer_(context.limits.header_bytes + 64 * 1024) {}

  asio::awaitable<void> serve();

 private:
  using Refusal = std::optional<ApiResponse>;
  using Clock = std::chrono::steady_clock;

  asio::awaitable<bool> answer_one();
  asio::awaitable<ApiResponse> answer_to(Parser& parser);
  asio::awaitable<Refusal> find_caller(const Request& request, ApiCaller& caller);
  asio::awaitable<void> find_by_cookie(const Request& request, ApiCaller& caller);
  asio::awaitable<Refusal> sign_in(const std::string& body, ApiCaller& caller);
  asio::awaitable<Refusal> check_token(const std::string& token, ApiCaller& caller);
  asio::awaitable<Refusal> read_body(Parser& parser, const ApiRoute& route);
  asio::awaitable<ApiResponse> run(const ApiRoute& route, const ApiCall& call);
  asio::awaitable<bool> write(ApiResponse answer, unsigned version, bool keep_alive, bool head);
  Refusal too_big(const Parser& parser, const ApiRoute& route) const;
  const ApiRoute* route_of(ApiRouteTable::Match& match, const std::string& method) const;
  ApiAccess access_of(const Request& request) const;
  void note(const ApiRoute& route, const ApiCaller& caller, const Request& request, unsigned status);

  ApiContext& context_;
  std::shared_ptr<ApiTransport> transport_;
  ApiPeer peer_;
  beast::flat_buffer buffer_;
  const ApiRoute* feed_ = nullptr;  // the request that was read asks for a WebSocket of this route
};

asio::awaitable<void> Connection::serve() {
  if (transport_->is_tls()) {
    transport_->expires_after(context_.limits.idle);
    const error_code error =
        co_await await_callback<error_code>([this](auto done) { transport_->accept_tls(std::move(done)); });
    if (error) {
      transport_->close();
      co_return;
    }
  }
  while (!context_.stopped && co_await answer_one()) {
  }
  if (!context_.stopped) co_await close_gently(*transport_);
}

// One request and its answer; false when the connection is over.
asio::awaitable<bool> Connection::answer_one() {
  Parser parser;
  parser.header_limit(context_.limits.header_bytes);
  parser.body_limit(context_.limits.body_bytes);
  transport_->expires_after(context_.limits.idle);
  const auto [error, bytes] = co_await http::async_read_header(*transport_, buffer_, parser, kAwait);
  if (context_.stopped) co_return false;
  if (error) {
    auto complaint = complaint_about(error, context_.limits);
    if (complaint) co_await write(*std::move(complaint), 11, false, false);
    co_return false;
  }
  if (!names_its_host(parser.get())) {
    co_await write(problem(400, "an HTTP/1.1 request has exactly one Host field"), 11, false, false);
    co_return false;
  }
  ApiResponse answer = co_await answer_to(parser);
  if (context_.stopped) co_return false;
  if (feed_ != nullptr) {
    co_await serve_viewer(context_, transport_, parser.release(), *feed_);
    co_return false;
  }
  // What is left of a body that nobody wanted can't be told from the next request.
  const bool keep_alive = parser.is_done() && parser.get().keep_alive();
  const bool head = parser.get().method() == http::verb::head;
  if (head && answer.stream) std::exchange(answer.stream, {})->end();
  if (answer.stream) co_return co_await send_stream(context_, *transport_, std::move(answer)) && keep_alive;
  co_return co_await write(std::move(answer), parser.get().version(), keep_alive, head) && keep_alive;
}

asio::awaitable<bool> Connection::write(ApiResponse answer, unsigned version, bool keep_alive, bool head) {
  const Answer reply = make_answer(context_, std::move(answer), version, keep_alive, head);
  transport_->expires_after(context_.limits.idle);
  const auto [error, bytes] = co_await http::async_write(*transport_, reply.response, kAwait);
  co_return !error;
}

asio::awaitable<ApiResponse> Connection::answer_to(Parser& parser) {
  const Request& request = parser.get();
  if (!peer_.by_unix && !context_.peers.take_request(peer_.address, Clock::now()))
    co_return retry_later(429, "too many requests from " + peer_.address.text());
  const std::string method = text_of(request.method_string());
  const std::string target = text_of(request.target());
  if (!peer_.by_unix && !context_.auth.is_on() &&
      !is_own_host(context_.anonymous, text_of(request[http::field::host])))
    co_return problem(421, "this server isn't known by that name: ask for it by its address");
  ApiRouteTable::Match match = context_.table.find(method, path_of(target));
  const ApiRoute* found = route_of(match, method);
  if (found == nullptr) co_return std::move(match.refusal);
  const ApiRoute& route = *found;
  ApiCall call{
      route.method, std::string(path_of(target)), std::move(match.parameters), query_of(target), {}, {}};
  call.accept_encoding = text_of(request[http::field::accept_encoding]);
  call.if_none_match = text_of(request[http::field::if_none_match]);
  Refusal refusal = too_big(parser, route);
  if (!refusal) refusal = co_await find_caller(request, call.caller);
  if (context_.stopped) co_return ApiResponse{};
  if (!refusal) {
    refusal = refusal_of(route, call.caller, fields_of(request), access_of(request), context_.state_tag());
  }
  if (!refusal && route.feed && beast::websocket::is_upgrade(request)) {
    if (context_.viewers < context_.limits.viewers) {
      feed_ = &route;
      co_return ApiResponse{};
    }
    refusal = retry_later(503, "there are " + std::to_string(context_.viewers) + " viewers already");
  }
  if (!refusal) refusal = co_await read_body(parser, route);
  if (!refusal && route.signs_in) refusal = co_await sign_in(request.body(), call.caller);
  if (context_.stopped) co_return ApiResponse{};
  ApiResponse answer;
  if (refusal) {
    answer = *std::move(refusal);
  } else {
    call.body = request.body();
    answer = co_await run(route, call);
  }
  if (context_.host.state_tag && (route.tagged || (route.writes && answer.status < 300)))
    answer.fields["ETag"] = entity_tag(context_.state_tag());
  pack(answer, call);
  if (route.writes) note(route, call.caller, request, answer.status);
  co_return answer;
}

Connection::Refusal Connection::too_big(const Parser& parser, const ApiRoute& route) const {
  const auto length = parser.content_length();
  if (!length || *length <= route.body_bytes) return std::nullopt;
  return problem(413, "the request's body has more than " + std::to_string(route.body_bytes) + " bytes");
}

// A row's, or the page's for whatever else there is.
const ApiRoute* Connection::route_of(ApiRouteTable::Match& match, const std::string& method) const {
  const bool gets = method == "GET" || method == "HEAD";
  if (match.route != nullptr || !context_.page.handler || !gets || match.refusal.status != 404)
    return match.route;
  return &context_.page;
}

ApiAccess Connection::access_of(const Request& request) const {
  return {context_.auth.is_on(), peer_.by_unix, context_.anonymous.here_only,
          is_own_name(context_.anonymous, text_of(request[http::field::host]))};
}

asio::awaitable<Connection::Refusal> Connection::find_caller(const Request& request, ApiCaller& caller) {
  const ApiAnonymous& anonymous = context_.anonymous;
  caller.from = peer_.from;
  caller.over_tls = transport_->is_tls();
  if (peer_.by_unix) {
    caller.role = anonymous.here_only && !context_.auth.is_on() ? anonymous.role : ApiRole::admin;
    caller.who = peer_.who;
    caller.name = peer_.name;
    co_return std::nullopt;
  }
  caller.who = caller.name = "nobody";
  caller.is_loopback = peer_.address.is_loopback();
  if (!context_.auth.is_on()) {
    caller.role = !anonymous.here_only || caller.is_loopback ? anonymous.role : ApiRole::anyone;
    co_return std::nullopt;
  }
  const auto field = request.find(http::field::authorization);
  if (field == request.end()) {
    co_await find_by_cookie(request, caller);
    co_return std::nullopt;
  }
  const auto token = bearer_token(text_of(field->value()));
  if (!token) co_return unauthorized("the Authorization field is `Bearer TOKEN`", "invalid_request");
  co_return co_await check_token(*token, caller);
}

asio::awaitable<void> Connection::find_by_cookie(const Request& request, ApiCaller& caller) {
  if (context_.host.cookie.empty()) co_return;
  const auto token = cookie_value(text_of(request[http::field::cookie]), context_.host.cookie);
  if (!token || token->empty()) co_return;
  const ApiCaller nobody = caller;
  const Refusal refusal = co_await check_token(*token, caller);
  if (refusal) caller = nobody;
}

asio::awaitable<Connection::Refusal> Connection::sign_in(const std::string& body, ApiCaller& caller) {
  if (!context_.auth.is_on()) co_return problem(409, "there are no tokens here ([api] token_file)");
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  const auto token = json.is_object() ? json.find("token") : json.end();
  if (token == json.end() || !token->is_string())
    co_return problem(400, R"(the body is {"token": "NAME.SECRET"})");
  co_return co_await check_token(token->get<std::string>(), caller);
}

asio::awaitable<Connection::Refusal> Connection::check_token(const std::string& token, ApiCaller& caller) {
  using enum AuthOutcome::Verdict;
  if (!context_.peers.may_try_token(peer_.address, Clock::now()))
    co_return retry_later(429, "too many wrong tokens from " + peer_.address.text());
  const std::function<void(ApiAuth::Done)> start = [this, &token](ApiAuth::Done done) {
    context_.auth.check(token, std::move(done));
  };
  const AuthOutcome outcome = co_await await_callback<AuthOutcome>(start);
  if (outcome.verdict == busy) co_return retry_later(503, "too many tokens are being checked");
  if (outcome.verdict != good) context_.peers.count_failure(peer_.address, Clock::now());
  if (outcome.verdict == wrong) co_return unauthorized("the token isn't known", "invalid_token");
  caller.who = caller.name = "token " + outcome.name;
  if (outcome.verdict == expired)
    co_return unauthorized("the token " + outcome.name + " has expired", "invalid_token");
  caller.role = outcome.role;
  caller.token = outcome.name;
  co_return std::nullopt;
}

asio::awaitable<Connection::Refusal> Connection::read_body(Parser& parser, const ApiRoute& route) {
  if (parser.is_done()) co_return std::nullopt;
  parser.body_limit(route.body_bytes);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, bytes] =
        co_await asio::async_write(*transport_, asio::buffer(kGoOn.data(), kGoOn.size()), kAwait);
    if (error) co_return problem(400, "nobody is there");
  }
  const auto [error, bytes] = co_await http::async_read(*transport_, buffer_, parser, kAwait);
  if (!error) co_return std::nullopt;
  auto complaint = complaint_about(error, context_.limits);
  co_return complaint ? *std::move(complaint) : problem(408, "the body didn't come");
}

// Never throws: what goes wrong inside is a 500.
asio::awaitable<ApiResponse> Connection::run(const ApiRoute& route, const ApiCall& call) {
  try {
    if (!route.later) co_return route.handler(call);
    const std::function<void(std::function<void(ApiResponse)>)> start =
        [&](std::function<void(ApiResponse)> done) { route.later(call, std::move(done)); };
    co_return co_await await_callback<ApiResponse>(start);
  } catch (const std::exception& error) {
    co_return problem(500, error.what());
  }
}

void Connection::note(const ApiRoute& route, const ApiCaller& caller, const Request& request,
                      unsigned status) {
  const auto now = std::chrono::system_clock::now();
  const std::string target = text_of(request.target());
  if (!context_.audit.add({now, caller, route.method, target, status,
                           context_.host.generation ? context_.host.generation() : 0}))
    context_.note("api.audit", "audit_file", "a line can't be written to the audit file; others neither");
  if (status >= 300) return;
  context_.note("api.write", caller.who, route.method + " " + target + " from " + caller.from);
}

}  // namespace

asio::awaitable<void> serve_connection(ApiContext& context, std::shared_ptr<ApiTransport> transport,
                                       ApiPeer peer) {
  Connection connection(context, std::move(transport), std::move(peer));
  co_await connection.serve();
}

asio::awaitable<void> refuse_connection(ApiContext& context, ApiTransport& transport) {
  const Answer reply = make_answer(context, retry_later(503, "all connections are in use"), 11, false, false);
  transport.expires_after(kLinger);
  const auto [error, written] = co_await http::async_write(transport, reply.response, kAwait);
  if (!error && !context.stopped) co_await close_gently(transport);
}

}  // namespace shunt
