#include "control/ctl_target.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace shunt {
namespace {

constexpr size_t kMaxToken = 4'096;

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
  });
}

// HOST:PORT, where HOST is an address or a name.
Result<CtlTarget> parse_authority(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  if (auto address = ApiAddress::parse(text); address && !address.value().is_unix())
    return CtlTarget(address.take());
  const size_t colon = text.rfind(':');
  const auto port =
      ApiAddress::parse("127.0.0.1:" + std::string(text.substr(std::min(colon, text.size() - 1) + 1)));
  if (colon == std::string_view::npos || !port || !is_host_name(text.substr(0, colon)))
    return Error{std::string(text), "isn't HOST:PORT"};
  CtlTarget target(port.value());
  target.host = text.substr(0, colon);
  return target;
}

}  // namespace

Result<CtlTarget> CtlTarget::parse(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    if (text.size() == scheme.size()) return Error{std::string(text), "names no host"};
    auto target = parse_authority(text.substr(scheme.size()));
    if (target) target.value().tls = scheme == "https://";
    return target;
  }
  auto address = ApiAddress::parse(text);
  if (address) return CtlTarget(address.take());
  return Error{address.error().where,
               address.error().what + ", and no http://HOST:PORT or https://HOST:PORT"};
}

std::string CtlTarget::text() const {
  const std::string where = host.empty() ? address.text() : host + ":" + std::to_string(address.port);
  return (tls ? "https://" : "") + where;
}

Result<std::string> read_token_file(const std::string& file) {
  std::ifstream in(file);
  if (!in) return Error{file, std::string("can't be read: ") + std::strerror(errno)};
  std::string line;
  while (std::getline(in, line) && line.find_first_not_of(" \t\r") == std::string::npos) {
  }
  const size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return Error{file, "has no token in it"};
  line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
  const bool plain = std::ranges::all_of(line, [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain || line.size() > kMaxToken) return Error{file, "its first line isn't a token"};
  return line;
}

}  // namespace shunt
