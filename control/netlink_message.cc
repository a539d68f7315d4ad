#include "control/netlink_message.h"

#include <algorithm>
#include <cstring>

namespace shunt {

void NetlinkMessage::start(uint16_t type, uint16_t flags, const void* header, size_t size) {
  bytes_.reserve(256);  // every request of shunt's fits, so one allocation each
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  append(&head, sizeof head);
  append(header, size);
}

void NetlinkMessage::append(const void* bytes, size_t size) {
  const auto* from = static_cast<const uint8_t*>(bytes);
  bytes_.insert(bytes_.end(), from, from + size);
  bytes_.resize(netlink_align(bytes_.size()));
}

NetlinkMessage& NetlinkMessage::put_bytes(uint16_t type, const void* bytes, size_t size) {
  nlattr head{};
  head.nla_len = static_cast<uint16_t>(sizeof head + size);
  head.nla_type = type;
  append(&head, sizeof head);
  append(bytes, size);
  return *this;
}

NetlinkMessage& NetlinkMessage::put_text(uint16_t type, std::string_view text) {
  const std::string terminated(text);
  return put_bytes(type, terminated.c_str(), terminated.size() + 1);
}

NetlinkMessage& NetlinkMessage::put_address(uint16_t type, const IpAddress& address) {
  return put_bytes(type, address.wire(), address.bits() / 8);
}

size_t NetlinkMessage::begin_nest(uint16_t type) {
  const size_t nest = bytes_.size();
  put_bytes(static_cast<uint16_t>(type | NLA_F_NESTED), nullptr, 0);
  return nest;
}

void NetlinkMessage::end_nest(size_t nest) {
  store(bytes_.data() + nest, static_cast<uint16_t>(bytes_.size() - nest));  // nla_len comes first
}

std::span<const uint8_t> NetlinkMessage::finish(uint32_t sequence) {
  auto head = load<nlmsghdr>(bytes_.data());
  head.nlmsg_len = static_cast<uint32_t>(bytes_.size());
  head.nlmsg_seq = sequence;
  store(bytes_.data(), head);
  return bytes_;
}

uint16_t NetlinkMessage::type() const {
  return load<nlmsghdr>(bytes_.data()).nlmsg_type;
}
uint16_t NetlinkMessage::flags() const {
  return load<nlmsghdr>(bytes_.data()).nlmsg_flags;
}

void NetlinkMessage::add_flags(uint16_t flags) {
  auto head = load<nlmsghdr>(bytes_.data());
  head.nlmsg_flags = static_cast<uint16_t>(head.nlmsg_flags | flags);
  store(bytes_.data(), head);
}

std::string NetlinkAttribute::text() const {
  const auto* from = reinterpret_cast<const char*>(bytes.data());
  return {from, strnlen(from, bytes.size())};
}

std::optional<IpAddress> NetlinkAttribute::address() const {
  if (bytes.size() == 4) return IpAddress::v4(load<be32>(bytes.data()));
  if (bytes.size() == 16) return IpAddress::v6(bytes.data());
  return std::nullopt;
}

std::optional<MacAddress> NetlinkAttribute::mac() const {
  MacAddress mac;
  if (bytes.size() != mac.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
  if (mac.is_zero()) return std::nullopt;
  return mac;
}

}  // namespace shunt
