// udp: sends a datagram; good when one comes back (that holds `receive`). A closed port says so at once, by
// ICMP.
#include "control/health_probe.h"
#include "control/probe_bytes.h"

namespace shunt {

boost::asio::awaitable<HealthResult> probe_udp(HealthProbe& probe) {
  HealthResult result = open_udp(probe);
  if (!result.ok()) co_return result;
  const HealthSettings& settings = probe.target.config;
  result = co_await send_datagram(probe, probe_bytes(settings.send).value_or(""));
  if (!result.ok()) co_return result;
  std::string answer;
  result = co_await receive_datagram(probe, answer);
  if (!result.ok()) co_return result;
  if (answer.find(probe_bytes(settings.receive).value_or("")) == std::string::npos)
    co_return bad("the answer doesn't hold `receive`: " + quoted(answer));
  co_return good("answered, " + std::to_string(answer.size()) + " bytes");
}

}  // namespace shunt
