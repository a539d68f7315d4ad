// ApiTransport: a connection of the API, plain or TLS, as one type of stream: so that HTTP and WebSocket are
// compiled once, and the streams below them in one file.
//
// What Asio calls an AsyncReadStream and AsyncWriteStream. Timeouts are the lowest stream's (expires_after).
// Cost: one allocation for each read and write, for the handler, whose type is forgotten here.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace boost::asio::ssl {
class context;
}

namespace shunt {

// A completion handler of a read or write, of any type.
class ApiIoHandler {
 public:
  using executor_type = boost::asio::any_io_executor;  // NOLINT(readability-identifier-naming): Asio's name

  template <typename Handler>
  ApiIoHandler(Handler handler, const executor_type& otherwise)
      : executor_(boost::asio::get_associated_executor(handler, otherwise)),
        held_(std::make_unique<Held<Handler>>(std::move(handler))) {}

  executor_type get_executor() const noexcept { return executor_; }
  void operator()(const boost::system::error_code& error, size_t bytes) {
    const auto held = std::move(held_);
    held->call(error, bytes);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void call(const boost::system::error_code& error, size_t bytes) = 0;
  };
  template <typename Handler>
  struct Held : Base {
    explicit Held(Handler from) : handler(std::move(from)) {}
    void call(const boost::system::error_code& error, size_t bytes) override {
      std::move(handler)(error, bytes);
    }
    Handler handler;
  };
  executor_type executor_;
  std::unique_ptr<Base> held_;
};

class ApiTransport {
 public:
  using Protocol = boost::asio::generic::stream_protocol;  // TCP and unix sockets alike
  using executor_type = boost::asio::any_io_executor;  // NOLINT(readability-identifier-naming): Asio's name
  using Done = std::function<void(const boost::system::error_code&)>;
  static constexpr size_t kMaxBuffers = 16;  // of one read or write; the ones behind them take their turn

  // `tls`: nullptr for none.
  ApiTransport(Protocol::socket socket, std::shared_ptr<boost::asio::ssl::context> tls);
  ~ApiTransport();
  ApiTransport(const ApiTransport&) = delete;
  ApiTransport& operator=(const ApiTransport&) = delete;

  executor_type get_executor();
  bool is_tls() const;
  Protocol::socket& socket();
  void expires_after(std::chrono::milliseconds time);
  void expires_never();
  void close();

  void connect(const Protocol::endpoint& endpoint, Done done);
  // The handshakes and the end of TLS; the name is the server's, for SNI, and may be empty.
  void accept_tls(Done done);
  void connect_tls(const std::string& name, Done done);
  void end_tls(Done done);

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, size_t)>(
        [this](auto&& handler, const ReadBuffers& to) { read(to, erased(std::move(handler))); }, token,
        first_of<ReadBuffers>(buffers));
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, size_t)>(
        [this](auto&& handler, const WriteBuffers& from) { write(from, erased(std::move(handler))); }, token,
        first_of<WriteBuffers>(buffers));
  }

 private:
  using ReadBuffers = std::array<boost::asio::mutable_buffer, kMaxBuffers>;
  using WriteBuffers = std::array<boost::asio::const_buffer, kMaxBuffers>;

  template <typename To, typename Buffers>
  static To first_of(const Buffers& buffers) {
    To taken{};
    size_t count = 0;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end && count < kMaxBuffers; ++it) {
      const typename To::value_type one = *it;
      if (one.size() > 0) taken[count++] = one;
    }
    return taken;
  }
  template <typename Handler>
  ApiIoHandler erased(Handler&& handler) {
    return ApiIoHandler(std::forward<Handler>(handler), get_executor());
  }
  void read(const ReadBuffers& buffers, ApiIoHandler handler);
  void write(const WriteBuffers& buffers, ApiIoHandler handler);

  struct Streams;
  std::unique_ptr<Streams> streams_;
};

// What a WebSocket does at its end (found by argument-dependent lookup).
template <typename Handler>
void async_teardown(boost::beast::role_type, ApiTransport& transport, Handler&& handler) {
  transport.close();
  boost::asio::post(transport.get_executor(), [done = std::forward<Handler>(handler)]() mutable {
    std::move(done)(boost::system::error_code{});
  });
}
inline void beast_close_socket(ApiTransport& transport) {
  transport.close();
}

}  // namespace shunt
