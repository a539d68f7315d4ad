#include "common/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

namespace shunt {

IpAddress IpAddress::v4(be32 address) {
  IpAddress result;
  store(result.bytes_.data() + 12, address);
  return result;
}

IpAddress IpAddress::v6(const uint8_t* bytes16) {
  IpAddress result;
  result.family_ = Family::ipv6;
  std::memcpy(result.bytes_.data(), bytes16, 16);
  return result;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string zero_terminated(text);
  if (zero_terminated.find('\0') != std::string::npos) return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, zero_terminated.c_str(), bytes.data()) == 1) return v4(load<be32>(bytes.data()));
  if (inet_pton(AF_INET6, zero_terminated.c_str(), bytes.data()) == 1) return v6(bytes.data());
  return std::nullopt;
}

bool IpAddress::is_unspecified() const {
  return *this == IpAddress{} || (!is_v4() && bytes_ == decltype(bytes_){});
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  constexpr std::array<uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return bytes_ == kLoopback6;
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[12] & 0xf0U) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_broadcast() const {
  return is_v4() && v4().raw() == 0xffffffffU;
}

bool IpAddress::is_link_local() const {
  return is_v4() ? bytes_[12] == 169 && bytes_[13] == 254 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  return inet_ntop(is_v4() ? AF_INET : AF_INET6, wire(), buffer.data(), buffer.size());
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix{*address, static_cast<uint8_t>(address->bits())};
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > address->bits())
    return std::nullopt;
  return Prefix{*address, static_cast<uint8_t>(length)};
}

std::optional<IpAddress> Prefix::broadcast() const {
  if (!address.is_v4() || length > 30) return std::nullopt;
  return IpAddress::v4(be32(address.v4().host() | 0xffffffffU >> length));
}

IpAddress Prefix::network() const {
  auto bytes = address.bytes();
  const size_t first = address.is_v4() ? 12 : 0;
  for (size_t i = first; i < bytes.size(); ++i) {
    const size_t before = (i - first) * 8;
    if (length >= before + 8) continue;
    const unsigned kept = length > before ? length - static_cast<unsigned>(before) : 0;
    bytes[i] = static_cast<uint8_t>(bytes[i] & (0xff00U >> kept));
  }
  return address.is_v4() ? IpAddress::v4(load<be32>(bytes.data() + 12)) : IpAddress::v6(bytes.data());
}

bool Prefix::contains(const IpAddress& other) const {
  return other.family() == address.family() && Prefix{other, length}.network() == network();
}

std::string Prefix::text() const {
  return is_host() ? address.text() : address.text() + "/" + std::to_string(length);
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const char* digits = text.data() + i * 3;
    if (i < 5 && digits[2] != ':') return std::nullopt;
    const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
    if (error != std::errc{} || end != digits + 2) return std::nullopt;
  }
  return mac;
}

std::string MacAddress::text() const {
  std::array<char, 18> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                bytes[3], bytes[4], bytes[5]);
  return buffer.data();
}

}  // namespace shunt
