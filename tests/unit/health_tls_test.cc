// https checks against a real TLS server: names, certificates of every kind of wrong, what isn't TLS.
#include "control/health_tls.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/ssl/stream.hpp>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "tests/unit/health_bed.h"
#include "tests/unit/loopback_server.h"
#include "tests/unit/test_certificates.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using testing::Certificate;
using testing::CertificateWish;
using testing::LoopbackServer;
using testing::make_certificate;
using testing::run_check;
using testing::target_of;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct TlsServer {
  explicit TlsServer(const Certificate& certificate, std::string answer = kOk,
                     const std::string& address = "127.0.0.1")
      : context(testing::server_context(certificate)),
        text(std::move(answer)),
        server([this](LoopbackServer&, LoopbackServer::Socket& socket) { return serve(socket); }, address) {}

  asio::awaitable<void> serve(LoopbackServer::Socket& socket) {
    constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
    ssl::stream<LoopbackServer::Socket&> stream(socket, *context);
    const auto [error] = co_await stream.async_handshake(ssl::stream_base::server, as_value);
    if (error) co_return;
    const char* name = SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
    {
      const std::lock_guard lock(mutex);
      asked_for = name == nullptr ? "" : name;
    }
    std::string request;
    co_await asio::async_read_until(stream, asio::dynamic_buffer(request), "\r\n\r\n", as_value);
    co_await asio::async_write(stream, asio::buffer(text), as_value);
    if (!text.empty()) co_await stream.async_shutdown(as_value);
  }
  std::string name() const {
    const std::lock_guard lock(mutex);
    return asked_for;
  }

  std::shared_ptr<ssl::context> context;
  std::string text;
  mutable std::mutex mutex;
  std::string asked_for;
  LoopbackServer server;  // last: its thread uses the others
};

struct HealthCheckHttps : ::testing::Test {
  HealthCheckHttps() : ca(make_certificate({"", -3'600, 3'600, true})) {
    char pattern[] = "/tmp/shunt-tls-test-XXXXXX";
    folder = mkdtemp(pattern);
    write_ca(ca);
  }
  ~HealthCheckHttps() override { std::filesystem::remove_all(folder); }

  void write_ca(const Certificate& certificate) const { std::ofstream(ca_file()) << certificate.pem(); }
  std::string ca_file() const { return folder + "/ca.pem"; }
  HealthTarget target(const TlsServer& server, const std::string& address = "127.0.0.1") const {
    HealthTarget wanted = target_of(HealthType::https, server.server.port(), address);
    wanted.config.ca_file = ca_file();
    return wanted;
  }
  std::string reason(const CertificateWish& wish, const std::string& sni = "a.example") const {
    const TlsServer server(make_certificate(wish, &ca));
    HealthTarget wanted = target(server);
    wanted.config.sni = sni;
    return run_check(wanted).reason;
  }

  Certificate ca;
  std::string folder;
};

TEST_F(HealthCheckHttps, AGoodCertificateForTheName) {
  const TlsServer server(make_certificate({}, &ca));
  HealthTarget wanted = target(server);
  wanted.config.sni = "a.example";
  EXPECT_EQ(run_check(wanted).reason, "HTTP 200");
  EXPECT_EQ(server.name(), "a.example");
  wanted.config.sni.clear();
  wanted.config.host = "a.example:8443";
  EXPECT_EQ(run_check(wanted).reason, "HTTP 200");
  EXPECT_EQ(server.name(), "a.example");
}

TEST_F(HealthCheckHttps, WithoutANameTheAddressIsLookedFor) {
  const TlsServer server(make_certificate({}, &ca));
  EXPECT_EQ(run_check(target(server)).reason, "HTTP 200");
  EXPECT_EQ(server.name(), "") << "an address is no SNI";
  const TlsServer other(make_certificate({"IP:127.0.0.2"}, &ca));
  EXPECT_EQ(run_check(target(other)).reason, "certificate: IP address mismatch");
  const TlsServer six(make_certificate({"IP:0:0:0:0:0:0:0:1"}, &ca), kOk, "::1");
  EXPECT_EQ(run_check(target(six, "::1")).reason, "HTTP 200");
}

TEST_F(HealthCheckHttps, WrongCertificates) {
  EXPECT_EQ(reason({}), "HTTP 200");
  EXPECT_EQ(reason({}, "b.example"), "certificate: hostname mismatch");
  EXPECT_EQ(reason({"DNS:*.shop.example"}, "a.shop.example"), "HTTP 200");
  EXPECT_EQ(reason({"DNS:*.shop.example"}, "x.a.shop.example"), "certificate: hostname mismatch");
  EXPECT_EQ(reason({"DNS:a.example", -7'200, -3'600}), "certificate: certificate has expired");
  EXPECT_EQ(reason({"DNS:a.example", 3'600, 7'200}), "certificate: certificate is not yet valid");
}

