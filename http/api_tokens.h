// Bearer tokens of the API, hashed at rest.
//
// A token is NAME.SECRET: 32 random bytes in base64url behind its name, so that only one hash has to be
// tried. The file has a line for each: `name role hash [expires RFC3339]`, blank lines and # comments
// between. hash: scrypt$LOG2N$R$P$SALT$KEY, RFC 7914, salt and key in base64url. Cost of one hash: 16 MiB and
// some 40 ms, on no thread that anything waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "http/api_message.h"

namespace shunt {

struct TokenHash {
  uint8_t log2_n = 14;
  uint8_t r = 8;
  uint8_t p = 1;
  std::string salt;  // bytes
  std::string key;   // bytes
};

struct ApiToken {
  std::string name;
  ApiRole role = ApiRole::reader;
  TokenHash hash;
  std::optional<std::chrono::system_clock::time_point> expires;

  bool is_expired(std::chrono::system_clock::time_point now) const { return expires && now >= *expires; }
};

inline constexpr size_t kMaxTokens = 1'000;
inline constexpr size_t kMaxTokenBytes = 512;  // of what a client presents

// All tokens of a file's text, or every error in it. `file` names it in errors.
Result<std::vector<ApiToken>> parse_tokens(const std::string& file, std::string_view text);
// The same of the file itself: refuses one that others may write, and one above 1 MiB.
Result<std::vector<ApiToken>> read_tokens(const std::string& file);

// The part before the last dot; empty where there is none.
std::string_view token_name(std::string_view token);

// Whether the token is the one that was hashed. Compares in constant time. Slow: see above.
bool verify_token(std::string_view token, const TokenHash& hash);

struct NewToken {
  std::string token;  // to be shown once
  std::string line;   // for the file
};
// An error where the name isn't 1 to 63 letters, digits and - _ (a dot ends a name). `cost`: scrypt's N, R
// and P.
Result<NewToken> make_token(const std::string& name, ApiRole role,
                            std::optional<std::chrono::system_clock::time_point> expires,
                            TokenHash cost = {});

}  // namespace shunt
