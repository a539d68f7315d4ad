// What shuntd tells whoever started it, shunt-guard or systemd, in sd_notify(3)'s words: assignments, a line
// each. Those that begin with X_ are shunt's own, and systemd passes over them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shunt {

// What is to be withdrawn when shuntd stays away, and how long it may.
struct GuardOrders {
  uint8_t protocol = 90;  // of the routes
  std::chrono::milliseconds grace{2'000};
  std::vector<uint32_t> interfaces;  // indices; empty: any

  bool operator==(const GuardOrders&) const = default;
};

struct GuardMessage {
  static constexpr size_t kMostBytes = 2'048;
  static constexpr size_t kMostInterfaces = 64;

  bool ready = false;  // packets are forwarded
  bool stopping = false;
  std::string status;  // one line for a person
  std::optional<GuardOrders> orders;

  std::string text() const;
  // Lines that aren't understood are passed over.
  static GuardMessage parse(std::string_view text);
};

// Sends it to $NOTIFY_SOCKET; nothing where nobody asked for it. Never waits, and a failure is nobody's
// business.
void tell_supervisor(const GuardMessage& message);
// Bytes as they are, to a socket named as in $NOTIFY_SOCKET: a path, or @ and an abstract name.
bool send_notice(const std::string& socket, std::string_view text);

}  // namespace shunt
