#include "control/api_probe.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "http/api_address.h"

namespace shunt {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kMaxAnswer = 64 * 1024;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// "HTTP/1.1 200 OK"
std::optional<unsigned> status_of(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12 || answer[8] != ' ') return std::nullopt;
  unsigned status = 0;
  const auto [end, error] = std::from_chars(answer.data() + 9, answer.data() + 12, status);
  if (error != std::errc{} || end != answer.data() + 12) return std::nullopt;
  return status;
}

struct Probe {
  explicit Probe(asio::io_context& io) : socket(io), deadline(io) {}
  std::string words(const error_code& error) const { return timed_out ? "timed out" : error.message(); }

  asio::ip::tcp::socket socket;
  asio::steady_timer deadline;
  ProbeResult result;
  bool timed_out = false;
};

asio::awaitable<void> get(Probe& probe) {
  const auto begin = Clock::now();
  ApiAddress host;
  host.ip = probe.result.target.address;
  host.port = probe.result.target.port;
  const std::string request = "GET " + probe.result.target.path + " HTTP/1.1\r\nHost: " + host.text() +
                              "\r\nUser-Agent: shuntd\r\nConnection: close\r\n\r\n";
  const auto [write_error, written] = co_await asio::async_write(probe.socket, asio::buffer(request), kAwait);
  if (write_error) {
    probe.result.error = probe.words(write_error);
    co_return;
  }
  std::string head;
  std::array<char, 4096> bytes{};
  while (probe.result.bytes < kMaxAnswer) {
    const auto [error, size] = co_await probe.socket.async_read_some(asio::buffer(bytes), kAwait);
    if (size > 0 && !probe.result.first_byte_seconds) probe.result.first_byte_seconds = seconds_since(begin);
    if (head.size() < bytes.size()) head.append(bytes.data(), size);
    probe.result.bytes += size;
    if (error == asio::error::eof) break;
    if (!error) continue;
    probe.result.error = probe.words(error);
    co_return;
  }
  probe.result.status = status_of(head);
  if (!probe.result.status) probe.result.error = "the answer isn't HTTP";
}

asio::awaitable<void> run(std::shared_ptr<Probe> probe, std::function<void(ProbeResult)> done) {
  const auto begin = Clock::now();
  const RequestTarget& target = probe->result.target;
  probe->deadline.expires_after(kProbeTimeout);
  probe->deadline.async_wait([weak = std::weak_ptr(probe)](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->timed_out = true;
    error_code ignored;
    self->socket.close(ignored);
  });
  const asio::ip::tcp::endpoint to(asio::ip::make_address(target.address.text()), target.port);
  const auto [error] = co_await probe->socket.async_connect(to, kAwait);
  if (error) {
    probe->result.error = probe->words(error);
  } else {
    probe->result.connect_seconds = seconds_since(begin);
    if (!target.path.empty()) co_await get(*probe);
  }
  probe->deadline.cancel();
  probe->result.seconds = seconds_since(begin);
  done(std::move(probe->result));
}

template <typename T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

void start_probe(asio::io_context& io, RequestTarget target, std::function<void(ProbeResult)> done) {
  auto probe = std::make_shared<Probe>(io);
  probe->result.target = std::move(target);
  asio::co_spawn(io, run(std::move(probe), std::move(done)), asio::detached);
}

std::string probe_json(const ProbeResult& result) {
  nlohmann::ordered_json json;
  json["service"] = result.target.service;
  json["address"] = result.target.address.text();
  json["port"] = result.target.port;
  json["ok"] = result.error.empty();
  json["connect_seconds"] = or_null(result.connect_seconds);
  json["first_byte_seconds"] = or_null(result.first_byte_seconds);
  json["seconds"] = result.seconds;
  json["status"] = or_null(result.status);
  json["bytes"] = result.bytes;
  json["error"] =
      result.error.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(result.error);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace shunt
