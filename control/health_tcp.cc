// tcp: good when the connection is established; with `send` and `receive`, when the answer holds what is
// wanted.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include "control/health_probe.h"
#include "control/probe_bytes.h"

namespace shunt {
namespace {

namespace asio = boost::asio;

asio::awaitable<HealthResult> find_in_answer(HealthProbe& probe, std::string wanted) {
  probe.stage = "waiting for the answer";
  std::string answer;
  std::array<char, 4'096> piece{};
  while (answer.size() < kAnswerBytes) {
    const auto [error, size] = co_await probe.stream.async_read_some(asio::buffer(piece), kAsValue);
    if (error == asio::error::eof)
      co_return bad(answer.empty() ? "closed without an answer" : "closed before `receive` came");
    if (error) co_return make_result(HealthOutcome::failed, "receive", error);
    probe.stage = "reading the answer";
    answer.append(piece.data(), size);
    if (answer.find(wanted) != std::string::npos) co_return good("received what was wanted");
  }
  co_return bad("the answer's first 16 KiB don't hold `receive`");
}

}  // namespace

asio::awaitable<HealthResult> probe_tcp(HealthProbe& probe) {
  HealthResult connected = co_await connect_stream(probe);
  const HealthSettings& settings = probe.target.config;
  if (!connected.ok() || (settings.send.empty() && settings.receive.empty())) co_return connected;
  const std::string request = probe_bytes(settings.send).value_or("");
  probe.stage = "sending the request";
  const auto [unsent, sent] = co_await asio::async_write(probe.stream, asio::buffer(request), kAsValue);
  if (unsent) co_return make_result(HealthOutcome::failed, "send", unsent);
  if (settings.receive.empty()) co_return connected;
  co_return co_await find_in_answer(probe, probe_bytes(settings.receive).value_or(""));
}

}  // namespace shunt
