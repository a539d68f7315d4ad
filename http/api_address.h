// ApiAddress: where the API is heard, as [api] listen and shuntctl --api write it.
#pragma once

#include <string>
#include <string_view>

#include "common/address.h"
#include "common/result.h"

namespace shunt {

struct ApiAddress {
  std::string path;  // of a unix socket; empty: TCP
  IpAddress ip;
  uint16_t port = 0;  // TCP; 0 when listening: the kernel picks one

  // "unix:/path", "192.0.2.1:8080" or "[2001:db8::1]:8080".
  static Result<ApiAddress> parse(std::string_view text);

  bool is_unix() const { return !path.empty(); }
  std::string text() const;
};

}  // namespace shunt
