// IP addresses, prefixes and MAC addresses as values: parsed, compared, printed.
//
// IPv4 is kept as IPv4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2) beside the family, so one 16-byte form
// serves both.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/byte_order.h"

namespace shunt {

enum class Family : uint8_t { ipv4 = 4, ipv6 = 6 };

class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0

  static IpAddress v4(be32 address);
  static IpAddress v6(const uint8_t* bytes16);
  // "192.0.2.1" or "2001:db8::1"; nothing when it is neither (no zone, no prefix length, no blanks).
  static std::optional<IpAddress> parse(std::string_view text);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::ipv4; }
  unsigned bits() const { return is_v4() ? 32 : 128; }
  be32 v4() const { return load<be32>(bytes_.data() + 12); }  // only where is_v4()
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  // The 4 or 16 bytes that stand in a packet.
  const uint8_t* wire() const { return is_v4() ? bytes_.data() + 12 : bytes_.data(); }

  bool is_unspecified() const;
  bool is_loopback() const;    // 127/8, ::1
  bool is_multicast() const;   // 224/4, ff00::/8
  bool is_broadcast() const;   // 255.255.255.255
  bool is_link_local() const;  // 169.254/16, fe80::/10

  std::string text() const;
  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::ipv4;
  std::array<uint8_t, 16> bytes_ = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
};

// An address and how many of its leading bits count. `address` keeps its host bits (192.0.2.2/24 is an
// interface's).
struct Prefix {
  IpAddress address;
  uint8_t length = 32;

  // "192.0.2.0/24"; an address alone is a prefix of all its bits.
  static std::optional<Prefix> parse(std::string_view text);

  bool is_host() const { return length == address.bits(); }
  bool contains(const IpAddress& other) const;
  bool has_host_bits() const { return network() != address; }
  IpAddress network() const;  // with the host bits cleared
  // RFC 919: of an IPv4 subnet that has more than two addresses.
  std::optional<IpAddress> broadcast() const;
  std::string text() const;
  auto operator<=>(const Prefix&) const = default;
};

struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  // "02:00:00:00:00:01"
  static std::optional<MacAddress> parse(std::string_view text);

  bool is_group() const { return (bytes[0] & 1U) != 0; }  // multicast and broadcast
  bool is_zero() const { return *this == MacAddress{}; }
  std::string text() const;
  auto operator<=>(const MacAddress&) const = default;
};

}  // namespace shunt

template <>
struct std::hash<shunt::IpAddress> {
  size_t operator()(const shunt::IpAddress& address) const noexcept {
    return std::hash<std::string_view>{}(
        std::string_view(reinterpret_cast<const char*>(address.bytes().data()), address.bytes().size()));
  }
};
