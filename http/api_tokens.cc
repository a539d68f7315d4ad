#include "http/api_tokens.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <set>

#include "common/unique_fd.h"
#include "http/api_time.h"
#include "http/base64url.h"

namespace shunt {
namespace {

constexpr size_t kMaxFileBytes = 1U << 20U;
constexpr size_t kSaltBytes = 16;
constexpr size_t kKeyBytes = 32;
constexpr size_t kSecretBytes = 32;
constexpr size_t kMaxNameBytes = 63;
constexpr uint64_t kMaxHashMemory = 256ULL << 20U;

bool is_token_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<uint8_t> small_number(std::string_view text, uint8_t min, uint8_t max) {
  uint8_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max)
    return std::nullopt;
  return value;
}

// Within these bounds one hash takes at most 128 · r · N = 64 MiB.
std::optional<TokenHash> parse_hash(std::string_view text) {
  const auto parts = split(text, "$");
  if (parts.size() != 6 || parts[0] != "scrypt") return std::nullopt;
  const auto log2_n = small_number(parts[1], 10, 16);
  const auto r = small_number(parts[2], 1, 8);
  const auto p = small_number(parts[3], 1, 4);
  auto salt = from_base64url(parts[4]);
  auto key = from_base64url(parts[5]);
  if (!log2_n || !r || !p || !salt || !key) return std::nullopt;
  if (salt->size() < kSaltBytes || salt->size() > 64 || key->size() != kKeyBytes) return std::nullopt;
  return TokenHash{*log2_n, *r, *p, std::move(*salt), std::move(*key)};
}

std::string hash_text(const TokenHash& hash) {
  return "scrypt$" + std::to_string(hash.log2_n) + "$" + std::to_string(hash.r) + "$" +
         std::to_string(hash.p) + "$" + to_base64url(hash.salt) + "$" + to_base64url(hash.key);
}

std::optional<std::string> derive(std::string_view token, const TokenHash& hash) {
  std::string key(kKeyBytes, '\0');
  const int done =
      EVP_PBE_scrypt(token.data(), token.size(), reinterpret_cast<const unsigned char*>(hash.salt.data()),
                     hash.salt.size(), uint64_t{1} << hash.log2_n, hash.r, hash.p, kMaxHashMemory,
                     reinterpret_cast<unsigned char*>(key.data()), key.size());
  if (done != 1) return std::nullopt;
  return key;
}

std::optional<std::string> random_bytes(size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1)
    return std::nullopt;
  return bytes;
}

Result<ApiToken> parse_line(std::string_view line) {
  const auto words = split(line, " \t\r");
  if (words.size() != 3 && words.size() != 5)
    return Error{"", "a line is `name role hash`, or `name role hash expires TIME`"};
  ApiToken token;
  token.name = words[0];
  if (!is_token_name(token.name))
    return Error{"", "\"" + token.name + "\" isn't a token's name: 1 to 63 letters, digits and - _"};
  if (!parse_role(words[1], token.role))
    return Error{"", "\"" + std::string(words[1]) + "\" is none of reader, operator and admin"};
  auto hash = parse_hash(words[2]);
  if (!hash) return Error{"", "the hash isn't one; `shuntctl token` makes whole lines"};
  token.hash = std::move(*hash);
  if (words.size() == 3) return token;
  token.expires = parse_rfc3339(std::string(words[4]));
  if (words[3] != "expires" || !token.expires)
    return Error{"", "behind the hash stands nothing, or `expires` and a time like 2027-01-31T12:00:00Z"};
  return token;
}

Error cant_read(const std::string& file) {
  return {file, std::string("can't be read: ") + std::strerror(errno)};
}

}  // namespace

Result<std::vector<ApiToken>> parse_tokens(const std::string& file, std::string_view text) {
  std::vector<ApiToken> tokens;
  std::set<std::string> names;
  std::string errors;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    auto token = parse_line(line);
    if (token && !names.insert(token.value().name).second)
      token = Error{"", "the name \"" + token.value().name + "\" is there already"};
    if (token) {
      tokens.push_back(token.take());
    } else {
      errors +=
          (errors.empty() ? "" : "\n") + file + ":" + std::to_string(number) + ": " + token.error().what;
    }
  }
  if (tokens.size() > kMaxTokens && errors.empty())
    errors = file + ": more than " + std::to_string(kMaxTokens) + " tokens";
  if (!errors.empty()) return Error{"", errors};
  return tokens;
}

Result<std::vector<ApiToken>> read_tokens(const std::string& file) {
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return cant_read(file);
  struct stat found{};
  if (fstat(fd.get(), &found) != 0) return cant_read(file);
  if (!S_ISREG(found.st_mode)) return Error{file, "isn't a file"};
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Error{file, "may be written by others: chmod 600 " + file};
  std::string text(kMaxFileBytes + 1, '\0');
  size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<size_t>(got)) {
    got = read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) return cant_read(file);
  }
  if (size > kMaxFileBytes) return Error{file, "has more than 1 MiB"};
  text.resize(size);
  return parse_tokens(file, text);
}

std::string_view token_name(std::string_view token) {
  const size_t dot = token.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : token.substr(0, dot);
}

bool verify_token(std::string_view token, const TokenHash& hash) {
  const auto key = derive(token, hash);
  return key && key->size() == hash.key.size() &&
         CRYPTO_memcmp(key->data(), hash.key.data(), key->size()) == 0;
}

Result<NewToken> make_token(const std::string& name, ApiRole role,
                            std::optional<std::chrono::system_clock::time_point> expires, TokenHash cost) {
  if (!is_token_name(name))
    return Error{"", "\"" + name + "\" isn't a token's name: 1 to 63 letters, digits and - _"};
  const auto secret = random_bytes(kSecretBytes);
  auto salt = random_bytes(kSaltBytes);
  if (!secret || !salt) return Error{"", "OpenSSL has no random bytes"};
  NewToken made;
  made.token = name + "." + to_base64url(*secret);
  TokenHash hash = std::move(cost);
  hash.salt = std::move(*salt);
  auto key = derive(made.token, hash);
  if (!key) return Error{"", "OpenSSL can't hash the token"};
  hash.key = std::move(*key);
  made.line = name + " " + std::string(role_name(role)) + " " + hash_text(hash);
  if (expires) made.line += " expires " + rfc3339(*expires);
  return made;
}

}  // namespace shunt
