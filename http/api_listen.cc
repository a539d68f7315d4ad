#include "http/api_listen.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace shunt {
namespace {

constexpr int kBacklog = 128;
constexpr mode_t kSocketMode = 0660;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress unix_address(const std::string& path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);  // ApiAddress::parse has seen to the length
  SocketAddress address;
  std::memcpy(&address.storage, &un, sizeof un);
  address.size = sizeof un;
  return address;
}

SocketAddress ip_address(const IpAddress& ip, uint16_t port) {
  SocketAddress address;
  if (ip.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = be16(port).raw();
    in.sin_addr.s_addr = ip.v4().raw();
    std::memcpy(&address.storage, &in, sizeof in);
    address.size = sizeof in;
    return address;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = be16(port).raw();
  std::memcpy(&in6.sin6_addr, ip.wire(), sizeof in6.sin6_addr);
  std::memcpy(&address.storage, &in6, sizeof in6);
  address.size = sizeof in6;
  return address;
}

int new_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

Error system_error(const ApiAddress& address, const std::string& what) {
  return {"[api] listen " + address.text(), what + ": " + std::strerror(errno)};
}

// Whether a connect to the path is taken, or would be if its queue weren't full.
bool somebody_answers(const SocketAddress& address) {
  const int probe = new_socket(AF_UNIX);
  if (probe < 0) return true;  // can't know: leave the file alone
  const bool answered = connect(probe, address.get(), address.size) == 0 || errno != ECONNREFUSED;
  close(probe);
  return answered;
}

Result<> clear_the_path(const ApiAddress& address, const SocketAddress& bound) {
  struct stat found{};
  if (lstat(address.path.c_str(), &found) != 0) {
    if (errno == ENOENT) return Ok{};
    return system_error(address, "can't look at the path");
  }
  const std::string where = "[api] listen " + address.text();
  if (!S_ISSOCK(found.st_mode))
    return Error{where, "exists and is not a socket; move it away or name another path"};
  if (somebody_answers(bound))
    return Error{where, "another process answers there; is shuntd running already?"};
  if (unlink(address.path.c_str()) != 0 && errno != ENOENT) {
    return system_error(address, "can't remove the socket file that is left over");
  }
  return Ok{};
}

}  // namespace

ApiListener::ApiListener(ApiListener&& other) noexcept {
  *this = std::move(other);
}

ApiListener& ApiListener::operator=(ApiListener&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(fd_, other.fd_);
  std::swap(owns_file_, other.owns_file_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

ApiListener::~ApiListener() {
  if (fd_ >= 0) close(fd_);
  remove_file();
}

int ApiListener::family() const {
  if (address_.is_unix()) return AF_UNIX;
  return address_.ip.is_v4() ? AF_INET : AF_INET6;
}

int ApiListener::release() {
  return std::exchange(fd_, -1);
}

void ApiListener::remove_file() {
  if (!std::exchange(owns_file_, false)) return;
  struct stat found{};
  if (lstat(address_.path.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) unlink(address_.path.c_str());
}

Result<ApiListener> ApiListener::open(const ApiAddress& address) {
  ApiListener listener;
  listener.address_ = address;
  listener.fd_ = new_socket(listener.family());
  if (listener.fd_ < 0) return system_error(address, "can't make a socket");
  const Result<> bound = address.is_unix() ? listener.bind_unix() : listener.bind_tcp();
  if (!bound) return bound.error();
  if (listen(listener.fd_, kBacklog) != 0) return system_error(address, "can't listen");
  return listener;
}

// The mode is set before listen(): until then every connect is refused, so nobody gets in by the umask's
// mode.
Result<> ApiListener::bind_unix() {
  const SocketAddress bound = unix_address(address_.path);
  const Result<> clear = clear_the_path(address_, bound);
  if (!clear) return clear.error();
  if (bind(fd_, bound.get(), bound.size) != 0) return system_error(address_, "can't make the socket file");
  struct stat made{};
  if (lstat(address_.path.c_str(), &made) != 0) return system_error(address_, "the socket file is gone");
  owns_file_ = true;
  device_ = made.st_dev;
  inode_ = made.st_ino;
  if (chmod(address_.path.c_str(), kSocketMode) != 0)
    return system_error(address_, "can't set the file's mode");
  return Ok{};
}

Result<> ApiListener::bind_tcp() {
  const int on = 1;
  setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!address_.ip.is_v4()) setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  SocketAddress bound = ip_address(address_.ip, address_.port);
  if (bind(fd_, bound.get(), bound.size) != 0) return system_error(address_, "can't bind");
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) != 0) {
    return system_error(address_, "can't read the bound address");
  }
  // sin_port and sin6_port lie at the same place.
  address_.port =
      load<be16>(reinterpret_cast<const uint8_t*>(&bound.storage) + offsetof(sockaddr_in, sin_port)).host();
  return Ok{};
}

}  // namespace shunt
