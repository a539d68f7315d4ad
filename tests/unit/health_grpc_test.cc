// grpc checks against nghttp2's server side over plain TCP and TLS, and against what isn't HTTP/2; the
// messages.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <array>
#include <boost/asio/ssl/stream.hpp>
#include <random>

#include "control/grpc_message.h"
#include "control/http2_call.h"
#include "tests/unit/health_bed.h"
#include "tests/unit/loopback_server.h"
#include "tests/unit/test_certificates.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
using testing::LoopbackServer;
using testing::run_check;
using testing::target_of;

using Fields = std::vector<std::pair<std::string, std::string>>;

const std::string kServing("\0\0\0\0\x02\x08\x01", 7);
const std::string kNotServing("\0\0\0\0\x02\x08\x02", 7);

// What the server answers a request with.
struct GrpcAnswer {
  Fields header = {{":status", "200"}, {"content-type", "application/grpc"}};
  std::string body = kServing;
  Fields trailer = {{"grpc-status", "0"}};
  uint32_t reset = 0;  // RST_STREAM instead, with this code
};

// One connection of a server.
class GrpcConnection {
 public:
  explicit GrpcConnection(const GrpcAnswer& answer) : answer_(answer) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~GrpcConnection() { nghttp2_session_del(session_); }
  GrpcConnection(const GrpcConnection&) = delete;
  GrpcConnection& operator=(const GrpcConnection&) = delete;

  template <typename Stream>
  asio::awaitable<void> serve(Stream& stream) {
    constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
    std::array<uint8_t, 4'096> piece{};
    while (true) {
      std::string output;
      const uint8_t* data = nullptr;
      for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &data)) > 0;)
        output.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
      const auto [unsent, sent] = co_await asio::async_write(stream, asio::buffer(output), as_value);
      if (unsent) co_return;
      const auto [error, size] = co_await stream.async_read_some(asio::buffer(piece), as_value);
      if (error || nghttp2_session_mem_recv(session_, piece.data(), size) < 0) co_return;
    }
  }

  std::string body;
  std::map<std::string, std::string> fields;

 private:
  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    static_cast<GrpcConnection*>(user)->fields[{reinterpret_cast<const char*>(name), name_size}] = {
        reinterpret_cast<const char*>(value), value_size};
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t, const uint8_t* data, size_t size, void* user) {
    static_cast<GrpcConnection*>(user)->body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || frame->hd.stream_id == 0) return 0;
    auto& self = *static_cast<GrpcConnection*>(user);
    if (self.answer_.reset != 0)
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, self.answer_.reset);
    nghttp2_data_provider provider{};
    provider.read_callback = read_body;
    auto header = views(self.answer_.header);
    return nghttp2_submit_response(session, frame->hd.stream_id, header.data(), header.size(), &provider);
  }
  static ssize_t read_body(nghttp2_session* session, int32_t stream, uint8_t* to, size_t room,
                           uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& self = *static_cast<GrpcConnection*>(user);
    const size_t size = std::min(room, self.answer_.body.size() - self.sent_);
    std::memcpy(to, self.answer_.body.data() + self.sent_, size);
    self.sent_ += size;
    if (self.sent_ == self.answer_.body.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!self.answer_.trailer.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        auto trailer = views(self.answer_.trailer);
        nghttp2_submit_trailer(session, stream, trailer.data(), trailer.size());
      }
    }
    return static_cast<ssize_t>(size);
  }
  static std::vector<nghttp2_nv> views(Fields& fields) {
    std::vector<nghttp2_nv> list;
    for (auto& [name, value] : fields) {
      list.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()),
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return list;
  }

  GrpcAnswer answer_;
  size_t sent_ = 0;
  nghttp2_session* session_ = nullptr;
};

HealthResult check_grpc(const GrpcAnswer& answer, const std::string& address = "127.0.0.1") {
  LoopbackServer server(
      [answer](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
        GrpcConnection connection(answer);
        co_await connection.serve(socket);
      },
      address);
  return run_check(target_of(HealthType::grpc, server.port(), address));
}

TEST(HealthCheckGrpc, ServingIsGood) {
  EXPECT_EQ(check_grpc({}).reason, "SERVING");
  EXPECT_TRUE(check_grpc({}, "::1").ok());
}