TEST_F(HealthCheckHttps, SelfSignedAndForeignCertificates) {
  const TlsServer self(make_certificate({}));
  HealthTarget wanted = target(self);
  EXPECT_EQ(run_check(wanted).outcome, HealthOutcome::failed);
  EXPECT_EQ(run_check(wanted).reason, "certificate: self-signed certificate");
  const Certificate stranger = make_certificate({"", -3'600, 3'600, true});
  const TlsServer foreign(make_certificate({}, &stranger));
  EXPECT_EQ(run_check(target(foreign)).reason, "certificate: unable to get local issuer certificate");
  HealthTarget system = target(foreign);
  system.config.ca_file.clear();
  EXPECT_EQ(run_check(system).reason, "certificate: unable to get local issuer certificate");
}

TEST_F(HealthCheckHttps, VerifyOffTakesAny) {
  const TlsServer server(make_certificate({"DNS:b.example", -7'200, -3'600}));
  HealthTarget wanted = target(server);
  wanted.config.ca_file.clear();
  wanted.config.verify = false;
  wanted.config.sni = "a.example";
  EXPECT_EQ(run_check(wanted).reason, "HTTP 200");
  EXPECT_EQ(server.name(), "a.example");
}

TEST_F(HealthCheckHttps, StatusAndBodyCount) {
  const TlsServer server(make_certificate({}, &ca), "HTTP/1.1 503 Busy\r\n\r\n");
  EXPECT_EQ(run_check(target(server)).reason, "HTTP 503");
  const TlsServer fine(make_certificate({}, &ca));
  HealthTarget wanted = target(fine);
  wanted.config.body = "ok";
  EXPECT_EQ(run_check(wanted).reason, "HTTP 200, body as wanted");
  wanted.config.body = "ko";
  EXPECT_EQ(run_check(wanted).reason, "HTTP 200, but the body doesn't hold `body`");
  const TlsServer mute(make_certificate({}, &ca), "");
  EXPECT_EQ(run_check(target(mute)).reason, "closed without an answer");
}

TEST_F(HealthCheckHttps, ACaFileThatChangedIsReadAgain) {
  const Certificate second = make_certificate({"", -3'600, 3'600, true});
  const TlsServer server(make_certificate({}, &second));
  const auto contexts = std::make_shared<TlsContexts>();
  EXPECT_FALSE(run_check(target(server), contexts).ok());
  write_ca(second);
  std::filesystem::last_write_time(ca_file(),
                                   std::filesystem::last_write_time(ca_file()) + std::chrono::seconds(1));
  EXPECT_EQ(run_check(target(server), contexts).reason, "HTTP 200");
}

TEST_F(HealthCheckHttps, AMissingCaFileIsNotTheBackendsFault) {
  const TlsServer server(make_certificate({}, &ca));
  HealthTarget wanted = target(server);
  wanted.config.ca_file = folder + "/none.pem";
  const HealthResult result = run_check(wanted);
  EXPECT_EQ(result.outcome, HealthOutcome::internal);
  EXPECT_NE(result.reason.find("ca_file " + folder + "/none.pem"), std::string::npos) << result.reason;
}

TEST_F(HealthCheckHttps, WhatIsNotTls) {
  LoopbackServer plain([](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    co_await LoopbackServer::send(socket, "HTTP/1.1 400 Bad Request\r\n\r\n");
    co_await LoopbackServer::linger(socket);
  });
  const HealthResult spoken = run_check(target_of(HealthType::https, plain.port()));
  EXPECT_EQ(spoken.outcome, HealthOutcome::failed);
  EXPECT_EQ(spoken.reason.rfind("TLS handshake: ", 0), 0U) << spoken.reason;
  LoopbackServer closing([](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    char byte = 0;  // half of the ClientHello, then the end
    co_await socket.async_read_some(asio::buffer(&byte, 1), asio::as_tuple(asio::use_awaitable));
    socket.shutdown(LoopbackServer::Socket::shutdown_send);
    co_await LoopbackServer::linger(socket);
  });
  EXPECT_EQ(run_check(target_of(HealthType::https, closing.port())).reason,
            "TLS handshake: closed by the peer");
  LoopbackServer silent(LoopbackServer::silent());
  HealthTarget waiting = target_of(HealthType::https, silent.port());
  waiting.config.timeout = testing::kShort;
  EXPECT_EQ(run_check(waiting).reason, "timed out after 100 ms while in the TLS handshake");
}

}  // namespace
}  // namespace shunt
