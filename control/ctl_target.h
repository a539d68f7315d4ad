// CtlTarget: which shuntd shuntctl asks, and how: --api, --token-file, --ca.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "http/api_address.h"

namespace shunt {

struct CtlTarget {
  CtlTarget() = default;
  CtlTarget(ApiAddress plain) : address(std::move(plain)) {}  // NOLINT(google-explicit-constructor)

  // "unix:/PATH", "ADDRESS:PORT", "http://HOST:PORT", "https://HOST:PORT"; HOST may be a name. A slash at the
  // end is let pass.
  static Result<CtlTarget> parse(std::string_view text);
  std::string text() const;

  ApiAddress address;  // where `host` is a name: its port only
  std::string host;    // a name to look up; empty: `address` says it
  bool tls = false;
  std::string token;    // empty: none
  std::string ca_file;  // PEM, of who signed shuntd's certificate; empty: the system's
};

// The first line of a file, without blanks around it; an error where there is none.
Result<std::string> read_token_file(const std::string& file);

}  // namespace shunt
