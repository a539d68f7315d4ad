// HttpUrl and SocketAddress: what a configuration names a server by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/address.h"

namespace shunt {

// "http://HOST[:PORT]" or "https://HOST[:PORT]" without a path; HOST is a name, an IPv4 address or [IPv6].
struct HttpUrl {
  bool tls = false;
  std::string host;  // without brackets
  uint16_t port = 0;
  std::string socket = {};  // path of a unix socket; then host is "localhost", and there is no port

  static std::optional<HttpUrl> parse(std::string_view text);
  // That, or "unix:/PATH", or "HOST:PORT" without TLS.
  static std::optional<HttpUrl> parse_server(std::string_view text);
  std::string text() const;
  std::string authority() const;  // RFC 9110 7.2: the Host header
  bool operator==(const HttpUrl&) const = default;
};

// "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:53".
struct SocketAddress {
  IpAddress address;
  uint16_t port = 0;

  static std::optional<SocketAddress> parse(std::string_view text, uint16_t default_port);
  std::string text() const;
  bool operator==(const SocketAddress&) const = default;
};

// RFC 1035 2.3.4: at most 253 characters in labels of at most 63; letters, digits, - and _ here. One dot at
// the end is allowed.
bool is_dns_name(std::string_view text);

}  // namespace shunt
