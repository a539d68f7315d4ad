#include "control/api_server.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <optional>
#include <set>
#include <utility>

#include "control/api_listen.h"
#include "control/api_routes.h"
#include "control/peer_name.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using Protocol = asio::generic::stream_protocol;  // TCP and unix sockets alike
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using Stream = beast::basic_stream<Protocol>;
using Response = http::response<http::span_body<const char>>;  // of a text that somebody else holds
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr std::chrono::milliseconds kLinger{1000};
constexpr size_t kLingerBytes = 256 * 1024;
constexpr size_t kMaxRefusals = 64;  // told 503 at the same time; the ones beyond are closed without a word
constexpr std::chrono::milliseconds kAcceptPause{100};

// Status and text of the answer to a request that can't be read; nothing: not worth one (closed, reset, timed
// out).
std::optional<ApiResponse> complaint_about(const error_code& error, const ApiLimits& limits,
                                           uint32_t body_bytes) {
  if (error.category() != http::make_error_code(http::error::end_of_stream).category()) return std::nullopt;
  if (error == http::error::end_of_stream) return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return problem(431,
                   "the request's header has more than " + std::to_string(limits.header_bytes) + " bytes");
  }
  if (error == http::error::body_limit) {
    return problem(413, "the request's body has more than " + std::to_string(body_bytes) + " bytes");
  }
  if (error == http::error::bad_version) return problem(505, "HTTP/1.1 is spoken here");
  return problem(400, error.message());
}

// RFC 9112 3.2: an HTTP/1.1 request has exactly one Host.
bool names_its_host(const http::request<http::string_body>& request) {
  return request.version() < 11 || request.count(http::field::host) == 1;
}

// An answer on its way: what it says is held here, or by all who get the same.
struct Answer {
  std::shared_ptr<const std::string> body;
  Response response;
};

Answer make_answer(ApiResponse&& from, unsigned version, bool keep_alive, bool head) {
  Answer answer;
  answer.body = from.shared_body ? std::move(from.shared_body)
                                 : std::make_shared<const std::string>(std::move(from.body));
  Response& response = answer.response;
  response.version(version);
  response.result(from.status);
  response.set(http::field::server, "shuntd");
  response.set(http::field::content_type, from.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (!from.allow.empty()) response.set(http::field::allow, from.allow);
  response.keep_alive(keep_alive);
  response.content_length(answer.body->size());
  if (!head) response.body() = {answer.body->data(), answer.body->size()};
  return answer;
}

// Ends a connection without losing the last answer: closing while unread bytes wait would reset it.
asio::awaitable<void> close_gently(Stream& stream) {
  error_code ignored;
  stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  stream.expires_after(kLinger);
  std::array<char, 4096> discarded{};
  size_t total = 0;
  while (total < kLingerBytes) {
    const auto [error, bytes] = co_await stream.async_read_some(asio::buffer(discarded), kAwait);
    if (error) break;
    total += bytes;
  }
  stream.close();
}

}  // namespace

struct ApiServer::State : std::enable_shared_from_this<ApiServer::State> {
  // One of a bounded number of connections, for as long as it lives; keeps the state alive too.
  class Seat {
   public:
    Seat(std::shared_ptr<State> state, size_t State::* taken) : state_(std::move(state)), taken_(taken) {
      ++((*state_).*taken_);
    }
    Seat(Seat&& other) noexcept = default;
    ~Seat() {
      if (state_) --((*state_).*taken_);
    }
    State& state() const { return *state_; }

   private:
    std::shared_ptr<State> state_;
    size_t State::* taken_;
  };
  // A stream that stop() finds.
  struct Registration {
    Registration(State& owner, Stream& stream) : state(owner), place(owner.streams.insert(&stream).first) {}
    ~Registration() { state.streams.erase(place); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    State& state;
    std::set<Stream*>::iterator place;
  };

  State(asio::io_context& context, StatusSource& source, ApiLimits bounds)
      : io(context), routes(source), limits(bounds) {}

  // Who is at the other end.
  struct Peer {
    bool may_write = false;  // by the unix socket
    std::string name = "nobody";
  };
  void accept(Protocol::socket socket, bool may_write);
  asio::awaitable<void> accept_all(Acceptor& acceptor, bool may_write);
  asio::awaitable<void> serve(Stream& stream, Peer peer);
  asio::awaitable<bool> answer_one(Stream& stream, beast::flat_buffer& buffer, const Peer& peer);
  uint32_t body_bytes(const Peer& peer) const {
    return peer.may_write ? limits.local_body_bytes : limits.body_bytes;
  }
  asio::awaitable<void> refuse(Stream& stream);