TEST(HealthCheckGrpc, EachWrongAnswerHasItsReason) {
  const auto reason = [](const std::function<void(GrpcAnswer&)>& change) {
    GrpcAnswer answer;
    change(answer);
    const HealthResult result = check_grpc(answer);
    EXPECT_EQ(result.outcome, HealthOutcome::failed);
    return result.reason;
  };
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.body = kNotServing; }), "NOT_SERVING");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.body = std::string(5, '\0'); }), "UNKNOWN");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.body = "\x08\x01"; }), "malformed HealthCheckResponse");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.body = ""; }), "malformed HealthCheckResponse");
  // A control character in a field: nghttp2 gives the stream up.
  EXPECT_EQ(
      reason([](GrpcAnswer& a) { a.trailer = {{"grpc-status", "12"}, {"grpc-message", "no such\x1b"}}; }),
      "HTTP/2 stream ended with error 1");
  EXPECT_EQ(
      reason([](GrpcAnswer& a) { a.trailer = {{"grpc-status", "5"}, {"grpc-message", "unknown service"}}; }),
      "grpc-status 5: unknown service");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.trailer.clear(); }), "no grpc-status in the answer");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.header[0].second = "503"; }), "HTTP 503");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.reset = 7; }), "HTTP/2 stream ended with error 7");
  EXPECT_EQ(reason([](GrpcAnswer& a) { a.body = std::string(5'000, 'x'); }),
            "answer's body larger than 4 KiB");
}

TEST(HealthCheckGrpc, TheRequestIsGrpcs) {
  std::string body;
  std::map<std::string, std::string> fields;
  std::atomic<bool> done = false;
  LoopbackServer server([&](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    GrpcConnection connection({});
    co_await connection.serve(socket);
    body = connection.body;
    fields = connection.fields;
    done = true;
  });
  HealthTarget target = target_of(HealthType::grpc, server.port());
  target.config.grpc_service = "shop";
  target.config.host = "shop.example";
  EXPECT_TRUE(run_check(target).ok());
  for (int i = 0; i < 1'000 && !done; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(body, std::string("\0\0\0\0\x06\x0a\x04shop", 11));
  EXPECT_EQ(fields[":path"], "/grpc.health.v1.Health/Check");
  EXPECT_EQ(fields[":method"], "POST");
  EXPECT_EQ(fields[":scheme"], "http");
  EXPECT_EQ(fields[":authority"], "shop.example");
  EXPECT_EQ(fields["content-type"], "application/grpc");
  EXPECT_EQ(fields["te"], "trailers");
}

// ALPN as a server does it.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned in_size, void* wanted) {
  const std::string_view list = static_cast<const char*>(wanted);  // what is chosen points into it
  return SSL_select_next_proto(const_cast<unsigned char**>(out), size,
                               reinterpret_cast<const unsigned char*>(list.data()),
                               static_cast<unsigned>(list.size()), in, in_size) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_NOACK;
}

HealthResult check_over_tls(const char* protocol) {
  const auto context = testing::server_context(testing::make_certificate({}));
  std::string list = protocol;
  SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, list.data());
  LoopbackServer server([&](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
    asio::ssl::stream<LoopbackServer::Socket&> stream(socket, *context);
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::as_tuple(asio::use_awaitable));
    GrpcConnection connection({});
    co_await connection.serve(stream);
  });
  HealthTarget target = target_of(HealthType::grpc, server.port());
  target.config.tls = true;
  target.config.verify = false;
  return run_check(target);
}

TEST(HealthCheckGrpc, OverTlsByAlpn) {
  EXPECT_EQ(check_over_tls("\x02h2").reason, "SERVING");
  EXPECT_EQ(check_over_tls("\x08http/1.1").reason, "TLS: the server doesn't speak h2");
}

