// HealthProbe: what a check of any type works with, and the steps that types share. A type is a function of
// it, in a file of its own, and a row of health_types.cc.
//
// Owner: one HealthCheck, whose deadline closes the sockets under the probe: every wait then ends with an
// error, which the check overrules. So a probe waits for its sockets and for nothing else, says in `stage`
// what it is about, and reads no more than it has set a bound for. What a peer sends is quoted(), never
// trusted.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "control/health_result.h"
#include "control/health_target.h"

namespace shunt {

class TlsContexts;

// Errors come back as values: an unreachable backend is no exception.
inline constexpr auto kAsValue = boost::asio::as_tuple(boost::asio::use_awaitable);
inline constexpr size_t kAnswerBytes = 16'384;

struct HealthProbe {
  HealthProbe(const boost::asio::any_io_executor& executor, const HealthTarget& what, TlsContexts& contexts)
      : target(what), tls(contexts), stream(executor), datagram(executor) {}
  HealthProbe(const HealthProbe&) = delete;
  HealthProbe& operator=(const HealthProbe&) = delete;

  const HealthTarget& target;
  TlsContexts& tls;
  const char* stage = "connecting";
  boost::asio::ip::tcp::socket stream;
  boost::asio::generic::datagram_protocol::socket datagram;  // udp, or an ICMP socket

  void close();
};

// Opens `stream` and connects it. Good: "connected".
boost::asio::awaitable<HealthResult> connect_stream(HealthProbe& probe);
// Opens `datagram` as a socket of that type and protocol, bound and connected to the target. Not open
// afterwards: the kernel gives no such socket.
HealthResult open_datagram(HealthProbe& probe, int type, int protocol);
// The same for a UDP socket.
HealthResult open_udp(HealthProbe& probe);
// Sends one datagram and takes the next answer into `answer`, cut at kAnswerBytes.
boost::asio::awaitable<HealthResult> send_datagram(HealthProbe& probe, std::string bytes);
boost::asio::awaitable<HealthResult> receive_datagram(HealthProbe& probe, std::string& answer);

using ProbeFunction = boost::asio::awaitable<HealthResult> (*)(HealthProbe&);
ProbeFunction probe_for(HealthType type);

boost::asio::awaitable<HealthResult> probe_tcp(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_http(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_https(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_udp(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_icmp(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_dns(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_grpc(HealthProbe& probe);
boost::asio::awaitable<HealthResult> probe_agent(HealthProbe& probe);

}  // namespace shunt
