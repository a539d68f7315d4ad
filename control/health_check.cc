#include "control/health_check.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <tuple>
#include <utility>

namespace shunt {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// Errors come back as values: an unreachable backend is no exception.
constexpr auto kAsValue = asio::as_tuple(asio::use_awaitable);
constexpr size_t kAnswerBytes = 16'384;
constexpr int kInterimAnswers = 8;
// A deadline that fires this late means that our thread was held up, and the answer may be waiting in the
// kernel.
constexpr auto kHeldUp = std::chrono::milliseconds(10);

// A new field of HealthConfig stops this from compiling, until somebody has decided whether it is a setting.
auto settings(const HealthConfig& config) {
  const auto& [position, type, path, host, port, interval, timeout, rise, fall, jitter, expect] = config;
  return std::tie(type, path, host, port, interval, timeout, rise, fall, jitter, expect);
}

asio::ip::address to_asio(const IpAddress& address) {
  if (address.is_v4()) return asio::ip::address_v4(address.v4().host());
  return asio::ip::address_v6(address.bytes());
}

// RFC 9110 section 7.2: the authority, with the port where it isn't the default.
std::string host_header(const HealthTarget& target) {
  if (!target.config.host.empty()) return target.config.host;
  const std::string address =
      target.address.is_v4() ? target.address.text() : "[" + target.address.text() + "]";
  return target.port == 80 ? address : address + ":" + std::to_string(target.port);
}

std::string request_text(const HealthTarget& target) {
  return "GET " + target.config.path + " HTTP/1.1\r\nHost: " + host_header(target) +
         "\r\nUser-Agent: shunt-health\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

HealthResult make_result(HealthOutcome outcome, std::string reason) {
  HealthResult result;
  result.outcome = outcome;
  result.reason = std::move(reason);
  return result;
}

HealthResult make_result(HealthOutcome outcome, const std::string& step, const error_code& error) {
  return make_result(outcome, step + ": " + error.message());
}

HealthOutcome connect_outcome(const error_code& error) {
  if (error == asio::error::connection_refused) return HealthOutcome::refused;
  // EADDRNOTAVAIL from connect: no local port or address is left to connect from.
  const bool ours = error == boost::system::errc::address_not_available ||
                    error == asio::error::no_buffer_space || error == asio::error::no_memory;
  return ours ? HealthOutcome::internal : HealthOutcome::failed;
}

// Without this, bind() takes a port for itself alone out of the range that all destinations could share.
void choose_port_at_connect(tcp::socket& socket) {
  const int on = 1;
  setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
}

}  // namespace

bool HealthTarget::operator==(const HealthTarget& other) const {
  return std::tie(pool, backend, address, port, source) ==
             std::tie(other.pool, other.backend, other.address, other.port, other.source) &&
         settings(config) == settings(other.config);
}

HealthCheck::HealthCheck(const asio::any_io_executor& executor, HealthTarget target)
    : target_(std::move(target)), socket_(executor), deadline_(executor) {}

asio::awaitable<HealthResult> HealthCheck::run() {
  const auto self = shared_from_this();
  started_ = Clock::now();
  arm_deadline(started_ + target_.config.timeout);
  HealthResult result = open();
  if (result.ok()) result = co_await probe();
  co_return conclude(std::move(result));
}

void HealthCheck::cancel() {
  cancelled_ = true;
  close();
}

void HealthCheck::arm_deadline(Clock::time_point when) {
  deadline_.expires_at(when);
  deadline_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) self->on_deadline();
  });
}

void HealthCheck::on_deadline() {
  if (finished_) return;
  const auto now = Clock::now();
  const auto late = now - deadline_.expiry();
  if (late > kHeldUp && !extended_) {
    extended_ = true;
    arm_deadline(now + std::min<Clock::duration>(late, target_.config.timeout));
    return;
  }
  timed_out_ = true;
  close();
}

