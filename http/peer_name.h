// Who is at the other end of a unix socket, as the history names them.
#pragma once

#include <string>

namespace shunt {

// The user's name by /etc/passwd (no name service is asked: it may take long), else "uid 1000"; with the
// kernel's word for it (SO_PEERCRED, unix(7)). "nobody" where the socket has no peer.
std::string peer_name(int fd);

}  // namespace shunt
