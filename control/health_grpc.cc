// grpc: grpc.health.v1.Health/Check over HTTP/2, with prior knowledge or, over TLS, by ALPN; good when the
// answer is SERVING.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "control/grpc_message.h"
#include "control/health_probe.h"
#include "control/health_tls.h"
#include "control/http2_call.h"

namespace shunt {
namespace {

namespace asio = boost::asio;

Http2Call::Request request_for(const HealthTarget& target) {
  const HealthSettings& settings = target.config;
  const std::string address =
      target.named().is_v4() ? target.named().text() : "[" + target.named().text() + "]";
  Http2Call::Request request;
  request.scheme = settings.tls ? "https" : "http";
  request.authority = settings.host.empty() ? address + ":" + std::to_string(target.port) : settings.host;
  request.path = "/grpc.health.v1.Health/Check";
  request.content_type = "application/grpc";
  request.body = grpc_health_request(settings.grpc_service);
  return request;
}

std::string serving_text(uint64_t status) {
  constexpr const char* kNames[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return status < std::size(kNames) ? kNames[status] : "status " + std::to_string(status);
}

std::string field_of(const Http2Call::Answer& answer, const std::string& name) {
  const auto found = answer.fields.find(name);
  return found == answer.fields.end() ? std::string() : found->second;
}

HealthResult judge(const Http2Call::Answer& answer) {
  if (answer.status.empty() || answer.stream_error != 0)
    return bad("HTTP/2 stream ended with error " + std::to_string(answer.stream_error));
  if (answer.status != "200") return bad("HTTP " + quoted(answer.status));
  const std::string code = field_of(answer, "grpc-status");
  if (code.empty()) return bad("no grpc-status in the answer");
  if (code != "0") {
    const std::string message = field_of(answer, "grpc-message");
    return bad("grpc-status " + quoted(code) + (message.empty() ? "" : ": " + quoted(message)));
  }
  const auto status = grpc_health_status(answer.body);
  if (!status) return bad("malformed HealthCheckResponse");
  return make_result(*status == 1 ? HealthOutcome::ok : HealthOutcome::failed, serving_text(*status));
}

template <typename Stream>
asio::awaitable<HealthResult> ask_over_http2(HealthProbe& probe, Stream& stream) {
  Http2Call call(request_for(probe.target));
  probe.stage = "sending the request";
  std::array<char, 4'096> piece{};
  while (true) {
    const std::string output = call.take_output();
    const auto [unsent, sent] = co_await asio::async_write(stream, asio::buffer(output), kAsValue);
    if (unsent) co_return make_result(HealthOutcome::failed, "send", unsent);
    if (call.answer().complete) co_return judge(call.answer());
    if (!call.error().empty()) co_return bad(call.error());
    probe.stage = call.answer().status.empty() ? "waiting for the answer" : "reading the answer";
    const auto [error, size] = co_await stream.async_read_some(asio::buffer(piece), kAsValue);
    if (is_end(error)) co_return bad("closed without an answer");
    if (error) co_return make_result(HealthOutcome::failed, "receive", error);
    if (!call.put_input({piece.data(), size})) co_return bad(call.error());
  }
}

}  // namespace

asio::awaitable<HealthResult> probe_grpc(HealthProbe& probe) {
  if (probe.target.config.tls) {
    std::unique_ptr<TlsStream> stream;
    HealthResult connected = co_await connect_tls(probe, stream, "h2");
    if (!connected.ok()) co_return connected;
    co_return co_await ask_over_http2(probe, *stream);
  }
  HealthResult connected = co_await connect_stream(probe);
  if (!connected.ok()) co_return connected;
  co_return co_await ask_over_http2(probe, probe.stream);
}

}  // namespace shunt
