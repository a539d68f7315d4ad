#include "bench/health_peers.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <string>
#include <string_view>
#include <utility>

#include "tests/unit/test_certificates.h"

namespace shunt::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

constexpr auto kAsValue = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr size_t kTls = SIZE_MAX;

}  // namespace

HealthPeers::HealthPeers(size_t count)
    : context_(asio::ssl::context::tls_server),
      faults_(count, Fault::none),
      tls_(io_, {asio::ip::address_v4::loopback(), 0}),
      udp_(io_, {asio::ip::address_v4::loopback(), 0}) {
  const testing::Certificate certificate = testing::make_certificate({});
  SSL_CTX_use_certificate(context_.native_handle(), certificate.x509.get());
  SSL_CTX_use_PrivateKey(context_.native_handle(), certificate.key.get());
  for (size_t i = 0; i < count; ++i) {
    const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
    Acceptor& acceptor = *acceptors_.emplace_back(std::make_unique<Acceptor>(io_, any));
    acceptor.listen(1'024);
    ports_.push_back(acceptor.local_endpoint().port());
    asio::co_spawn(io_, accept(acceptor, i), asio::detached);
  }
  tls_.listen(1'024);
  asio::co_spawn(io_, accept(tls_, kTls), asio::detached);
  asio::co_spawn(io_, echo(), asio::detached);
  thread_ = std::thread([this] { io_.run(); });
}

HealthPeers::~HealthPeers() {
  io_.stop();
  thread_.join();
}

void HealthPeers::fail(size_t server, Fault fault) {
  std::promise<void> done;
  asio::post(io_, [&] {
    faults_[server] = fault;
    if (fault == Fault::refuses) acceptors_[server]->close();
    done.set_value();
  });
  done.get_future().wait();
}

asio::awaitable<void> HealthPeers::accept(Acceptor& acceptor, size_t server) {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(kAsValue);
    if (error) continue;
    if (server == kTls) {
      asio::co_spawn(io_, answer_tls(std::move(socket)), asio::detached);
    } else {
      asio::co_spawn(io_, answer(std::move(socket), server), asio::detached);
    }
  }
}

asio::awaitable<void> HealthPeers::answer(tcp::socket socket, size_t server) {
  std::string request;
  const auto [error, size] =
      co_await asio::async_read_until(socket, asio::dynamic_buffer(request, 4'096), "\r\n\r\n", kAsValue);
  if (!error && faults_[server] == Fault::none)
    co_await asio::async_write(socket, asio::buffer(kOk), kAsValue);
  std::array<char, 64> rest{};
  co_await socket.async_read_some(asio::buffer(rest), kAsValue);  // until the checker closes
}

asio::awaitable<void> HealthPeers::answer_tls(tcp::socket socket) {
  asio::ssl::stream<tcp::socket&> stream(socket, context_);
  co_await stream.async_handshake(asio::ssl::stream_base::server, kAsValue);
  std::string request;
  co_await asio::async_read_until(stream, asio::dynamic_buffer(request, 4'096), "\r\n\r\n", kAsValue);
  co_await asio::async_write(stream, asio::buffer(kOk), kAsValue);
}

asio::awaitable<void> HealthPeers::echo() {
  std::array<char, 2'048> datagram{};
  while (udp_.is_open()) {
    udp::endpoint client;
    const auto [error, size] = co_await udp_.async_receive_from(asio::buffer(datagram), client, kAsValue);
    if (!error) co_await udp_.async_send_to(asio::buffer(datagram.data(), size), client, kAsValue);
  }
}

}  // namespace shunt::bench
