// icmp: an echo request; good when its reply comes back. Over a ping socket where the kernel gives one
// (net.ipv4.ping_group_range), else over a raw one with a filter, so that a thousand checks don't wake each
// other.
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>

#include "control/echo_message.h"
#include "control/health_probe.h"

namespace shunt {
namespace {

constexpr int kForeignAnswers = 64;

// Keeps echo replies with this id. In an IPv4 raw socket's view the ICMP header stands behind the IP header,
// in an IPv6 one's at 0.
bool filter_replies(int socket, const EchoRequest& request) {
  const bool is_v4 = request.family == Family::ipv4;
  const auto code = [](unsigned value) { return static_cast<uint16_t>(value); };
  const uint32_t type = is_v4 ? 0 : 129;
  std::array<sock_filter, 7> program = {{
      is_v4 ? sock_filter{code(BPF_LDX | BPF_B | BPF_MSH), 0, 0, 0}
            : sock_filter{code(BPF_LDX | BPF_W | BPF_IMM), 0, 0, 0},
      {code(BPF_LD | BPF_B | BPF_IND), 0, 0, 0},
      {code(BPF_JMP | BPF_JEQ | BPF_K), 0, 3, type},
      {code(BPF_LD | BPF_H | BPF_IND), 0, 0, 4},
      {code(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, ntohs(request.id)},
      {code(BPF_RET | BPF_K), 0, 0, 0xffff},
      {code(BPF_RET | BPF_K), 0, 0, 0},
  }};
  const sock_fprog filter{static_cast<uint16_t>(program.size()), program.data()};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

// Which of the two it is.
struct EchoSocket {
  HealthResult opened;
  bool raw = false;
};

EchoSocket open_echo(HealthProbe& probe, const EchoRequest& request) {
  const int protocol = request.family == Family::ipv4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  EchoSocket socket;
  socket.opened = open_datagram(probe, SOCK_DGRAM, protocol);
  if (probe.datagram.is_open()) return socket;
  socket.raw = true;
  socket.opened = open_datagram(probe, SOCK_RAW, protocol);
  if (socket.opened.ok() && !filter_replies(probe.datagram.native_handle(), request))
    socket.opened = make_result(HealthOutcome::internal, "the socket takes no filter");
  return socket;
}

}  // namespace

boost::asio::awaitable<HealthResult> probe_icmp(HealthProbe& probe) {
  EchoRequest request;
  request.family = probe.target.address.family();
  static_cast<void>(getrandom(&request.id, sizeof request.id, GRND_NONBLOCK));
  static_cast<void>(getrandom(request.nonce.data(), request.nonce.size(), GRND_NONBLOCK));
  EchoSocket socket = open_echo(probe, request);
  if (!socket.opened.ok()) co_return socket.opened;
  HealthResult result = co_await send_datagram(probe, echo_message(request));
  if (!result.ok()) co_return result;
  const bool has_header = socket.raw && request.family == Family::ipv4;
  for (int foreign = 0; foreign < kForeignAnswers; ++foreign) {
    std::string packet;
    result = co_await receive_datagram(probe, packet);
    if (!result.ok()) co_return result;
    const std::string_view message = has_header ? without_ipv4_header(packet) : std::string_view(packet);
    if (is_echo_reply(message, request, !socket.raw)) co_return good("echo answered");
  }
  co_return bad("only echo replies that nobody asked for");
}

}  // namespace shunt
