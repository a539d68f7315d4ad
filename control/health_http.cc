// http and https: a request over HTTP/1.1; good when the status is expected, and the body holds what it must.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <string_view>
#include <vector>

#include "control/health_probe.h"
#include "control/health_tls.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::response_parser<http::buffer_body>;

constexpr int kInterimAnswers = 8;
constexpr size_t kBodyBytes = 65'536;

const char* name_of(HttpMethod method) {
  switch (method) {
    case HttpMethod::head:
      return "HEAD";
    case HttpMethod::options:
      return "OPTIONS";
    case HttpMethod::get:
      break;
  }
  return "GET";
}

// RFC 9110 section 7.2: the authority, with the port where it isn't the default.
std::string host_header(const HealthTarget& target) {
  if (!target.config.host.empty()) return target.config.host;
  const std::string address =
      target.named().is_v4() ? target.named().text() : "[" + target.named().text() + "]";
  const uint16_t usual = target.config.type == HealthType::https ? 443 : 80;
  return target.port == usual ? address : address + ":" + std::to_string(target.port);
}

std::string request_text(const HealthTarget& target) {
  return std::string(name_of(target.config.method)) + " " + target.config.path +
         " HTTP/1.1\r\nHost: " + host_header(target) +
         "\r\nUser-Agent: shunt-health\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

HealthResult answer_error(const error_code& error) {
  if (error == http::error::end_of_stream || is_end(error)) return bad("closed without an answer");
  if (error == http::error::partial_message) return bad("closed in the middle of the answer's header");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return bad("answer's header larger than 16 KiB");
  const bool malformed = error.category() == http::make_error_code(http::error::bad_version).category();
  return make_result(HealthOutcome::failed, malformed ? "malformed answer" : "receive", error);
}

HealthResult judge(const HealthSettings& settings, unsigned status) {
  const auto& expect = settings.expect;
  const bool expected = expect.empty() ? status >= 200 && status < 400
                                       : std::find(expect.begin(), expect.end(), status) != expect.end();
  return make_result(expected ? HealthOutcome::ok : HealthOutcome::failed, "HTTP " + std::to_string(status));
}

// However the body ends, what has come of it counts.
template <typename Stream>
asio::awaitable<HealthResult> find_in_body(HealthProbe& probe, Stream& stream,
                                           boost::beast::flat_buffer& received, Parser& parser) {
  probe.stage = "reading the body";
  std::vector<char> body(kBodyBytes);
  parser.get().body().data = body.data();
  parser.get().body().size = body.size();
  const auto [error, bytes] = co_await http::async_read(stream, received, parser, kAsValue);
  const std::string_view got(body.data(), body.size() - parser.get().body().size);
  const std::string status = "HTTP " + std::to_string(parser.get().result_int());
  if (got.find(probe.target.config.body) != std::string_view::npos)
    co_return good(status + ", body as wanted");
  const bool whole = !error || error == http::error::need_buffer;
  co_return bad(status + (whole ? ", but the body doesn't hold `body`" : ", but closed before `body` came"));
}

template <typename Stream>
asio::awaitable<HealthResult> ask(HealthProbe& probe, Stream& stream) {
  const HealthSettings& settings = probe.target.config;
  probe.stage = "sending the request";
  const std::string request = request_text(probe.target);
  const auto [unsent, sent] = co_await asio::async_write(stream, asio::buffer(request), kAsValue);
  if (unsent) co_return make_result(HealthOutcome::failed, "send", unsent);

  probe.stage = "waiting for the answer";
  boost::beast::flat_buffer received(kAnswerBytes);
  for (int answers = 0; answers < kInterimAnswers; ++answers) {
    Parser parser;
    parser.skip(settings.body.empty());  // else a header that announces a large body is refused
    parser.body_limit(boost::none);
    parser.header_limit(kAnswerBytes);
    const auto [error, bytes] = co_await http::async_read_header(stream, received, parser, kAsValue);
    if (parser.got_some()) probe.stage = "reading the answer";
    if (error) co_return answer_error(error);
    // RFC 9110 section 15.2: 1xx comes before the answer, except 101, which is one.
    const unsigned status = parser.get().result_int();
    if (status / 100 == 1 && status != 101) continue;
    HealthResult result = judge(settings, status);
    if (!result.ok() || settings.body.empty()) co_return result;
    co_return co_await find_in_body(probe, stream, received, parser);
  }
  co_return bad("more than " + std::to_string(kInterimAnswers) + " interim answers");
}

}  // namespace

asio::awaitable<HealthResult> probe_http(HealthProbe& probe) {
  HealthResult connected = co_await connect_stream(probe);
  if (!connected.ok()) co_return connected;
  co_return co_await ask(probe, probe.stream);
}

asio::awaitable<HealthResult> probe_https(HealthProbe& probe) {
  std::unique_ptr<TlsStream> stream;
  HealthResult connected = co_await connect_tls(probe, stream, {});
  if (!connected.ok()) co_return connected;
  co_return co_await ask(probe, *stream);
}

}  // namespace shunt
