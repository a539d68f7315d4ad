#include "control/health_probe.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <optional>
#include <tuple>

namespace shunt {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

asio::ip::address to_asio(const IpAddress& address) {
  if (address.is_v4()) return asio::ip::address_v4(address.v4().host());
  return asio::ip::address_v6(address.bytes());
}

// EADDRNOTAVAIL from connect: no local port or address is left to connect from.
HealthOutcome connect_outcome(const error_code& error) {
  if (error == asio::error::connection_refused) return HealthOutcome::refused;
  const bool ours = error == boost::system::errc::address_not_available ||
                    error == asio::error::no_buffer_space || error == asio::error::no_memory;
  return ours ? HealthOutcome::internal : HealthOutcome::failed;
}

// What a check through the tunnel comes from: a port that bind() takes for it alone, because the data plane
// knows answers by it.
std::optional<IpAddress> source_of(const HealthTarget& target) {
  if (target.source || !target.probe) return target.source;
  return IpAddress::parse(target.probe->is_v4() ? "0.0.0.0" : "::");
}

// Without this, bind() takes a port for itself alone out of the range that all destinations could share.
void choose_port_at_connect(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
}

HealthResult open_stream(HealthProbe& probe) {
  const HealthTarget& target = probe.target;
  error_code error;
  if (probe.stream.open(target.peer().is_v4() ? tcp::v4() : tcp::v6(), error))
    return make_result(HealthOutcome::internal, "socket", error);
  if (probe.stream.set_option(tcp::socket::linger(true, 0), error))
    return make_result(HealthOutcome::internal, "linger", error);
  const auto source = source_of(target);
  if (!source) return {};
  if (!target.probe) choose_port_at_connect(probe.stream.native_handle());
  if (probe.stream.bind(tcp::endpoint(to_asio(*source), 0), error))
    return make_result(HealthOutcome::internal, "bind to " + source->text(), error);
  return {};
}

}  // namespace

void HealthProbe::close() {
  error_code ignored;
  std::ignore = stream.close(ignored);
  std::ignore = datagram.close(ignored);
}

asio::awaitable<HealthResult> connect_stream(HealthProbe& probe) {
  HealthResult opened = open_stream(probe);
  if (!opened.ok()) co_return opened;
  const tcp::endpoint peer(to_asio(probe.target.peer()), probe.target.port);
  const auto [error] = co_await probe.stream.async_connect(peer, kAsValue);
  if (error) co_return make_result(connect_outcome(error), "connect", error);
  co_return good("connected");
}

HealthResult open_datagram(HealthProbe& probe, int type, int protocol) {
  const HealthTarget& target = probe.target;
  const int family = target.peer().is_v4() ? AF_INET : AF_INET6;
  const int handle = ::socket(family, type | SOCK_CLOEXEC, protocol);
  if (handle < 0)
    return make_result(HealthOutcome::internal, "socket",
                       error_code(errno, asio::error::get_system_category()));
  error_code error;
  if (probe.datagram.assign(asio::generic::datagram_protocol(family, protocol), handle, error)) {
    ::close(handle);
    return make_result(HealthOutcome::internal, "socket", error);
  }
  const auto source = source_of(target);
  const tcp::endpoint from(source ? to_asio(*source) : asio::ip::address(), 0);
  if (source && ::bind(handle, from.data(), static_cast<socklen_t>(from.size())) != 0) {
    return make_result(HealthOutcome::internal, "bind to " + source->text(),
                       error_code(errno, asio::error::get_system_category()));
  }
  const tcp::endpoint peer(to_asio(target.peer()), target.port);
  if (::connect(handle, peer.data(), static_cast<socklen_t>(peer.size())) != 0) {
    error = error_code(errno, asio::error::get_system_category());
    return make_result(connect_outcome(error), "connect", error);
  }
  return good("connected");
}

HealthResult open_udp(HealthProbe& probe) {
  return open_datagram(probe, SOCK_DGRAM, IPPROTO_UDP);
}

asio::awaitable<HealthResult> send_datagram(HealthProbe& probe, std::string bytes) {
  probe.stage = "sending the request";
  const auto [error, sent] = co_await probe.datagram.async_send(asio::buffer(bytes), kAsValue);
  if (error) co_return make_result(connect_outcome(error), "send", error);
  co_return good("sent");
}

asio::awaitable<HealthResult> receive_datagram(HealthProbe& probe, std::string& answer) {
  probe.stage = "waiting for the answer";
  answer.resize(kAnswerBytes);
  const auto [error, size] = co_await probe.datagram.async_receive(asio::buffer(answer), kAsValue);
  answer.resize(error ? 0 : size);
  if (error == asio::error::connection_refused)
    co_return make_result(HealthOutcome::refused, "port unreachable, says ICMP");
  if (error) co_return make_result(HealthOutcome::failed, "receive", error);
  co_return good("answered");
}

}  // namespace shunt
