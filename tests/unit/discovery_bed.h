// DiscoveryBed: runs a discovery source on an io_context and keeps what it said. ScriptedHttp and
// ScriptedDns: servers on the same io_context, whose answers a test writes.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "control/discovery_source.h"

namespace shunt::testing {

namespace asio = boost::asio;

// "name address port weight", and "draining" behind it.
inline std::string line_of(const BackendConfig& backend) {
  return backend.name + " " + backend.address.text() + " " + std::to_string(backend.port) + " " +
         std::to_string(backend.weight) + (backend.admin == AdminState::draining ? " draining" : "");
}

inline std::vector<std::string> lines_of(const std::vector<BackendConfig>& backends) {
  std::vector<std::string> lines;
  for (const BackendConfig& backend : backends)
    lines.push_back(line_of(backend));
  return lines;
}

struct DiscoveryBed {
  using Lines = std::vector<std::string>;

  void start(const DiscoveryConfig& config) {
    source = make_discovery_source(io.get_executor(), config);
    source->start([this](Result<DiscoveryAnswer> answer) { answers.push_back(std::move(answer)); });
  }
  bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done() && std::chrono::steady_clock::now() < deadline)
      io.run_one_for(std::chrono::milliseconds(20));
    return done();
  }
  bool run_answers(size_t count) {
    return run_until([&] { return answers.size() >= count; });
  }
  // Until the newest answer is this list.
  bool run_until_lines(const Lines& wanted) {
    return run_until([&] { return !answers.empty() && answers.back() && newest() == wanted; });
  }
  bool run_until_error() {
    return run_until([&] { return !answers.empty() && !answers.back(); });
  }
  Lines newest() const { return lines_of(answers.back().value().backends); }
  std::string error() const { return answers.back().error().text(); }

  asio::io_context io{1};
  std::vector<Result<DiscoveryAnswer>> answers;
  std::unique_ptr<DiscoverySource> source;
};

// One request for each connection. What `answer` returns is written as it is; the connection stays open where
// it ends with kHold, which isn't sent.
class ScriptedHttp {
 public:
  static constexpr char kHold = '\x01';

  explicit ScriptedHttp(asio::io_context& io, std::function<std::string(const std::string& request)> answer)
      : answer_(std::move(answer)), acceptor_(io, {asio::ip::make_address("127.0.0.1"), 0}) {
    accept();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  size_t held() const { return held_.size(); }
  const std::vector<std::string>& requests() const { return requests_; }
  // To every connection that is held.
  void push(const std::string& text) {
    boost::system::error_code ignored;  // some may have been left
    for (auto& socket : held_)
      asio::write(*socket, asio::buffer(text), ignored);
  }
  void drop() { held_.clear(); }
  void stop() {
    drop();
    acceptor_.close();
  }

  static std::string json(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string stream() {
    return std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") + kHold;
  }
  static std::string chunk(const std::string& text) {
    std::string size(16, '\0');
    size.resize(static_cast<size_t>(std::snprintf(size.data(), size.size(), "%zx", text.size())));
    return size + "\r\n" + text + "\r\n";
  }

 private:
  struct Connection {
    std::shared_ptr<asio::ip::tcp::socket> socket;
    std::string request;
    std::array<char, 4096> buffer{};
  };

  void accept() {
    acceptor_.async_accept([this](const auto& error, asio::ip::tcp::socket socket) {
      if (error) return;
      auto connection = std::make_shared<Connection>();
      connection->socket = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
      read(connection);
      accept();
    });
  }
  static bool is_whole(const std::string& request) {
    const size_t end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const size_t field = request.find("Content-Length: ");
    const size_t body = field == std::string::npos ? 0 : std::stoul(request.substr(field + 16));
    return request.size() >= end + 4 + body;
  }
  void read(const std::shared_ptr<Connection>& connection) {
    connection->socket->async_read_some(asio::buffer(connection->buffer),
                                        [this, connection](const auto& error, size_t got) {
                                          if (error) return;
                                          connection->request.append(connection->buffer.data(), got);
                                          if (!is_whole(connection->request)) return read(connection);
                                          requests_.push_back(connection->request);
                                          std::string text = answer_(connection->request);
                                          const bool hold = text.ends_with(kHold);
                                          if (hold) text.pop_back();
                                          boost::system::error_code ignored;
                                          asio::write(*connection->socket, asio::buffer(text), ignored);
                                          if (hold) held_.push_back(connection->socket);
                                        });
  }

  std::function<std::string(const std::string&)> answer_;
  asio::ip::tcp::acceptor acceptor_;
  std::list<std::shared_ptr<asio::ip::tcp::socket>> held_;
  std::vector<std::string> requests_;
};

// UDP and TCP on one port. `answer` gets the question's message, and returns the one to send; empty: none.
class ScriptedDns {
 public:
  using Answer = std::function<std::string(const std::string& question, bool tcp)>;

  ScriptedDns(asio::io_context& io, Answer answer) : answer_(std::move(answer)), udp_(io), acceptor_(io) {
    bind(io);
    receive();
    accept();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(udp_.local_endpoint().port()); }

 private:
  // The port that UDP gets may be another program's in TCP.
  void bind(asio::io_context& io) {
    for (int tries = 1;; ++tries) {
      udp_ = asio::ip::udp::socket(io, {asio::ip::make_address("127.0.0.1"), 0});
      const asio::ip::tcp::endpoint same(udp_.local_endpoint().address(), udp_.local_endpoint().port());
      acceptor_ = asio::ip::tcp::acceptor(io, same.protocol());
      boost::system::error_code error;
      acceptor_.set_option(asio::socket_base::reuse_address(true));
      acceptor_.bind(same, error);
      if (!error) return acceptor_.listen();
      if (tries == 20) throw boost::system::system_error(error);
    }
  }
  void receive() {
    udp_.async_receive_from(asio::buffer(datagram_), peer_, [this](const auto& error, size_t got) {
      if (error) return;
      const std::string answer = answer_(std::string(datagram_.data(), got), false);
      if (!answer.empty()) udp_.send_to(asio::buffer(answer), peer_);
      receive();
    });
  }
  void accept() {
    acceptor_.async_accept([this](const auto& error, asio::ip::tcp::socket socket) {
      if (error) return;
      auto held = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
      auto buffer = std::make_shared<std::array<char, 4096>>();
      held->async_read_some(asio::buffer(*buffer), [this, held, buffer](const auto& failure, size_t got) {
        if (failure || got < 2) return;
        std::string answer = answer_(std::string(buffer->data() + 2, got - 2), true);
        answer.insert(0, {static_cast<char>(answer.size() >> 8U), static_cast<char>(answer.size() & 255U)});
        asio::write(*held, asio::buffer(answer));
      });
      accept();
    });
  }

  Answer answer_;
  asio::ip::udp::socket udp_;
  asio::ip::tcp::acceptor acceptor_;
  std::array<char, 4096> datagram_{};
  asio::ip::udp::endpoint peer_;
};

}  // namespace shunt::testing
