#include "control/guard_message.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "common/unique_fd.h"

namespace shunt {
namespace {

constexpr std::string_view kOrders = "X_SHUNT_ROUTES=";
constexpr uint64_t kMostGraceMs = 600'000;

// The next number of a list, at most `most`.
std::optional<uint64_t> take_number(std::string_view& text, uint64_t most) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || number > most) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// "PROTOCOL GRACE_MS [INTERFACE…]"
std::optional<GuardOrders> parse_orders(std::string_view text) {
  const auto protocol = take_number(text, 255);
  const auto grace_ms = take_number(text, kMostGraceMs);
  if (!protocol || *protocol == 0 || !grace_ms) return std::nullopt;
  GuardOrders orders;
  orders.protocol = static_cast<uint8_t>(*protocol);
  orders.grace = std::chrono::milliseconds(*grace_ms);
  while (!text.empty()) {
    const auto interface = take_number(text, UINT32_MAX);
    if (!interface || orders.interfaces.size() >= GuardMessage::kMostInterfaces) return std::nullopt;
    orders.interfaces.push_back(static_cast<uint32_t>(*interface));
  }
  return orders;
}

}  // namespace

std::string GuardMessage::text() const {
  std::string lines;
  if (ready) lines += "READY=1\n";
  if (stopping) lines += "STOPPING=1\n";
  if (!status.empty()) lines += "STATUS=" + status + "\n";
  if (orders) {
    lines.append(kOrders).append(std::to_string(orders->protocol));
    lines.append(" ").append(std::to_string(orders->grace.count()));
    for (const uint32_t interface : orders->interfaces)
      lines.append(" ").append(std::to_string(interface));
    lines += "\n";
  }
  return lines;
}

GuardMessage GuardMessage::parse(std::string_view text) {
  GuardMessage message;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line == "READY=1") message.ready = true;
    if (line == "STOPPING=1") message.stopping = true;
    if (line.starts_with("STATUS=")) message.status = line.substr(7);
    if (line.starts_with(kOrders)) message.orders = parse_orders(line.substr(kOrders.size()));
  }
  return message;
}

bool send_notice(const std::string& socket, std::string_view text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() < 2 || socket.size() >= sizeof address.sun_path) return false;
  std::copy(socket.begin(), socket.end(), address.sun_path);
  if (socket[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  // An abstract name is as long as it is said to be; a path ends with its zero.
  const size_t bytes = offsetof(sockaddr_un, sun_path) + socket.size() + (socket[0] == '@' ? 0 : 1);
  const auto* const target = reinterpret_cast<const sockaddr*>(&address);
  return ::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL, target, static_cast<socklen_t>(bytes)) ==
         static_cast<ssize_t>(text.size());
}

void tell_supervisor(const GuardMessage& message) {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  if (socket != nullptr) send_notice(socket, message.text());
}

}  // namespace shunt
