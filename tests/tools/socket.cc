#include "tests/tools/socket.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace shunt {
namespace {

void set_option(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

void Fd::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address || address->is_v4() == bracketed) return {};
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return {};
  return Endpoint{*address, port};
}

Endpoint Endpoint::from(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    return {IpAddress::v4(be32::from_raw(v4.sin_addr.s_addr)), be16::from_raw(v4.sin_port).host()};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  return {IpAddress::v6(v6.sin6_addr.s6_addr), be16::from_raw(v6.sin6_port).host()};
}

SocketAddress Endpoint::socket_address() const {
  SocketAddress result;
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = be16(port).raw();
    v4.sin_addr.s_addr = address.v4().raw();
    result.size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = be16(port).raw();
    std::memcpy(&v6.sin6_addr, address.wire(), 16);
    result.size = sizeof v6;
  }
  return result;
}

std::string Endpoint::text() const {
  const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
  return host + ":" + std::to_string(port);
}

Error errno_error(const std::string& doing) {
  return {doing, std::strerror(errno)};
}

Result<Fd> open_towards(int type, const Endpoint& target, const IpAddress* source) {
  Fd socket(::socket(target.domain(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_error("socket");
  if (type == SOCK_STREAM) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (source != nullptr) {
    set_option(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const SocketAddress from = Endpoint{*source, 0}.socket_address();
    if (bind(socket.get(), from.get(), from.size) != 0) return errno_error("bind to " + source->text());
  }
  const SocketAddress to = target.socket_address();
  if (connect(socket.get(), to.get(), to.size) != 0 && errno != EINPROGRESS) {
    return errno_error("connect to " + target.text());
  }
  return socket;
}

Result<Fd> open_at(int type, const Endpoint& at, bool share_port) {
  Fd socket(::socket(at.domain(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_error("socket");
  if (type == SOCK_STREAM) set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (share_port) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (!at.address.is_v4()) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const SocketAddress address = at.socket_address();
  if (bind(socket.get(), address.get(), address.size) != 0) return errno_error("bind to " + at.text());
  if (type == SOCK_STREAM && listen(socket.get(), 4096) != 0) return errno_error("listen on " + at.text());
  return socket;
}

Endpoint local_endpoint(int socket) {
  SocketAddress address;
  if (getsockname(socket, address.get(), &address.size) != 0) return {};
  return Endpoint::from(address);
}

void set_reset_on_close(int socket, bool reset) {
  const linger value{reset ? 1 : 0, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

void grow_buffers(int socket, int bytes) {
  set_option(socket, SOL_SOCKET, SO_RCVBUF, bytes);
  set_option(socket, SOL_SOCKET, SO_SNDBUF, bytes);
  set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  set_option(socket, SOL_SOCKET, SO_SNDBUFFORCE, bytes);
}

uint64_t dropped_by_socket(int socket) {
  uint32_t counts[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof counts;
  if (getsockopt(socket, SOL_SOCKET, SO_MEMINFO, counts, &size) != 0) return 0;
  return counts[SK_MEMINFO_DROPS];
}

uint64_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace shunt
