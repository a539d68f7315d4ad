#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "tests/traffic/sender.h"

namespace shunt {
namespace {

void switch_on(int socket, int level, int option) {
  const int one = 1;
  setsockopt(socket, level, option, &one, sizeof one);
}

}  // namespace

OpenedSocket LocalEnds::open(int type) {
  const SocketAddress to = options_.target.socket_address();
  OpenedSocket opened{Fd(socket(options_.target.domain(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), 0};
  const int number = opened.socket.get();
  const auto failed = [&] {
    opened.error = errno;
    opened.socket.close();
    return std::move(opened);
  };
  if (!opened.socket.is_open()) return failed();
  if (type == SOCK_STREAM) switch_on(number, IPPROTO_TCP, TCP_NODELAY);
  const uint64_t turn = opened_++;
  const uint64_t sources = options_.sources.empty() ? 1 : options_.sources.size();
  const bool ports_given = options_.first_port != 0;
  if (ports_given || !options_.sources.empty()) {
    Endpoint from{options_.target.address.is_v4() ? *IpAddress::parse("0.0.0.0") : *IpAddress::parse("::"),
                  0};
    if (!options_.sources.empty()) from.address = options_.sources[turn % sources];
    if (ports_given) {
      const uint64_t ports = uint64_t{options_.last_port} - options_.first_port + 1;
      from.port = static_cast<uint16_t>(options_.first_port + turn / sources % ports);
      if (type == SOCK_STREAM) switch_on(number, SOL_SOCKET, SO_REUSEADDR);
    } else {
      switch_on(number, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    }
    const SocketAddress address = from.socket_address();
    if (bind(number, address.get(), address.size) != 0) return failed();
  }
  if (connect(number, to.get(), to.size) != 0 && errno != EINPROGRESS) return failed();
  return opened;
}

}  // namespace shunt