  asio::io_context& io;
  ApiRoutes routes;
  const ApiLimits limits;
  std::list<ApiListener> listeners;
  std::list<Acceptor> acceptors;
  std::set<Stream*> streams;
  size_t serving = 0;
  size_t refusing = 0;
  bool stopped = false;
};

asio::awaitable<void> ApiServer::State::accept_all(Acceptor& acceptor, bool may_write) {
  asio::steady_timer pause(io);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (stopped) co_return;
    if (!error) {
      accept(std::move(socket), may_write);
      continue;
    }
    // Out of descriptors, mostly: the connection waits in the backlog until there are some.
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
    if (stopped) co_return;
  }
}

void ApiServer::State::accept(Protocol::socket socket, bool may_write) {
  const bool full = serving >= limits.connections;
  if (full && refusing >= kMaxRefusals) return;
  const auto run = [](Seat seat, Protocol::socket from, bool refused, Peer peer) -> asio::awaitable<void> {
    State& state = seat.state();
    Stream stream(std::move(from));
    const Registration registration(state, stream);
    if (refused) {
      co_await state.refuse(stream);
    } else {
      co_await state.serve(stream, std::move(peer));
    }
  };
  Seat seat(shared_from_this(), full ? &State::refusing : &State::serving);
  Peer peer{may_write, may_write ? peer_name(socket.native_handle()) : std::string("nobody")};
  asio::co_spawn(io, run(std::move(seat), std::move(socket), full, std::move(peer)), asio::detached);
}

asio::awaitable<void> ApiServer::State::serve(Stream& stream, Peer peer) {
  beast::flat_buffer buffer(limits.header_bytes + body_bytes(peer));
  while (!stopped && co_await answer_one(stream, buffer, peer)) {
  }
  if (!stopped) co_await close_gently(stream);
}

// One request and its answer; false when the connection is over.
asio::awaitable<bool> ApiServer::State::answer_one(Stream& stream, beast::flat_buffer& buffer,
                                                   const Peer& peer) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(limits.header_bytes);
  parser.body_limit(body_bytes(peer));
  stream.expires_after(limits.idle);
  const auto [read_error, read_bytes] = co_await http::async_read(stream, buffer, parser, kAwait);
  if (stopped) co_return false;
  const auto& request = parser.get();
  std::optional<ApiResponse> answer;
  bool keep_alive = false;
  if (read_error) {
    answer = complaint_about(read_error, limits, body_bytes(peer));
    if (!answer) co_return false;
  } else if (!names_its_host(request)) {
    answer = problem(400, "an HTTP/1.1 request has exactly one Host field");
  } else {
    keep_alive = request.keep_alive();
    const auto method = request.method_string();
    const auto target = request.target();
    answer = routes.handle({{method.data(), method.size()},
                            {target.data(), target.size()},
                            peer.may_write,
                            request.body(),
                            peer.name});
  }
  const bool head = !read_error && request.method() == http::verb::head;
  const Answer reply = make_answer(std::move(*answer), read_error ? 11 : request.version(), keep_alive, head);
  stream.expires_after(limits.idle);
  const auto [write_error, written] = co_await http::async_write(stream, reply.response, kAwait);
  co_return !write_error && keep_alive;
}

asio::awaitable<void> ApiServer::State::refuse(Stream& stream) {
  const Answer reply =
      make_answer(problem(503, "all " + std::to_string(limits.connections) + " connections are in use"), 11,
                  false, false);
  stream.expires_after(kLinger);
  const auto [error, written] = co_await http::async_write(stream, reply.response, kAwait);
  if (!error && !stopped) co_await close_gently(stream);
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(asio::io_context& io, StatusSource& source,
                                                    const std::vector<std::string>& listen,
                                                    ApiLimits limits) {
  auto state = std::make_shared<State>(io, source, limits);
  for (const std::string& text : listen) {
    const Result<ApiAddress> address = ApiAddress::parse(text);
    if (!address) return Error{"[api] listen", address.error().text()};
    Result<ApiListener> listener = ApiListener::open(address.value());
    if (!listener) return listener.error();
    state->listeners.push_back(listener.take());
  }
  std::unique_ptr<ApiServer> server(new ApiServer(state));
  for (ApiListener& listener : state->listeners) {
    Acceptor& acceptor = state->acceptors.emplace_back(io);
    error_code error;
    acceptor.assign(Protocol(listener.family(), 0), listener.release(), error);
    if (error) return Error{"[api] listen " + listener.address().text(), error.message()};
    server->addresses_.push_back(listener.address().text());
    const auto run = [](std::shared_ptr<State> kept, Acceptor& from, bool writes) -> asio::awaitable<void> {
      co_await kept->accept_all(from, writes);
    };
    asio::co_spawn(io, run(state, acceptor, listener.address().is_unix()), asio::detached);
  }
  return server;
}

ApiServer::ApiServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

ApiServer::~ApiServer() {
  stop();
}

void ApiServer::stop() {
  state_->stopped = true;
  error_code ignored;
  for (Acceptor& acceptor : state_->acceptors)
    acceptor.close(ignored);
  for (ApiListener& listener : state_->listeners)
    listener.remove_file();
  for (Stream* stream : state_->streams)
    stream->close();
}

}  // namespace shunt
