// Answering a datagram from the address it was sent to, which may be a VIP on lo.
#pragma once

#include <sys/socket.h>

namespace shunt {

// Room for what recvmsg says of one datagram's destination, in either family.
inline constexpr size_t kDestinationBytes = 128;

// From now on recvmsg says where each datagram went to, in its control part.
void ask_for_destination(int socket);

// Makes of what recvmsg filled in the control part with which sendmsg answers.
void send_from_destination(msghdr& message);

}  // namespace shunt
