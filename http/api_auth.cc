#include "http/api_auth.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace shunt {
namespace {

using Digest = std::array<unsigned char, 32>;
constexpr int kNice = 10;

TokenSet::Stamp stamp_of(const std::string& file) {
  struct stat found{};
  if (stat(file.c_str(), &found) != 0) return {};
  return {found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_size, found.st_ino};
}

}  // namespace

// The thread that hashes, what waits for it, and what it found out. Shared with the jobs on their way back.
struct ApiAuth::Hasher : std::enable_shared_from_this<ApiAuth::Hasher> {
  explicit Hasher(boost::asio::io_context& context) : io(context) {
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
      throw std::runtime_error("OpenSSL has no random bytes");
  }

  Digest digest(std::string_view token) const {
    Digest digest{};
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data(), nullptr);
    return digest;
  }
  void hash(std::string token, const TokenHash& with, std::function<void(bool)> done);
  void finish(uint64_t job, bool good);

  boost::asio::io_context& io;
  Digest key{};
  std::map<Digest, std::string> known;  // digest of a good token → its name
  std::map<uint64_t, std::function<void(bool)>> waiting;
  uint64_t jobs = 0;
  std::optional<boost::asio::thread_pool> thread;  // from the first token on
};

void ApiAuth::Hasher::hash(std::string token, const TokenHash& with, std::function<void(bool)> done) {
  if (!thread) {
    thread.emplace(1);
    boost::asio::post(*thread, [] { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice); });
  }
  const uint64_t job = ++jobs;
  waiting.emplace(job, std::move(done));
  boost::asio::post(*thread, [weak = weak_from_this(), &to = io, job, token = std::move(token), with] {
    const bool good = verify_token(token, with);
    boost::asio::post(to, [weak, job, good] {
      if (const auto self = weak.lock()) self->finish(job, good);
    });
  });
}

void ApiAuth::Hasher::finish(uint64_t job, bool good) {
  auto found = waiting.extract(job);
  if (!found.empty()) found.mapped()(good);
}

ApiAuth::ApiAuth(boost::asio::io_context& io) : hasher_(std::make_shared<Hasher>(io)) {}

ApiAuth::~ApiAuth() {
  stop();
}

void ApiAuth::stop() {
  if (hasher_->thread) {
    hasher_->thread->stop();
    hasher_->thread->join();
    hasher_->thread.reset();
  }
  std::exchange(hasher_->waiting, {}).clear();
}

Result<TokenSet> TokenSet::load(const std::string& file) {
  TokenSet set;
  if (file.empty()) return set;
  set.file = file;
  set.stamp = stamp_of(file);
  auto read = read_tokens(file);
  if (!read) return read.error();
  set.tokens = read.take();
  return set;
}

void ApiAuth::use(TokenSet tokens) {
  set_ = std::move(tokens);
  hasher_->known.clear();
}

Result<bool> ApiAuth::refresh() {
  if (set_.file.empty()) return false;
  const TokenSet::Stamp now = stamp_of(set_.file);
  if (now == set_.stamp) return false;
  set_.stamp = now;
  auto loaded = TokenSet::load(set_.file);
  if (!loaded) return loaded.error();
  use(loaded.take());
  return true;
}

const ApiToken* ApiAuth::find(std::string_view name) const {
  const auto found = std::ranges::find(set_.tokens, name, &ApiToken::name);
  return found == set_.tokens.end() ? nullptr : &*found;
}

AuthOutcome ApiAuth::outcome_of(const ApiToken& token) {
  using enum AuthOutcome::Verdict;
  if (token.is_expired(std::chrono::system_clock::now())) return {expired, token.name, ApiRole::anyone};
  return {good, token.name, token.role};
}

void ApiAuth::check(std::string_view text, Done done) {
  using enum AuthOutcome::Verdict;
  const ApiToken* token = text.size() <= kMaxTokenBytes ? find(token_name(text)) : nullptr;
  if (token == nullptr) return done({});
  const Digest digest = hasher_->digest(text);
  const auto known = hasher_->known.find(digest);
  if (known != hasher_->known.end() && known->second == token->name) return done(outcome_of(*token));
  if (hasher_->waiting.size() >= kMaxWaiting) return done({busy, {}, ApiRole::anyone});
  // The file may have changed by the time that the hash is there: then the line it was made for has to stand.
  const auto after = [this, digest, name = token->name, key = token->hash.key,
                      done = std::move(done)](bool is_good) {
    const ApiToken* still = find(name);
    if (!is_good || still == nullptr || still->hash.key != key) return done({});
    hasher_->known[digest] = name;
    done(outcome_of(*still));
  };
  hasher_->hash(std::string(text), token->hash, after);
}

}  // namespace shunt