TEST(HealthCheckGrpc, WhatIsNotHttp2) {
  const auto reason = [](const std::string& answer) {
    LoopbackServer server([answer](LoopbackServer&, LoopbackServer::Socket& socket) -> asio::awaitable<void> {
      co_await LoopbackServer::send(socket, answer);
      socket.shutdown(LoopbackServer::Socket::shutdown_send);
      co_await LoopbackServer::linger(socket);
    });
    return run_check(target_of(HealthType::grpc, server.port())).reason;
  };
  EXPECT_EQ(reason(""), "closed without an answer");
  EXPECT_EQ(reason("HTTP/1.1 400 Bad Request\r\n\r\nand some more to read").rfind("malformed HTTP/2", 0), 0U);
  // SETTINGS, then pings without end.
  std::string pings("\0\0\0\x04\0\0\0\0\0", 9);
  for (int i = 0; i < 10'000; ++i)
    pings += std::string("\0\0\x08\x06\x01\0\0\0\0", 9) + "pingpong";
  EXPECT_EQ(reason(pings), "answer larger than 64 KiB");
}

TEST(HealthCheckGrpc, ASilentServerTimesOut) {
  LoopbackServer server(LoopbackServer::silent());
  HealthTarget target = target_of(HealthType::grpc, server.port());
  target.config.timeout = testing::kShort;
  EXPECT_EQ(run_check(target).reason, "timed out after 100 ms while waiting for the answer");
}

TEST(Http2Call, AnyBytesAreRead) {
  std::mt19937_64 random(11);
  const std::string settings("\0\0\0\x04\0\0\0\0\0", 9);
  for (int i = 0; i < 3'000; ++i) {
    Http2Call call({"http", "a", "/", "application/grpc", grpc_health_request("")});
    call.take_output();
    std::string bytes = settings;
    while (bytes.size() < 200) {  // frames with a length that fits, whatever else is in them
      const auto size = static_cast<char>(random() % 20);
      bytes +=
          std::string("\0\0", 2) + size + static_cast<char>(random() % 11) + static_cast<char>(random() % 64);
      bytes += std::string("\0\0\0", 3) + static_cast<char>(random() % 3);
      for (char left = size; left > 0; --left)
        bytes += static_cast<char>(random());
    }
    if (call.put_input(bytes)) call.take_output();
    EXPECT_LE(call.answer().body.size(), Http2Call::kMostBody);
  }
}

TEST(GrpcMessage, HealthCheckResponses) {
  struct Row {
    std::string body;
    std::optional<uint64_t> status;
  };
  const auto framed = [](const std::string& message) {
    return std::string(4, '\0') + static_cast<char>(message.size()) + message;
  };
  const Row rows[] = {{framed("\x08\x01"), 1},
                      {framed(""), 0},
                      {framed("\x08\x03"), 3},
                      {framed("\x12\x02xx\x08\x01"), 1},    // an unknown field of bytes
                      {framed("\x15xxxx\x08\x01"), 1},      // of four bytes
                      {framed("\x11xxxxxxxx\x08\x02"), 2},  // of eight
                      {framed("\x10\x05\x08\x01"), 1},      // a number
                      {framed("\x08\x02\x08\x01"), 1},      // the last one counts
                      {framed("\x08\xff\xff\xff\xff\x0f"), 0xffffffffU},
                      {framed("\x08"), std::nullopt},                    // no value
                      {framed("\x08\x80"), std::nullopt},                // half of one
                      {framed("\x12\x05x"), std::nullopt},               // shorter than it says
                      {framed(std::string("\0\x01", 2)), std::nullopt},  // field 0
                      {framed("\x0b"), std::nullopt},                    // a group
                      {framed("\x08" + std::string(12, '\xff')), std::nullopt},
                      {"\x01" + framed("\x08\x01").substr(1), std::nullopt},  // compressed
                      {framed("\x08\x01") + "x", std::nullopt},               // more than one message
                      {std::string(4, '\0'), std::nullopt},
                      {"", std::nullopt}};
  for (size_t i = 0; i < std::size(rows); ++i)
    EXPECT_EQ(grpc_health_status(rows[i].body), rows[i].status) << "row " << i;
}

TEST(GrpcMessage, Requests) {
  EXPECT_EQ(grpc_health_request(""), std::string(5, '\0'));
  const std::string long_name(200, 'n');
  EXPECT_EQ(grpc_health_request(long_name), std::string("\0\0\0\0\xcb\x0a\xc8\x01", 8) + long_name);
}

}  // namespace
}  // namespace shunt