HealthResult HealthCheck::open() {
  error_code error;
  if (socket_.open(target_.address.is_v4() ? tcp::v4() : tcp::v6(), error)) {
    return make_result(HealthOutcome::internal, "socket", error);
  }
  if (socket_.set_option(tcp::socket::linger(true, 0), error)) {
    return make_result(HealthOutcome::internal, "linger", error);
  }
  if (!target_.source) return {};
  choose_port_at_connect(socket_);
  if (socket_.bind(tcp::endpoint(to_asio(*target_.source), 0), error)) {
    return make_result(HealthOutcome::internal, "bind to " + target_.source->text(), error);
  }
  return {};
}

asio::awaitable<HealthResult> HealthCheck::probe() {
  const tcp::endpoint peer(to_asio(target_.address), target_.port);
  const auto [error] = co_await socket_.async_connect(peer, kAsValue);
  if (error) co_return make_result(connect_outcome(error), "connect", error);
  if (target_.config.type == HealthType::tcp) co_return make_result(HealthOutcome::ok, "connected");
  co_return co_await ask();
}

asio::awaitable<HealthResult> HealthCheck::ask() {
  stage_ = "sending the request";
  const std::string request = request_text(target_);
  const auto [unsent, sent] = co_await asio::async_write(socket_, asio::buffer(request), kAsValue);
  if (unsent) co_return make_result(HealthOutcome::failed, "send", unsent);

  stage_ = "waiting for the answer";
  boost::beast::flat_buffer received(kAnswerBytes);
  for (int answers = 0; answers < kInterimAnswers; ++answers) {
    http::response_parser<http::empty_body> parser;
    parser.skip(true);  // the header is all we read; without this a large Content-Length is refused
    parser.header_limit(kAnswerBytes);
    const auto [error, bytes] = co_await http::async_read_header(socket_, received, parser, kAsValue);
    if (parser.got_some()) stage_ = "reading the answer";
    if (error) co_return answer_error(error);
    // RFC 9110 section 15.2: 1xx comes before the answer, except 101, which is one.
    const unsigned status = parser.get().result_int();
    if (status / 100 != 1 || status == 101) co_return judge(status);
  }
  co_return make_result(HealthOutcome::failed,
                        "more than " + std::to_string(kInterimAnswers) + " interim answers");
}

// A result that arrives after the deadline or a cancel is overruled: the socket was closed under it.
HealthResult HealthCheck::conclude(HealthResult result) {
  finished_ = true;
  deadline_.cancel();
  close();
  if (cancelled_) {
    result = make_result(HealthOutcome::cancelled, "cancelled");
  } else if (timed_out_) {
    result = make_result(
        HealthOutcome::timed_out,
        "timed out after " + std::to_string(target_.config.timeout.count()) + " ms while " + stage_);
  }
  result.duration = Clock::now() - started_;
  return result;
}

HealthResult HealthCheck::answer_error(const error_code& error) const {
  if (error == http::error::end_of_stream)
    return make_result(HealthOutcome::failed, "closed without an answer");
  if (error == http::error::partial_message) {
    return make_result(HealthOutcome::failed, "closed in the middle of the answer's header");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return make_result(HealthOutcome::failed, "answer's header larger than 16 KiB");
  }
  const bool malformed = error.category() == http::make_error_code(http::error::bad_version).category();
  return make_result(HealthOutcome::failed, malformed ? "malformed answer" : "receive", error);
}

HealthResult HealthCheck::judge(unsigned status) const {
  const auto& expect = target_.config.expect;
  const bool good = expect.empty() ? status >= 200 && status < 400
                                   : std::find(expect.begin(), expect.end(), status) != expect.end();
  return make_result(good ? HealthOutcome::ok : HealthOutcome::failed, "HTTP " + std::to_string(status));
}

void HealthCheck::close() {
  error_code ignored;
  std::ignore = socket_.close(ignored);
}

}  // namespace shunt
