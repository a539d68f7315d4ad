// LoopbackServer: a real TCP server on 127.0.0.1 (or ::1) for tests, with a behaviour per connection.
//
// Runs on a thread of its own, so that it answers while the test's thread is busy. Ends with the object,
// whatever its connections are doing.
#pragma once

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace shunt::testing {

class LoopbackServer {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Behaviour = std::function<boost::asio::awaitable<void>(LoopbackServer&, Socket&)>;

  explicit LoopbackServer(Behaviour behaviour, const std::string& address = "127.0.0.1")
      : behaviour_(std::move(behaviour)), acceptor_(io_, {boost::asio::ip::make_address(address), 0}) {
    boost::asio::co_spawn(io_, accept(), boost::asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~LoopbackServer() {
    io_.stop();
    thread_.join();
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  unsigned accepted() const { return accepted_; }
  unsigned peak() const { return peak_; }  // most connections open at once
  std::string last_request() const {
    const std::lock_guard lock(mutex_);
    return last_request_;
  }
  std::string last_peer() const {
    const std::lock_guard lock(mutex_);
    return last_peer_;
  }

  // What a behaviour does with its connection.
  boost::asio::awaitable<void> read_request(Socket& socket) {
    std::string text;
    co_await boost::asio::async_read_until(socket, boost::asio::dynamic_buffer(text), "\r\n\r\n", kAsValue);
    const std::lock_guard lock(mutex_);
    last_request_ = text;
  }
  static boost::asio::awaitable<void> send(Socket& socket, std::string text) {
    co_await boost::asio::async_write(socket, boost::asio::buffer(text), kAsValue);
  }
  // Until the other side closes.
  static boost::asio::awaitable<void> linger(Socket& socket) {
    char byte[64];
    while (true) {
      const auto [error, count] = co_await socket.async_read_some(boost::asio::buffer(byte), kAsValue);
      if (error) break;
    }
  }
  static boost::asio::awaitable<void> sleep(Socket& socket, std::chrono::milliseconds time) {
    boost::asio::steady_timer timer(socket.get_executor(), time);
    co_await timer.async_wait(kAsValue);
  }

  // Reads a request, sends `text`, closes.
  static Behaviour answering(std::string text) {
    return [text](LoopbackServer& server, Socket& socket) -> boost::asio::awaitable<void> {
      co_await server.read_request(socket);
      co_await send(socket, text);
    };
  }
  // Accepts and says nothing.
  static Behaviour silent() {
    return [](LoopbackServer&, Socket& socket) -> boost::asio::awaitable<void> { co_await linger(socket); };
  }

 private:
  static constexpr auto kAsValue = boost::asio::as_tuple(boost::asio::use_awaitable);

  boost::asio::awaitable<void> accept() {
    while (true) {
      auto [error, socket] = co_await acceptor_.async_accept(kAsValue);
      if (error) continue;
      ++accepted_;
      boost::asio::co_spawn(io_, serve(std::move(socket)), boost::asio::detached);
    }
  }

  boost::asio::awaitable<void> serve(Socket socket) {
    peak_ = std::max<unsigned>(peak_, ++open_);
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (!error) {
      const std::lock_guard lock(mutex_);
      last_peer_ = peer.address().to_string();
    }
    co_await behaviour_(*this, socket);
    --open_;
  }

  Behaviour behaviour_;
  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<unsigned> accepted_ = 0;
  std::atomic<unsigned> open_ = 0;
  std::atomic<unsigned> peak_ = 0;
  mutable std::mutex mutex_;
  std::string last_request_;
  std::string last_peer_;
  std::thread thread_;
};

}  // namespace shunt::testing
