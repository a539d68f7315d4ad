#include "control/echo_message.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <cstring>

namespace shunt {
namespace {

constexpr size_t kHeaderBytes = 8;

// RFC 1071.
uint16_t checksum(std::string_view bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint32_t byte = static_cast<uint8_t>(bytes[i]);
    sum += i % 2 == 0 ? byte << 8U : byte;
  }
  while (sum >> 16U != 0)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

std::string echo_message(const EchoRequest& request) {
  std::string message(kHeaderBytes, '\0');
  const bool is_v4 = request.family == Family::ipv4;
  message[0] = static_cast<char>(is_v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
  std::memcpy(&message[4], &request.id, sizeof request.id);
  message[7] = 1;  // the sequence number: each check sends one
  message.append(request.nonce.data(), request.nonce.size());
  if (is_v4) {
    const uint16_t sum = checksum(message);
    message[2] = static_cast<char>(sum >> 8U);
    message[3] = static_cast<char>(sum & 0xffU);
  }
  return message;
}

bool is_echo_reply(std::string_view message, const EchoRequest& request, bool any_id) {
  if (message.size() != kHeaderBytes + request.nonce.size()) return false;
  const int reply = request.family == Family::ipv4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  if (static_cast<uint8_t>(message[0]) != reply || message[1] != 0) return false;
  if (!any_id && std::memcmp(&message[4], &request.id, sizeof request.id) != 0) return false;
  return std::ranges::equal(message.substr(kHeaderBytes), request.nonce);
}

std::string_view without_ipv4_header(std::string_view packet) {
  const size_t header = packet.empty() ? 0 : (static_cast<uint8_t>(packet[0]) & 0xfU) * 4U;
  if (header < 20 || packet.size() < header) return {};
  return packet.substr(header);
}

}  // namespace shunt
