// The cookie by which a browser shows its token.
#pragma once

#include <string>

namespace shunt::insight {

inline constexpr const char* kSessionCookie = "shunt_token";

// A Set-Cookie field (RFC 6265 4.1.1): until the browser is closed; an empty token ends it. No script sees
// it, and no page of another site sends it.
inline std::string session_cookie(const std::string& token, bool over_tls) {
  std::string field = std::string(kSessionCookie) + "=" + token + "; Path=/; HttpOnly; SameSite=Strict";
  if (over_tls) field += "; Secure";
  if (token.empty()) field += "; Max-Age=0";
  return field;
}

}  // namespace shunt::insight
