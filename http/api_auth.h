// ApiAuth: who a bearer token (RFC 6750) belongs to.
//
// Owner: the control thread, which never waits: a token that wasn't seen before is hashed on a thread of its
// own (with a lower priority), one after the other; those seen are remembered by a keyed hash. Bound:
// kMaxWaiting tokens wait for their hash, what is beyond is `busy`; one entry is remembered for each token of
// the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "http/api_tokens.h"

namespace boost::asio {
class io_context;
}

namespace shunt {

struct AuthOutcome {
  enum class Verdict : uint8_t { good, wrong, expired, busy };
  Verdict verdict = Verdict::wrong;
  std::string name;  // of the token, where it is good or expired
  ApiRole role = ApiRole::anyone;
};

// What a token file said when it was read.
struct TokenSet {
  struct Stamp {
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    int64_t size = -1;
    uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  // "": no tokens.
  static Result<TokenSet> load(const std::string& file);

  std::string file;
  Stamp stamp;
  std::vector<ApiToken> tokens;
};

class ApiAuth {
 public:
  static constexpr size_t kMaxWaiting = 16;
  using Done = std::function<void(AuthOutcome)>;

  explicit ApiAuth(boost::asio::io_context& io);
  ~ApiAuth();
  ApiAuth(const ApiAuth&) = delete;
  ApiAuth& operator=(const ApiAuth&) = delete;

  void use(TokenSet tokens);
  // Reads the file again where it has changed since; true where it was taken over. An error is told once for
  // each change of the file.
  Result<bool> refresh();
  // Whether a token file is configured: then nobody without a token is a reader.
  bool is_on() const { return !set_.file.empty(); }
  size_t size() const { return set_.tokens.size(); }

  // Calls `done` on the control thread, at once where nothing has to be hashed. A call that stop() finds
  // waiting is never answered.
  void check(std::string_view token, Done done);
  void stop();

 private:
  struct Hasher;
  const ApiToken* find(std::string_view name) const;
  static AuthOutcome outcome_of(const ApiToken& token);

  TokenSet set_;
  std::shared_ptr<Hasher> hasher_;
};

}  // namespace shunt
