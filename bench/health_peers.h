// What the health bench checks: servers on loopback that answer well, and can be told to stop. All on a
// thread of their own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <thread>
#include <vector>

namespace shunt::bench {

enum class Fault : uint8_t { none, refuses, mute };

class HealthPeers {
 public:
  // `count` TCP servers for HTTP, each on a port of its own; one for HTTPS, and a UDP echo.
  explicit HealthPeers(size_t count);
  ~HealthPeers();
  HealthPeers(const HealthPeers&) = delete;
  HealthPeers& operator=(const HealthPeers&) = delete;

  uint16_t port(size_t server) const { return ports_[server]; }
  uint16_t tls_port() const { return tls_.local_endpoint().port(); }
  uint16_t udp_port() const { return udp_.local_endpoint().port(); }
  // From the server's next turn on; returns when it has happened.
  void fail(size_t server, Fault fault);

 private:
  using Acceptor = boost::asio::ip::tcp::acceptor;
  boost::asio::awaitable<void> accept(Acceptor& acceptor, size_t server);
  boost::asio::awaitable<void> answer(boost::asio::ip::tcp::socket socket, size_t server);
  boost::asio::awaitable<void> answer_tls(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<void> echo();

  boost::asio::io_context io_{1};
  boost::asio::ssl::context context_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<uint16_t> ports_;
  std::vector<Fault> faults_;
  Acceptor tls_;
  boost::asio::ip::udp::socket udp_;
  std::thread thread_;
};

}  // namespace shunt::bench
