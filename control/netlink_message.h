// Rtnetlink messages as bytes: building requests, and reading what the kernel answers without trusting its
// lengths.
//
// Format: RFC 3549 section 2.3; a header, a fixed struct by message type, then attributes padded to 4 bytes.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/address.h"

namespace shunt {

constexpr size_t netlink_align(size_t size) {
  return (size + 3U) & ~size_t{3};
}

// A request under construction. `header` is the fixed struct that the message type asks for (ifinfomsg,
// rtmsg, …).
class NetlinkMessage {
 public:
  template <typename Header>
    requires std::is_trivially_copyable_v<Header>
  NetlinkMessage(uint16_t type, uint16_t flags, const Header& header) {
    start(type, flags, &header, sizeof header);
  }

  NetlinkMessage& put_bytes(uint16_t type, const void* bytes, size_t size);
  NetlinkMessage& put_text(uint16_t type, std::string_view text);  // with its terminating zero
  NetlinkMessage& put_address(uint16_t type, const IpAddress& address);
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  NetlinkMessage& put(uint16_t type, const T& value) {
    return put_bytes(type, &value, sizeof value);
  }

  // Attributes put between begin_nest and end_nest(its result) are inside an attribute of `type`.
  size_t begin_nest(uint16_t type);
  void end_nest(size_t nest);
  void append(const void* bytes, size_t size);  // a fixed struct inside a nest (a veth peer's ifinfomsg)

  // The whole message with its length, ready to send.
  std::span<const uint8_t> finish(uint32_t sequence);
  uint16_t type() const;
  uint16_t flags() const;
  void add_flags(uint16_t flags);

 private:
  void start(uint16_t type, uint16_t flags, const void* header, size_t size);

  std::vector<uint8_t> bytes_;
};

// One attribute of a received message. Values shorter than what is asked for read as zero.
struct NetlinkAttribute {
  uint16_t type = 0;
  std::span<const uint8_t> bytes;

  template <typename T>
  T as() const {
    return bytes.size() >= sizeof(T) ? load<T>(bytes.data()) : T{};
  }
  std::string text() const;
  std::optional<IpAddress> address() const;  // 4 or 16 bytes
  std::optional<MacAddress> mac() const;     // exactly 6 bytes, not all zero
};

// One received message; `body` is what follows the netlink header.
struct NetlinkView {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t sequence = 0;
  std::span<const uint8_t> body;

  template <typename Header>
  std::optional<Header> header() const {
    if (body.size() < sizeof(Header)) return std::nullopt;
    return load<Header>(body.data());
  }
  template <typename Header>
  std::span<const uint8_t> attributes() const {
    return body.subspan(std::min(body.size(), netlink_align(sizeof(Header))));
  }
};

// Calls visit(NetlinkAttribute) for each attribute; stops at the first whose length is wrong.
template <typename Visit>
void for_each_attribute(std::span<const uint8_t> bytes, Visit visit) {
  while (bytes.size() >= sizeof(nlattr)) {
    const auto head = load<nlattr>(bytes.data());
    if (head.nla_len < sizeof(nlattr) || head.nla_len > bytes.size()) return;
    // The two high bits are flags (nested, network byte order).
    visit(NetlinkAttribute{static_cast<uint16_t>(head.nla_type & NLA_TYPE_MASK),
                           bytes.subspan(sizeof(nlattr), head.nla_len - sizeof(nlattr))});
    bytes = bytes.subspan(std::min(bytes.size(), netlink_align(head.nla_len)));
  }
}

// Calls visit(NetlinkView) for each message of a datagram; stops at the first whose length is wrong.
template <typename Visit>
void for_each_message(std::span<const uint8_t> bytes, Visit visit) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    const auto head = load<nlmsghdr>(bytes.data());
    if (head.nlmsg_len < sizeof(nlmsghdr) || head.nlmsg_len > bytes.size()) return;
    visit(NetlinkView{head.nlmsg_type, head.nlmsg_flags, head.nlmsg_seq,
                      bytes.subspan(sizeof(nlmsghdr), head.nlmsg_len - sizeof(nlmsghdr))});
    bytes = bytes.subspan(std::min(bytes.size(), netlink_align(head.nlmsg_len)));
  }
}

}  // namespace shunt
