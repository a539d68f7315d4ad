// One health check against real servers on loopback: every verdict and its reason.
#include "control/health_check.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/loopback_server.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::LoopbackServer;

// Where a verdict other than a timeout is wanted, the timeout is one that a busy machine doesn't reach.
constexpr milliseconds kPatient{20'000};
constexpr milliseconds kShort{100};

HealthTarget target_at(uint16_t port, HealthType type = HealthType::http, milliseconds timeout = kPatient) {
  HealthTarget target;
  target.pool = "web";
  target.backend = "web-1";
  target.address = *IpAddress::parse("127.0.0.1");
  target.port = port;
  target.config.type = type;
  target.config.timeout = timeout;
  return target;
}

HealthResult check(const HealthTarget& target) {
  asio::io_context io(1);
  const auto probe = std::make_shared<HealthCheck>(io.get_executor(), target);
  HealthResult result;
  bool done = false;
  asio::co_spawn(io, probe->run(), [&](const std::exception_ptr& error, const HealthResult& verdict) {
    EXPECT_FALSE(error);
    result = verdict;
    done = true;
  });
  io.run_for(std::chrono::seconds(60));
  EXPECT_TRUE(done);
  return result;
}

HealthResult check_answer(const std::string& answer) {
  LoopbackServer server(LoopbackServer::answering(answer));
  return check(target_at(server.port()));
}

// Bound but not listening: connections are refused, and nobody else gets the port.
struct RefusingPort {
  asio::io_context io;
  tcp::acceptor socket{io};
  RefusingPort() {
    socket.open(tcp::v4());
    socket.bind({asio::ip::address_v4::loopback(), 0});
  }
  uint16_t port() const { return socket.local_endpoint().port(); }
};

// Its accept queue is full, so the kernel drops each further SYN.
struct DeafPort {
  asio::io_context io;
  tcp::acceptor socket{io, {asio::ip::address_v4::loopback(), 0}};
  std::vector<tcp::socket> waiting;
  DeafPort() {
    socket.listen(0);
    for (int i = 0; i < 4; ++i) {
      tcp::socket& client = waiting.emplace_back(io);
      client.open(tcp::v4());
      client.native_non_blocking(true);
      const tcp::endpoint here = socket.local_endpoint();
      ::connect(client.native_handle(), here.data(),
                static_cast<socklen_t>(here.size()));  // Asio's would wait
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  uint16_t port() const { return socket.local_endpoint().port(); }
};

size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST(HealthCheckTcp, ConnectedIsGoodEvenIfNothingIsSaid) {
  LoopbackServer server(LoopbackServer::silent());
  const HealthResult result = check(target_at(server.port(), HealthType::tcp));
  EXPECT_EQ(result.outcome, HealthOutcome::ok);
  EXPECT_EQ(result.reason, "connected");
  EXPECT_GT(result.duration.count(), 0);
}

TEST(HealthCheckTcp, ClosesByReset) {
  std::atomic<int> reset = -1;
  LoopbackServer server([&](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    char byte = 0;
    const auto [error, count] =
        co_await socket.async_read_some(asio::buffer(&byte, 1), asio::as_tuple(asio::use_awaitable));
    reset = error == asio::error::connection_reset ? 1 : 0;
  });
  EXPECT_TRUE(check(target_at(server.port(), HealthType::tcp)).ok());
  for (int i = 0; i < 1000 && reset < 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(reset, 1);
}

TEST(HealthCheckTcp, RefusedIsNoticedWithoutWaitingForTheTimeout) {
  const RefusingPort port;
  for (const HealthType type : {HealthType::tcp, HealthType::http}) {
    const HealthResult result = check(target_at(port.port(), type));
    EXPECT_EQ(result.outcome, HealthOutcome::refused);
    EXPECT_EQ(result.reason, "connect: Connection refused");
  }
}

TEST(HealthCheckTcp, NoAnswerToTheSynTimesOut) {
  const DeafPort port;
  const HealthResult result = check(target_at(port.port(), HealthType::tcp, kShort));
  EXPECT_EQ(result.outcome, HealthOutcome::timed_out);
  EXPECT_EQ(result.reason, "timed out after 100 ms while connecting");
  EXPECT_GE(result.duration, kShort);
}

TEST(HealthCheckTcp, AnUnreachableAddressFails) {
  HealthTarget target = target_at(80, HealthType::tcp);
  target.address = *IpAddress::parse("255.255.255.255");
  const HealthResult result = check(target);
  EXPECT_EQ(result.outcome, HealthOutcome::failed);
  EXPECT_EQ(result.reason.rfind("connect: ", 0), 0U) << result.reason;
}

TEST(HealthCheckTcp, ComesFromTheGivenSource) {
  LoopbackServer server(LoopbackServer::answering("HTTP/1.1 200 OK\r\n\r\n"));
  HealthTarget target = target_at(server.port());
  target.source = IpAddress::parse("127.0.0.77");
  EXPECT_EQ(check(target).reason, "HTTP 200");
  EXPECT_EQ(server.last_peer(), "127.0.0.77");
}

TEST(HealthCheckTcp, ASourceThatIsNotOursIsNotTheBackendsFault) {
  LoopbackServer server(LoopbackServer::silent());
  HealthTarget target = target_at(server.port(), HealthType::tcp);
  target.source = IpAddress::parse("192.0.2.1");
  const HealthResult result = check(target);
  EXPECT_EQ(result.outcome, HealthOutcome::internal);
  EXPECT_EQ(result.reason, "bind to 192.0.2.1: Cannot assign requested address");
}

TEST(HealthCheckTcp, NoFileDescriptorIsNotTheBackendsFault) {
  LoopbackServer server(LoopbackServer::silent());
  asio::io_context io(1);
  const auto probe =
      std::make_shared<HealthCheck>(io.get_executor(), target_at(server.port(), HealthType::tcp));
  HealthResult result;
  asio::co_spawn(io, probe->run(),
                 [&](const std::exception_ptr&, const HealthResult& verdict) { result = verdict; });
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  io.run_for(std::chrono::seconds(60));
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(result.outcome, HealthOutcome::internal);
  EXPECT_EQ(result.reason, "socket: Too many open files");
}

TEST(HealthCheckHttp, SendsOneWholeRequest) {
  LoopbackServer server(LoopbackServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  HealthTarget target = target_at(server.port());
  target.config.path = "/health?full=1";
  EXPECT_EQ(check(target).reason, "HTTP 200");
  EXPECT_EQ(server.last_request(),
            "GET /health?full=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                "\r\nUser-Agent: shunt-health\r\nAccept: */*\r\nConnection: close\r\n\r\n");
  target.config.host = "www.example.com";
  EXPECT_TRUE(check(target).ok());
  EXPECT_NE(server.last_request().find("\r\nHost: www.example.com\r\n"), std::string::npos);
}

TEST(HealthCheckHttp, NamesAnIpv6HostInBrackets) {
  LoopbackServer server(LoopbackServer::answering("HTTP/1.0 204 No Content\r\n\r\n"), "::1");
  HealthTarget target = target_at(server.port());
  target.address = *IpAddress::parse("::1");
  EXPECT_EQ(check(target).reason, "HTTP 204");
  EXPECT_NE(server.last_request().find("\r\nHost: [::1]:" + std::to_string(server.port()) + "\r\n"),
            std::string::npos);
}

TEST(HealthCheckHttp, AnySuccessOrRedirectIsGoodByDefault) {
  const std::pair<int, bool> rows[] = {{200, true},  {299, true},  {301, true},  {399, true},
                                       {400, false}, {404, false}, {500, false}, {503, false}};
  for (const auto& [status, good] : rows) {
    const HealthResult result = check_answer("HTTP/1.1 " + std::to_string(status) + " Text\r\n\r\n");
    EXPECT_EQ(result.outcome, good ? HealthOutcome::ok : HealthOutcome::failed) << status;
    EXPECT_EQ(result.reason, "HTTP " + std::to_string(status));
  }
}

TEST(HealthCheckHttp, AListOfExpectedStatusesReplacesTheDefault) {
  for (const auto& [status, good] : {std::pair(200, false), std::pair(401, true), std::pair(503, true)}) {
    LoopbackServer server(LoopbackServer::answering("HTTP/1.1 " + std::to_string(status) + " Text\r\n\r\n"));
    HealthTarget target = target_at(server.port());
    target.config.expect = {401, 503};
    EXPECT_EQ(check(target).ok(), good) << status;
  }
}

TEST(HealthCheckHttp, InterimAnswersComeBeforeTheAnswer) {
  const std::string early = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
  EXPECT_EQ(check_answer(early + early + "HTTP/1.1 503 Busy\r\n\r\n").reason, "HTTP 503");
  EXPECT_EQ(check_answer("HTTP/1.1 101 Switching Protocols\r\n\r\n").reason, "HTTP 101");
  std::string endless;
  for (int i = 0; i < 9; ++i) {
    endless += early;
  }
  EXPECT_EQ(check_answer(endless).reason, "more than 8 interim answers");
}

TEST(HealthCheckHttp, TheBodyIsNotRead) {
  const std::string huge = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nabc";
  EXPECT_EQ(check_answer(huge).reason, "HTTP 200");
  LoopbackServer endless([](LoopbackServer& server, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await server.read_request(socket);
    co_await LoopbackServer::send(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; ++i) {
      co_await LoopbackServer::send(socket, "3e8\r\n" + std::string(1000, 'x') + "\r\n");
    }
  });
  EXPECT_EQ(check(target_at(endless.port())).reason, "HTTP 200");
}

TEST(HealthCheckHttp, WhatIsNotHttpIsMalformed) {
  const std::string tls("\x16\x03\x01\x00\x05hello\r\n\r\n", 14);
  for (const std::string& answer :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"), std::string("HTTP/3.7 200 OK\r\n\r\n"),
        std::string("HTTP/1.1 abc OK\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), tls}) {
    const HealthResult result = check_answer(answer);
    EXPECT_EQ(result.outcome, HealthOutcome::failed) << answer;
    EXPECT_EQ(result.reason.rfind("malformed answer: ", 0), 0U) << answer << " gave " << result.reason;
  }
}

TEST(HealthCheckHttp, AnOversizedHeaderEndsTheCheck) {
  EXPECT_EQ(check_answer("HTTP/1.1 200 OK\r\nX: " + std::string(15'000, 'x') + "\r\n\r\n").reason,
            "HTTP 200");
  const char* reason = "answer's header larger than 16 KiB";
  EXPECT_EQ(check_answer("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").reason, reason);
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2000; ++i) {
    many += "X-Field: value\r\n";
  }
  EXPECT_EQ(check_answer(many + "\r\n").reason, reason);
  EXPECT_EQ(check_answer("HTTP/1.1 200 " + std::string(20'000, 'x')).reason, reason);
}

TEST(HealthCheckHttp, AnEarlyCloseHasItsOwnReason) {
  EXPECT_EQ(check_answer("").reason, "closed without an answer");
  EXPECT_EQ(check_answer("HTTP/1.1 200 OK\r\nServer: x").reason,
            "closed in the middle of the answer's header");
  LoopbackServer resetting(
      [](LoopbackServer& server, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
        co_await server.read_request(socket);
        socket.set_option(tcp::socket::linger(true, 0));
        socket.close();
      });
  const HealthResult result = check(target_at(resetting.port()));
  EXPECT_EQ(result.outcome, HealthOutcome::failed);
  EXPECT_EQ(result.reason, "receive: Connection reset by peer");
}

TEST(HealthCheckHttp, ASilentServerTimesOut) {
  LoopbackServer server(LoopbackServer::silent());
  const HealthResult result = check(target_at(server.port(), HealthType::http, kShort));
  EXPECT_EQ(result.outcome, HealthOutcome::timed_out);
  EXPECT_EQ(result.reason, "timed out after 100 ms while waiting for the answer");
}

TEST(HealthCheckHttp, TheTimeoutIsForTheWholeOfATricklingAnswer) {
  LoopbackServer server([](LoopbackServer& self, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await self.read_request(socket);
    for (const char byte :
         std::string("HTTP/1.1 200 OK\r\nServer: a very slow one that takes its time\r\n\r\n")) {
      co_await LoopbackServer::send(socket, std::string(1, byte));
      co_await LoopbackServer::sleep(socket, milliseconds(100));
    }
  });
  const HealthResult result = check(target_at(server.port(), HealthType::http, milliseconds(500)));
  EXPECT_EQ(result.outcome, HealthOutcome::timed_out);
  EXPECT_EQ(result.reason, "timed out after 500 ms while reading the answer");
}

TEST(HealthCheckHttp, OurOwnThreadHeldUpIsNotTheBackendsFault) {
  LoopbackServer server(LoopbackServer::answering("HTTP/1.1 200 OK\r\n\r\n"));
  asio::io_context io(1);
  const auto probe =
      std::make_shared<HealthCheck>(io.get_executor(), target_at(server.port(), HealthType::http, kShort));
  HealthResult result;
  asio::co_spawn(io, probe->run(),
                 [&](const std::exception_ptr&, const HealthResult& verdict) { result = verdict; });
  while (server.accepted() == 0) {
    io.poll_one();
    std::this_thread::sleep_for(milliseconds(5));
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));
  io.run_for(std::chrono::seconds(60));
  EXPECT_EQ(result.reason, "HTTP 200");
}

// ---- through the tunnel

// A server that answers, and tries meanwhile whether another socket of this host may use the check's port.
class PortRival {
 public:
  PortRival() {
    server_ = std::make_unique<LoopbackServer>(
        [this](LoopbackServer& server, tcp::socket& socket) -> asio::awaitable<void> {
          co_await server.read_request(socket);
          outcome_ = connect_from(socket.remote_endpoint().port());
          co_await LoopbackServer::send(socket, "HTTP/1.1 200 OK\r\n\r\n");
        });
  }
  LoopbackServer& server() { return *server_; }
  int outcome() const { return outcome_; }  // errno

  // False: a kernel older than 6.3.
  static bool can_choose_ports() {
    const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
    const bool can = choose(handle, 40'000);
    ::close(handle);
    return can;
  }

 private:
  static bool choose(int handle, uint16_t port) {
    constexpr int kLocalPortRange = 51;  // IP_LOCAL_PORT_RANGE
    const uint32_t range = uint32_t{port} << 16U | port;
    return setsockopt(handle, IPPROTO_IP, kLocalPortRange, &range, sizeof range) == 0;
  }
  // Connects to somewhere else, as any program would, but with this port to choose from.
  int connect_from(uint16_t port) const {
    const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
    choose(handle, port);
    const tcp::endpoint peer(asio::ip::address_v4::loopback(), other_.port());
    const int failed = ::connect(handle, peer.data(), static_cast<socklen_t>(peer.size()));
    const int why = failed != 0 ? errno : 0;
    ::close(handle);
    return why;
  }

  LoopbackServer other_{LoopbackServer::silent()};
  std::unique_ptr<LoopbackServer> server_;
  std::atomic<int> outcome_ = -1;
};

TEST(HealthCheckTunnel, ConnectsToTheProbeAddressAndNamesTheVip) {
  LoopbackServer server(LoopbackServer::answering("HTTP/1.1 200 OK\r\n\r\n"));
  HealthTarget target = target_at(server.port());
  target.address = *IpAddress::parse("192.0.2.1");
  target.probe = IpAddress::parse("127.0.0.1");
  target.vip = IpAddress::parse("198.51.100.1");
  EXPECT_EQ(check(target).reason, "HTTP 200");
  EXPECT_NE(server.last_request().find("\r\nHost: 198.51.100.1:" + std::to_string(server.port()) + "\r\n"),
            std::string::npos);
  target.source = IpAddress::parse("127.0.0.77");
  EXPECT_EQ(check(target).reason, "HTTP 200");
  EXPECT_EQ(server.last_peer(), "127.0.0.77");
}

// The data plane knows answers by their port; a plain check's may be used with other peers.
TEST(HealthCheckTunnel, SharesItsPortWithNobody) {
  if (!PortRival::can_choose_ports()) GTEST_SKIP() << "this kernel doesn't let a socket choose from a range";
  for (const std::string source : {"", "127.0.0.1"}) {
    PortRival rival;
    HealthTarget target = target_at(rival.server().port());
    if (!source.empty()) target.source = IpAddress::parse(source);
    EXPECT_EQ(check(target).reason, "HTTP 200");
    EXPECT_EQ(rival.outcome(), 0);
    target.probe = target.address;
    EXPECT_EQ(check(target).reason, "HTTP 200");
    EXPECT_EQ(rival.outcome(), EADDRNOTAVAIL) << source;
  }
}

TEST(HealthCheck, CancelEndsItAtOnce) {
  LoopbackServer server(LoopbackServer::silent());
  asio::io_context io(1);
  const auto probe = std::make_shared<HealthCheck>(io.get_executor(), target_at(server.port()));
  HealthResult result;
  asio::co_spawn(io, probe->run(),
                 [&](const std::exception_ptr&, const HealthResult& verdict) { result = verdict; });
  while (server.accepted() == 0) {
    io.run_one_for(std::chrono::milliseconds(1));
  }
  probe->cancel();
  io.poll();
  EXPECT_EQ(result.outcome, HealthOutcome::cancelled);
}

TEST(HealthCheck, LeavesNoFileOpen) {
  const RefusingPort refusing;
  const DeafPort deaf;
  const size_t before = open_files();
  check(target_at(refusing.port()));
  check(target_at(deaf.port(), HealthType::tcp, kShort));
  check_answer("HTTP/1.1 200 OK\r\n\r\n");
  check_answer("nonsense\r\n\r\n");
  check_answer("");
  EXPECT_EQ(open_files(), before);
}

TEST(HealthTarget, WhereSettingsStandInTheFileIsNoDifference) {
  const HealthTarget target = target_at(80);
  HealthTarget other = target;
  other.config.position = {7, 3};
  EXPECT_EQ(target, other);
  other.config.expect = {200};
  EXPECT_FALSE(target == other);
}

}  // namespace
}  // namespace shunt
