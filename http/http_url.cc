#include "http/http_url.h"

#include <algorithm>
#include <charconv>

#include "http/api_address.h"

namespace shunt {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;
constexpr size_t kLongestName = 253;
constexpr size_t kLongestLabel = 63;

std::optional<uint16_t> port_in(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<IpAddress> address_in(std::string_view text) {
  return text.find('\0') == std::string_view::npos ? IpAddress::parse(text) : std::nullopt;
}

struct HostAndPort {
  std::string_view host;
  bool bracketed = false;
  std::optional<std::string_view> port;
};

// "host", "host:port", "[host]" or "[host]:port".
std::optional<HostAndPort> split(std::string_view text) {
  HostAndPort parts;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    parts.host = text.substr(1, end - 1);
    parts.bracketed = true;
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) return parts;
    if (!rest.starts_with(':')) return std::nullopt;
    parts.port = rest.substr(1);
    return parts;
  }
  const size_t colon = text.rfind(':');
  parts.host = text.substr(0, colon);
  if (colon != std::string_view::npos) parts.port = text.substr(colon + 1);
  return parts;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::optional<HttpUrl> HttpUrl::parse(std::string_view text) {
  HttpUrl url;
  url.tls = text.starts_with("https://");
  if (!url.tls && !text.starts_with("http://")) return std::nullopt;
  text.remove_prefix(url.tls ? 8 : 7);
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  url.host = parts->host;
  const auto address = address_in(url.host);
  if (parts->bracketed ? !address || address->is_v4() : !is_dns_name(url.host)) return std::nullopt;
  const auto port = parts->port ? port_in(*parts->port) : std::optional(url.tls ? kHttpsPort : kHttpPort);
  if (!port) return std::nullopt;
  url.port = *port;
  return url;
}

std::optional<HttpUrl> HttpUrl::parse_server(std::string_view text) {
  if (text.starts_with("http://") || text.starts_with("https://")) return parse(text);
  if (text.starts_with("unix:")) {
    const auto address = ApiAddress::parse(text);
    if (!address) return std::nullopt;
    HttpUrl url;
    url.host = "localhost";
    url.socket = address.value().path;
    return url;
  }
  const auto parts = split(text);
  if (!parts || !parts->port) return std::nullopt;
  return parse("http://" + std::string(text));
}

std::string HttpUrl::text() const {
  if (!socket.empty()) return "unix:" + socket;
  return std::string(tls ? "https://" : "http://") + bracketed(host) + ":" + std::to_string(port);
}

std::string HttpUrl::authority() const {
  if (!socket.empty()) return host;
  const bool usual = port == (tls ? kHttpsPort : kHttpPort);
  return bracketed(host) + (usual ? "" : ":" + std::to_string(port));
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text, uint16_t default_port) {
  if (const auto bare = address_in(text)) return SocketAddress{*bare, default_port};
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  const auto address = address_in(parts->host);
  if (!address || parts->bracketed == address->is_v4()) return std::nullopt;
  const auto port = parts->port ? port_in(*parts->port) : std::optional(default_port);
  if (!port) return std::nullopt;
  return SocketAddress{*address, *port};
}

std::string SocketAddress::text() const {
  return bracketed(address.text()) + ":" + std::to_string(port);
}

bool is_dns_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kLongestName) return false;
  while (true) {
    const size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace shunt
