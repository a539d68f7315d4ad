#include "http/peer_name.h"

#include <pwd.h>
#include <sys/socket.h>

#include <cstdio>
#include <memory>

namespace shunt {

std::string peer_name(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "nobody";
  const auto close_file = [](FILE* file) { std::fclose(file); };
  const std::unique_ptr<FILE, decltype(close_file)> file(std::fopen("/etc/passwd", "re"), close_file);
  while (file) {
    const passwd* entry = fgetpwent(file.get());
    if (entry == nullptr) break;
    if (entry->pw_uid == peer.uid) return entry->pw_name;
  }
  return "uid " + std::to_string(peer.uid);
}

}  // namespace shunt
