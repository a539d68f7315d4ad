// Sockets as the tools need them: who owns the descriptor, "ADDR:PORT" as a value, non-blocking open and
// connect.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/address.h"
#include "common/result.h"

namespace shunt {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { close(); }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close();

 private:
  int number_ = -1;
};

// What bind, connect and friends take.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // "192.0.2.1:80" or "[2001:db8::1]:80", port 1 to 65535.
  static std::optional<Endpoint> parse(std::string_view text);
  static Endpoint from(const SocketAddress& address);
  SocketAddress socket_address() const;
  int domain() const { return address.is_v4() ? AF_INET : AF_INET6; }
  std::string text() const;
};

// The calling thread's errno as "doing: Connection refused".
Error errno_error(const std::string& doing);

// A non-blocking socket of `type` bound to `source` (any port) where one is given, connecting to `target`:
// over TCP the handshake is under way on return. The port is chosen at connect, so that one source serves
// every target.
Result<Fd> open_towards(int type, const Endpoint& target, const IpAddress* source);

// A non-blocking socket bound to `at`; TCP also listens. `share_port`: SO_REUSEPORT, the kernel spreads
// flows.
Result<Fd> open_at(int type, const Endpoint& at, bool share_port);

Endpoint local_endpoint(int socket);

// At close: a reset in place of an orderly end.
void set_reset_on_close(int socket, bool reset);

// As much receive and send buffer as is allowed, up to `bytes`: root may exceed net.core.rmem_max.
void grow_buffers(int socket, int bytes);

// How many datagrams this socket dropped because its own receive buffer was full.
uint64_t dropped_by_socket(int socket);

// Raises the soft limit of open files to the hard one and returns it.
uint64_t raise_file_limit();

}  // namespace shunt
