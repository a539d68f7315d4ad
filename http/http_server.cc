#include "http/http_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

#include "http/api_connection.h"
#include "http/api_listen.h"
#include "http/api_tls.h"
#include "http/peer_name.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

using Protocol = ApiTransport::Protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr size_t kMaxRefusals = 64;  // told 503 at the same time; the ones beyond are closed without a word
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::seconds kTokenWatch{1};

ApiPeer unix_peer(int fd, const std::string& address) {
  ApiPeer peer;
  peer.by_unix = true;
  peer.from = address;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  peer.who = "somebody";
  peer.name = peer_name(fd);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
    peer.who = "uid " + std::to_string(credentials.uid) + " (pid " + std::to_string(credentials.pid) + ")";
  return peer;
}

ApiPeer tcp_peer(int fd) {
  ApiPeer peer;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return peer;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&storage);
  peer.address = storage.ss_family == AF_INET
                     ? IpAddress::v4(load<be32>(bytes + offsetof(sockaddr_in, sin_addr)))
                     : IpAddress::v6(bytes + offsetof(sockaddr_in6, sin6_addr));
  ApiAddress address;  // for its text; sin_port and sin6_port lie at the same place
  address.ip = peer.address;
  address.port = load<be16>(bytes + offsetof(sockaddr_in, sin_port)).host();
  peer.from = address.text();
  return peer;
}

ApiRoute document_row(const ApiContext& context) {
  ApiRoute row;
  row.method = "GET";
  row.pattern = "/api/v1/openapi.json";
  row.role = ApiRole::anyone;
  row.summary = "This document";
  row.answer = "OpenApi";
  row.handler = [&context, text = std::string()](const ApiCall&) mutable {
    if (text.empty()) text = openapi_document(context.table, context.host.identity);
    return json_answer(text);
  };
  return row;
}

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  // One of a bounded number of connections, for as long as it lives; keeps the state alive too.
  class Seat {
   public:
    Seat(std::shared_ptr<State> state, size_t& taken, const ApiPeer& peer)
        : state_(std::move(state)), taken_(taken), address_(peer.address), counted_(!peer.by_unix) {
      ++taken_;
    }
    Seat(Seat&& other) noexcept = default;
    ~Seat() {
      if (!state_) return;
      --taken_;
      if (counted_ && &taken_ == &state_->context.tcp_connections) state_->context.peers.close(address_);
    }
    State& state() const { return *state_; }

   private:
    std::shared_ptr<State> state_;
    size_t& taken_;
    IpAddress address_;
    bool counted_;
  };
  // A transport that stop() finds.
  struct Registration {
    Registration(ApiContext& owner, ApiTransport& transport)
        : context(owner), place(owner.transports.insert(&transport).first) {}
    ~Registration() { context.transports.erase(place); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    ApiContext& context;
    std::set<ApiTransport*>::iterator place;
  };

  State(asio::io_context& io, HttpHost host, const ApiLimits& limits)
      : context(io, std::move(host), limits), token_timer(io) {}

  void accept(Protocol::socket socket, const ApiListener& listener);
  bool take_seat(const ApiPeer& peer);
  asio::awaitable<void> accept_all(Acceptor& acceptor, const ApiListener& listener);
  void watch_tokens();

  ApiContext context;
  std::list<ApiListener> listeners;
  std::list<Acceptor> acceptors;
  asio::steady_timer token_timer;
  size_t refusing = 0;
};

asio::awaitable<void> HttpServer::State::accept_all(Acceptor& acceptor, const ApiListener& listener) {
  asio::steady_timer pause(context.io);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (context.stopped) co_return;
    if (!error) {
      accept(std::move(socket), listener);
      continue;
    }
    // Out of descriptors, mostly: the connection waits in the backlog until there are some.
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
    if (context.stopped) co_return;
  }
}

// Whether there is room; of TCP, the peer's own share is taken.
bool HttpServer::State::take_seat(const ApiPeer& peer) {
  if (peer.by_unix) return context.unix_connections < context.limits.unix_connections;
  return context.tcp_connections < context.limits.tcp_connections &&
         context.peers.open(peer.address, std::chrono::steady_clock::now());
}

