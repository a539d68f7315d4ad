// HttpExchange: one HTTP/1.1 request over a connection of its own, TCP, unix socket or TLS, and its answer:
// whole, or line by line for as long as the server writes. Whoever keeps the connection (HttpRequest) asks
// again over the same one; where the server has closed it since, it is made anew.
//
// Owner: one coroutine at a time, on the executor's thread; it has to hold the exchange by a shared_ptr.
// Bound: the limits below. Nothing of the server's is trusted. Reads the TLS files when it connects.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "http/http_url.h"

namespace shunt {

struct HttpTlsFiles {
  std::string ca_file;  // empty: the system's authorities
  std::string certificate_file;
  std::string key_file;
};

struct HttpLimits {
  std::chrono::milliseconds timeout{
      5'000};  // of connecting and of each wait for more, apart from read_line()'s
  size_t header_bytes = 32'768;
  size_t body_bytes = 64U << 20U;
  size_t line_bytes = 16U << 20U;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool keep = false;  // the connection, for the next request, once the answer was read
};

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

struct HttpLine {
  enum class Kind : uint8_t { line, end, idle, failed };
  Kind kind = Kind::failed;
  std::string text;  // the line without its end, or why it failed
};

class HttpExchange {
 public:
  HttpExchange(const boost::asio::any_io_executor& executor, HttpUrl url, HttpTlsFiles tls,
               HttpLimits limits);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // Sends the request and reads the whole answer. Any status is an answer.
  boost::asio::awaitable<Result<HttpReply>> ask(HttpRequest request);

  // Sends the request and reads the header: the status. Then read_line() until it says `end`, or read_body().
  boost::asio::awaitable<Result<unsigned>> open(HttpRequest request);
  // `idle`: nothing came for so long; the exchange is of no use then.
  boost::asio::awaitable<HttpLine> read_line(std::chrono::milliseconds idle);
  // Whether a line can be read without waiting.
  bool has_line() const;
  boost::asio::awaitable<Result<std::string>> read_body();

  // Whoever waits gets an error at the executor's next turn; nothing can be asked after it.
  void cancel();

 private:
  struct Wire;
  std::shared_ptr<Wire> wire_;
};

}  // namespace shunt
