// agent: connects, sends `send` if there is any, and does what the first line says (agent_answer.h).
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include "control/agent_answer.h"
#include "control/health_probe.h"
#include "control/probe_bytes.h"

namespace shunt {
namespace {

namespace asio = boost::asio;

constexpr size_t kLineBytes = 1'024;

}  // namespace

asio::awaitable<HealthResult> probe_agent(HealthProbe& probe) {
  HealthResult connected = co_await connect_stream(probe);
  if (!connected.ok()) co_return connected;
  const std::string request = probe_bytes(probe.target.config.send).value_or("");
  if (!request.empty()) {
    probe.stage = "sending the request";
    const auto [unsent, sent] = co_await asio::async_write(probe.stream, asio::buffer(request), kAsValue);
    if (unsent) co_return make_result(HealthOutcome::failed, "send", unsent);
  }
  probe.stage = "waiting for the answer";
  std::string line;
  std::array<char, kLineBytes> piece{};
  while (line.size() < kLineBytes) {
    const auto [error, size] = co_await probe.stream.async_read_some(asio::buffer(piece), kAsValue);
    if (error == asio::error::eof) co_return agent_answer(line);  // an end of line is as good
    if (error) co_return make_result(HealthOutcome::failed, "receive", error);
    probe.stage = "reading the answer";
    line.append(piece.data(), size);
    const size_t end = line.find_first_of("\r\n");
    if (end != std::string::npos) co_return agent_answer(std::string_view(line).substr(0, end));
  }
  co_return bad("the agent's line is longer than 1 KiB");
}

}  // namespace shunt
