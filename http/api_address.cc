#include "http/api_address.h"

#include <sys/un.h>

#include <charconv>
#include <optional>

namespace shunt {
namespace {

// sun_path holds a terminating zero too.
constexpr size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

Error invalid(std::string_view text, const std::string& what) {
  return {std::string(text), what};
}

std::optional<uint16_t> parse_port(std::string_view digits) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

Result<ApiAddress> parse_unix(std::string_view text) {
  const std::string_view path = text.substr(std::string_view("unix:").size());
  if (path.empty() || path.front() != '/') return invalid(text, "a unix socket needs an absolute path");
  if (path.size() > kLongestPath) {
    return invalid(text, "the path of a unix socket has at most " + std::to_string(kLongestPath) + " bytes");
  }
  if (path.find('\0') != std::string_view::npos) return invalid(text, "the path holds a zero byte");
  ApiAddress address;
  address.path = path;
  return address;
}

}  // namespace

Result<ApiAddress> ApiAddress::parse(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text);
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto ip = IpAddress::parse(host);
  if (colon == std::string_view::npos || !ip || ip->is_v4() == brackets) {
    return invalid(text, "is none of unix:/path, ADDRESS:PORT and [IPV6]:PORT");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return invalid(text, "the port is not a number from 0 to 65535");
  ApiAddress address;
  address.ip = *ip;
  address.port = *port;
  return address;
}

std::string ApiAddress::text() const {
  if (is_unix()) return "unix:" + path;
  const std::string host = ip.is_v4() ? ip.text() : "[" + ip.text() + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace shunt
