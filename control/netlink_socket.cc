#include "control/netlink_socket.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace shunt {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;  // the kernel fills dump datagrams up to 32 KiB

Error system_error(const std::string& where, int error) {
  return {where, kernel_error_text(error, {})};
}

// The number and the explanation in an NLMSG_ERROR or NLMSG_DONE (0: acknowledged).
struct Verdict {
  int error = 0;
  std::string explanation;
};

Verdict read_verdict(const NetlinkView& view) {
  Verdict verdict;
  // Both begin with a signed number; in an error the request's header follows (no more of it:
  // NETLINK_CAP_ACK).
  const auto number = view.header<int32_t>();
  if (!number) return {EPROTO, "short acknowledgement"};
  verdict.error = -*number;
  const size_t fixed = view.type == NLMSG_ERROR ? sizeof(nlmsgerr) : sizeof(int32_t);
  if (view.body.size() <= fixed) return verdict;
  for_each_attribute(view.body.subspan(fixed), [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NLMSGERR_ATTR_MSG) verdict.explanation = attribute.text();
  });
  return verdict;
}

bool contains(std::initializer_list<int> list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

std::string kernel_error_text(int error, std::string_view explanation) {
  std::string text = std::generic_category().message(error);
  if (!explanation.empty()) text.append(": ").append(explanation);
  return text;
}

NetlinkSocket::NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)), buffer_(kBufferBytes) {}

Result<NetlinkSocket> NetlinkSocket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return system_error("netlink socket", errno);
  const int on = 1;
  // Explanations with errors, no copy of the request in them, and filters in dumps (Linux 4.20): all
  // optional.
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    (void)::setsockopt(fd.get(), SOL_NETLINK, option, &on, sizeof on);
  }
  return NetlinkSocket(std::move(fd));
}

Result<> NetlinkSocket::send(NetlinkMessage& message, const std::string& where) {
  const auto bytes = message.finish(++sequence_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    const ssize_t sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                                  reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
    if (sent >= 0) return Ok{};
    if (errno != EINTR) return system_error(where, errno);
  }
}

Result<std::span<const uint8_t>> NetlinkSocket::receive(const std::string& where) {
  for (;;) {
    const ssize_t size = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error(where, errno);
    if (static_cast<size_t>(size) > buffer_.size()) return system_error(where, EMSGSIZE);
    return std::span<const uint8_t>(buffer_.data(), static_cast<size_t>(size));
  }
}

Result<> NetlinkSocket::request(NetlinkMessage& message, const std::string& where,
                                std::initializer_list<int> accepted) {
  const auto done = get(message, where, accepted, [](const NetlinkView&) {});
  if (!done) return done.error();
  return Ok{};
}

Result<bool> NetlinkSocket::get(NetlinkMessage& message, const std::string& where,
                                std::initializer_list<int> accepted, const Visit& visit) {
  message.add_flags(NLM_F_ACK);
  if (const auto sent = send(message, where); !sent) return sent.error();
  for (;;) {
    const auto bytes = receive(where);
    if (!bytes) return bytes.error();
    std::optional<Verdict> verdict;
    for_each_message(bytes.value(), [&](const NetlinkView& view) {
      if (view.sequence != sequence_) return;  // left over from a request that ended in an error
      if (view.type == NLMSG_ERROR)
        verdict = read_verdict(view);
      else
        visit(view);
    });
    if (!verdict) continue;
    if (verdict->error == 0) return true;
    if (contains(accepted, verdict->error)) return false;
    return Error{where, kernel_error_text(verdict->error, verdict->explanation)};
  }
}

Result<bool> NetlinkSocket::dump(NetlinkMessage& message, const std::string& where, const Visit& visit) {
  message.add_flags(NLM_F_DUMP);
  if (const auto sent = send(message, where); !sent) return sent.error();
  bool consistent = true;
  for (;;) {
    const auto bytes = receive(where);
    if (!bytes) return bytes.error();
    std::optional<Verdict> verdict;
    for_each_message(bytes.value(), [&](const NetlinkView& view) {
      if (view.sequence != sequence_) return;
      if ((view.flags & NLM_F_DUMP_INTR) != 0) consistent = false;
      if (view.type == NLMSG_ERROR || view.type == NLMSG_DONE)
        verdict = read_verdict(view);
      else
        visit(view);
    });
    if (!verdict) continue;
    if (verdict->error == 0 || verdict->error == ENOENT) return consistent;
    return Error{where, kernel_error_text(verdict->error, verdict->explanation)};
  }
}

}  // namespace shunt
