// One health check against a real server on loopback, and servers of datagrams.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/health_check.h"

namespace shunt::testing {

// Where a verdict other than a timeout is wanted, the timeout is one that a busy machine doesn't reach.
inline constexpr milliseconds kPatient{20'000};
inline constexpr milliseconds kShort{100};

inline HealthTarget target_of(HealthType type, uint16_t port, const std::string& address = "127.0.0.1") {
  HealthTarget target;
  target.pool = "web";
  target.backend = "web-1";
  target.address = *IpAddress::parse(address);
  target.port = port;
  target.config.type = type;
  target.config.timeout = kPatient;
  return target;
}

inline HealthResult run_check(const HealthTarget& target, std::shared_ptr<TlsContexts> contexts = nullptr) {
  boost::asio::io_context io(1);
  const auto check = std::make_shared<HealthCheck>(io.get_executor(), target, std::move(contexts));
  HealthResult result;
  bool done = false;
  boost::asio::co_spawn(io, check->run(), [&](const std::exception_ptr& error, const HealthResult& verdict) {
    EXPECT_FALSE(error);
    result = verdict;
    done = true;
  });
  io.run_for(std::chrono::seconds(60));
  EXPECT_TRUE(done);
  return result;
}

// Answers each datagram with those that `behaviour` makes of it. On a thread of its own.
class DatagramServer {
 public:
  using Behaviour = std::function<std::vector<std::string>(const std::string&)>;

  explicit DatagramServer(Behaviour behaviour, const std::string& address = "127.0.0.1")
      : behaviour_(std::move(behaviour)), socket_(io_, {boost::asio::ip::make_address(address), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~DatagramServer() {
    stopping_ = true;
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    thread_.join();
  }
  DatagramServer(const DatagramServer&) = delete;
  DatagramServer& operator=(const DatagramServer&) = delete;

  uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  void serve() {
    std::string request(65'536, '\0');
    while (!stopping_) {
      boost::asio::ip::udp::endpoint client;
      boost::system::error_code error;
      const size_t size = socket_.receive_from(boost::asio::buffer(request), client, 0, error);
      if (error || stopping_) continue;
      for (const std::string& answer : behaviour_(request.substr(0, size)))
        socket_.send_to(boost::asio::buffer(answer), client, 0, error);
    }
  }

  Behaviour behaviour_;
  std::atomic<bool> stopping_ = false;
  boost::asio::io_context io_{1};
  boost::asio::ip::udp::socket socket_;
  std::thread thread_;
};

}  // namespace shunt::testing
