// Asking a shuntd over a socket: unix, TCP, TLS with a token; connections that are kept, and those that the
// server has closed meanwhile.
#include "insight/watch/http_node_asker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fstream>

#include "http/api_tokens.h"
#include "tests/unit/api_harness.h"
#include "tests/unit/test_certificate.h"

namespace shunt::insight {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto kAsValue = asio::as_tuple(asio::use_awaitable);

// The answers to so many questions after each other, or their errors.
std::vector<std::string> answers(asio::io_context& io, NodePlace place, int questions,
                                 const std::string& target = "/api/v1/drops") {
  std::vector<std::string> all;
  const auto asker = std::make_shared<HttpNodeAsker>(io.get_executor(), std::move(place));
  auto ask = [&]() -> asio::awaitable<void> {
    for (int i = 0; i < questions; ++i) {
      const auto answer = co_await asker->ask(target);
      all.push_back(answer ? answer.value() : "error: " + answer.error().text());
    }
    io.stop();
  };
  asio::co_spawn(io, ask(), asio::detached);
  io.restart();
  io.run_for(std::chrono::seconds(30));
  return all;
}

NodePlace place_of(const std::string& address) {
  return {*HttpUrl::parse_server(address), "", ""};
}

TEST(HttpNodeAsker, AsksOverUnixAndTcp) {
  ServerOnThread server;
  asio::io_context io;
  for (const std::string& address : {server.unix_address(), server.tcp_address()}) {
    for (const std::string& answer : answers(io, place_of(address), 3))
      EXPECT_THAT(answer, HasSubstr("\"received\": 3000010")) << address;
    EXPECT_THAT(answers(io, place_of(address), 1, "/api/v1/nothing")[0],
                StartsWith("error: " + place_of(address).url.text() + "/api/v1/nothing: answers 404"));
  }
}

TEST(HttpNodeAsker, ShowsItsTokenOverTls) {
  TemporaryFolder folder;
  const TestCertificate certificate(folder.path());
  TokenHash cost;
  cost.log2_n = 10;  // as little as there may be: hashes are slow on purpose
  cost.r = 1;
  const NewToken token = make_token("insight", ApiRole::reader, std::nullopt, cost).take();
  ApiSettings settings;
  settings.token_file = folder.path() + "/tokens";
  settings.tls_certificate = certificate.certificate();
  settings.tls_key = certificate.key();
  std::ofstream(settings.token_file) << token.line << "\n";
  ServerOnThread server({}, settings);
  asio::io_context io;
  NodePlace place = place_of("https://" + server.tcp_address());
  EXPECT_THAT(answers(io, place, 1)[0], HasSubstr("certificate"));
  place.ca_file = certificate.certificate();
  EXPECT_THAT(answers(io, place, 1)[0], HasSubstr("answers 401"));
  place.token_file = folder.path() + "/token";
  EXPECT_THAT(answers(io, place, 1)[0], HasSubstr("token: No such file"));
  std::ofstream(place.token_file) << "\n";
  EXPECT_THAT(answers(io, place, 1)[0], HasSubstr("has no token in its first line"));
  std::ofstream(place.token_file) << token.token << "\n";
  for (const std::string& answer : answers(io, place, 3))
    EXPECT_THAT(answer, HasSubstr("\"received\": 3000010"));
}

// A server that counts its connections and closes each, unannounced, after so many answers.
class Closer {
 public:
  Closer(asio::io_context& io, const std::string& path, int answers)
      : acceptor_(io, asio::local::stream_protocol::endpoint(path)), answers_(answers) {
    asio::co_spawn(io, accept(), asio::detached);
  }
  int connections = 0;

 private:
  asio::awaitable<void> accept() {
    while (true) {
      auto [error, socket] = co_await acceptor_.async_accept(kAsValue);
      if (error) co_return;
      ++connections;
      std::string text;
      for (int i = 0; i < answers_; ++i) {
        const auto [failure, size] =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(text), "\r\n\r\n", kAsValue);
        if (failure) break;
        text.erase(0, size);
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        co_await asio::async_write(socket, asio::buffer(answer), kAsValue);
      }
    }
  }

  asio::local::stream_protocol::acceptor acceptor_;
  int answers_;
};

TEST(HttpNodeAsker, KeepsItsConnectionAndMakesAnotherWhereItWasClosed) {
  for (const auto& [each, connections] : {std::pair(5, 1), std::pair(2, 3), std::pair(1, 5)}) {
    TemporaryFolder folder;
    asio::io_context io;
    Closer server(io, folder.path() + "/s", each);
    EXPECT_THAT(answers(io, place_of("unix:" + folder.path() + "/s"), 5), testing::Each(testing::Eq("ok")));
    EXPECT_EQ(server.connections, connections) << each;
  }
}

TEST(HttpNodeAsker, SaysThatNobodyIsThere) {
  asio::io_context io;
  EXPECT_EQ(answers(io, place_of("unix:/nowhere/s"), 1)[0],
            "error: unix:/nowhere/s: connecting: No such file or directory");
}

TEST(HttpUrl, OfAServer) {
  EXPECT_EQ(HttpUrl::parse_server("unix:/run/s")->text(), "unix:/run/s");
  EXPECT_EQ(HttpUrl::parse_server("unix:/run/s")->authority(), "localhost");
  EXPECT_EQ(HttpUrl::parse_server("lb1:9404")->text(), "http://lb1:9404");
  EXPECT_EQ(HttpUrl::parse_server("[::1]:9404")->text(), "http://[::1]:9404");
  EXPECT_EQ(HttpUrl::parse_server("https://lb1")->text(), "https://lb1:443");
  EXPECT_EQ(HttpUrl::parse_server("http://lb1")->text(), "http://lb1:80");
  for (const char* text :
       {"", "lb1", "unix:", "unix:run", "ftp://lb1", "lb1:0", "lb1:x", "::1:80", "https://lb1/path"})
    EXPECT_FALSE(HttpUrl::parse_server(text)) << text;
}

}  // namespace
}  // namespace shunt::insight