void HttpServer::State::accept(Protocol::socket socket, const ApiListener& listener) {
  const bool by_unix = listener.address().is_unix();
  ApiPeer peer = by_unix ? unix_peer(socket.native_handle(), listener.address().text())
                         : tcp_peer(socket.native_handle());
  const bool full = !take_seat(peer);
  if (full && refusing >= kMaxRefusals) return;
  const auto run = [](Seat seat, Protocol::socket from, bool refused, ApiPeer who) -> asio::awaitable<void> {
    ApiContext& shared = seat.state().context;
    auto transport =
        std::make_shared<ApiTransport>(std::move(from), who.by_unix || refused ? nullptr : shared.tls);
    const Registration registration(shared, *transport);
    if (refused) {
      co_await refuse_connection(shared, *transport);
    } else {
      co_await serve_connection(shared, transport, std::move(who));
    }
  };
  size_t& taken = full ? refusing : by_unix ? context.unix_connections : context.tcp_connections;
  Seat seat(shared_from_this(), taken, peer);
  asio::co_spawn(context.io, run(std::move(seat), std::move(socket), full, std::move(peer)), asio::detached);
}

// A changed token file is taken over without a reload; one with errors is said, and changes nothing.
void HttpServer::State::watch_tokens() {
  token_timer.expires_after(kTokenWatch);
  token_timer.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->context.stopped) return;
    ApiContext& shared = self->context;
    if (const auto changed = shared.auth.refresh(); !changed) {
      shared.note("tokens.refused", "token_file", changed.error().text());
    } else if (changed.value()) {
      shared.note("tokens.reread", "token_file", std::to_string(shared.auth.size()) + " tokens");
    }
    self->watch_tokens();
  });
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(asio::io_context& io, HttpHost host,
                                                      const HttpSettings& settings, const ApiLimits& limits) {
  auto state = std::make_shared<State>(io, std::move(host), limits);
  std::unique_ptr<HttpServer> server(new HttpServer(state));
  auto prepared = server->prepare(settings);
  if (!prepared) return prepared.error();
  prepared.value()();
  for (const std::string& text : settings.listen) {
    const Result<ApiAddress> address = ApiAddress::parse(text);
    if (!address) return Error{"[api] listen", address.error().text()};
    Result<ApiListener> listener = ApiListener::open(address.value());
    if (!listener) return listener.error();
    state->listeners.push_back(listener.take());
  }
  ApiContext& context = state->context;
  context.table.add(context.host.routes);
  context.table.add({document_row(context)});
  for (ApiListener& listener : state->listeners) {
    Acceptor& acceptor = state->acceptors.emplace_back(io);
    error_code error;
    acceptor.assign(Protocol(listener.family(), 0), listener.release(), error);
    if (error) return Error{"[api] listen " + listener.address().text(), error.message()};
    server->addresses_.push_back(listener.address().text());
    const auto run = [](std::shared_ptr<State> kept, Acceptor& from,
                        const ApiListener& of) -> asio::awaitable<void> {
      co_await kept->accept_all(from, of);
    };
    asio::co_spawn(io, run(state, acceptor, listener), asio::detached);
  }
  state->watch_tokens();
  return server;
}

Result<std::function<void()>> HttpServer::prepare(const HttpSettings& settings) {
  std::shared_ptr<asio::ssl::context> tls;
  if (!settings.tls_certificate.empty()) {
    auto made = make_api_tls(settings.tls_certificate, settings.tls_key);
    if (!made) return made.error();
    tls = made.take();
  }
  auto tokens = std::make_shared<TokenSet>();
  if (auto loaded = TokenSet::load(settings.token_file); loaded) {
    *tokens = loaded.take();
  } else {
    return loaded.error();
  }
  auto audit = std::make_shared<ApiAudit>();
  if (auto opened = audit->open(settings.audit_file); !opened) return opened.error();
  return std::function<void()>([this, tls, tokens, audit, anonymous = settings.anonymous] {
    state_->context.anonymous = anonymous;
    state_->context.tls = tls;
    state_->context.auth.use(std::move(*tokens));
    state_->context.audit = std::move(*audit);
  });
}

HttpServer::HttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() {
  stop();
}

const ApiRouteTable& HttpServer::routes() const {
  return state_->context.table;
}

void HttpServer::stop() {
  ApiContext& context = state_->context;
  context.stopped = true;
  error_code ignored;
  for (Acceptor& acceptor : state_->acceptors)
    acceptor.close(ignored);
  for (ApiListener& listener : state_->listeners)
    listener.remove_file();
  for (ApiTransport* transport : context.transports)
    transport->close();
  state_->token_timer.cancel();
  if (context.host.stopping) context.host.stopping();
  context.auth.stop();
}

}  // namespace shunt
