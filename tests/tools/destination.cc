#include "tests/tools/destination.h"

#include <netinet/in.h>

namespace shunt {

void ask_for_destination(int socket) {
  const int one = 1;
  setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
  setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
}

// What came says where the datagram went to and on which interface; in what is sent, the same names the
// source. The interface is left to routing: the answer of a backend that holds the VIP on lo leaves
// elsewhere.
void send_from_destination(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      auto& info = *reinterpret_cast<in_pktinfo*>(CMSG_DATA(part));
      info.ipi_spec_dst = info.ipi_addr;
      info.ipi_ifindex = 0;
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      auto& info = *reinterpret_cast<in6_pktinfo*>(CMSG_DATA(part));
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
    }
  }
}

}  // namespace shunt
