// Requests and answers: etcd's api/etcdserverpb/rpc.proto, in proto3's JSON form: bytes are base64, 64-bit
// numbers strings.
#include "control/discovery_etcd.h"

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "control/base64.h"
#include "control/config_validate.h"
#include "control/discovery_endpoints.h"
#include "control/discovery_entries.h"

namespace shunt {

namespace asio = boost::asio;

namespace {

using nlohmann::json;

constexpr size_t kMostKeyBytes = 1'024;
constexpr size_t kMostValueBytes = 4'096;  // a larger one is no backend

std::optional<int64_t> number_at(const json& object, const char* key) {
  const std::string text = json_text(object, key);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "code 16: token is invalid", of a body that isn't a success.
std::string complaint_in(const std::string& body) {
  const auto answer = parse_json(body);
  if (!answer) return shown(body);
  std::string text = json_text(*answer, "message");
  if (text.empty()) text = json_text(*answer, "error");
  return shown(text);
}

}  // namespace

std::string etcd_range_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff')
    prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  ++prefix.back();
  return prefix;
}

class EtcdDiscovery::Follower : public EndpointFollower {
 public:
  Follower(const asio::any_io_executor& executor, const DiscoveryConfig& config)
      : EndpointFollower(executor, config, parse_urls(config.endpoints)) {}

 private:
  asio::awaitable<Result<>> follow(HttpUrl url) override;
  asio::awaitable<Result<>> list(HttpUrl url);
  asio::awaitable<Result<>> watch(HttpUrl url);
  // What a line of the watch says; `over`: a range has to come first.
  Result<> take_line(const std::string& line, bool& changed, bool& over);
  Result<> take_event(const json& event);
  Result<> put(const json& pair);
  json range() const {
    return {{"key", to_base64(config().prefix)}, {"range_end", to_base64(etcd_range_end(config().prefix))}};
  }
  DiscoveryAnswer answer() const;

  std::map<std::string, std::string> pairs_;  // key → value
  size_t beyond_ = 0;                         // keys that there is no room for
  int64_t revision_ = 0;                      // that pairs_ are of
};

asio::awaitable<Result<>> EtcdDiscovery::Follower::follow(HttpUrl url) {
  if (auto listed = co_await list(url); !listed || stopped()) co_return listed;
  tell(answer());
  if (stopped()) co_return Ok{};
  co_return co_await watch(url);
}

asio::awaitable<Result<>> EtcdDiscovery::Follower::list(HttpUrl url) {
  const auto exchange = open_exchange(url);
  json question = range();
  question["limit"] = std::to_string(kMostPoolBackends + 1);
  HttpRequest request{"POST", "/v3/kv/range", {}, question.dump()};
  const auto reply = co_await exchange->ask(std::move(request));
  if (!reply) co_return reply.error();
  if (reply.value().status != 200) {
    co_return Error{url.text(),
                    "HTTP " + std::to_string(reply.value().status) + " " + complaint_in(reply.value().body)};
  }
  const auto body = parse_json(reply.value().body);
  const json* header = body ? json_at(*body, "header") : nullptr;
  const auto revision = header == nullptr ? std::nullopt : number_at(*header, "revision");
  if (!revision) co_return Error{url.text(), "the answer isn't etcd's"};
  pairs_.clear();
  beyond_ = 0;
  if (const json* list = json_at(*body, "kvs"); list != nullptr && list->is_array()) {
    for (const json& pair : *list) {
      if (auto put_in = put(pair); !put_in) co_return put_in;
    }
  }
  revision_ = *revision;
  co_return Ok{};
}

Result<> EtcdDiscovery::Follower::put(const json& pair) {
  const auto key = from_base64(json_text(pair, "key"));
  const auto value = from_base64(json_text(pair, "value"));
  if (!key || !value || !key->starts_with(config().prefix)) return Error{"etcd", "a key isn't of the range"};
  const bool fits = key->size() <= kMostKeyBytes && pairs_.size() < kMostPoolBackends;
  if (!fits && !pairs_.contains(*key)) {
    ++beyond_;
  } else {
    pairs_[*key] = value->size() <= kMostValueBytes ? *value : std::string();
  }
  return Ok{};
}

asio::awaitable<Result<>> EtcdDiscovery::Follower::watch(HttpUrl url) {
  const auto exchange = open_exchange(url);
  json create = range();
  create["start_revision"] = std::to_string(revision_ + 1);
  const json question = {{"create_request", std::move(create)}};
  HttpRequest request{"POST", "/v3/watch", {}, question.dump()};
  const auto status = co_await exchange->open(std::move(request));
  if (!status) co_return status.error();
  if (status.value() != 200) co_return Error{url.text(), "watch: HTTP " + std::to_string(status.value())};
  bool changed = false;
  while (!stopped()) {
    const HttpLine line = co_await exchange->read_line(config().refresh);
    if (line.kind == HttpLine::Kind::idle) co_return Ok{};
    if (line.kind == HttpLine::Kind::end) co_return Error{url.text(), "the watch was ended"};
    if (line.kind == HttpLine::Kind::failed) co_return Error{"", line.text};
    bool over = false;
    if (auto taken = take_line(line.text, changed, over); !taken) {
      co_return Error{url.text(), taken.error().text()};
    }
    if (over) co_return Ok{};
    if (!changed || exchange->has_line()) continue;
    changed = false;
    tell(answer());
  }
  co_return Ok{};
}

Result<> EtcdDiscovery::Follower::take_line(const std::string& line, bool& changed, bool& over) {
  const auto message = parse_json(line);
  if (!message) return Error{"watch", "a line isn't JSON"};
  if (const json* error = json_at(*message, "error"))
    return Error{"watch", shown(json_text(*error, "message"))};
  const json* result = json_at(*message, "result");
  if (result == nullptr) return Error{"watch", "a line is neither result nor error"};
  if (json_true(*result, "canceled", false)) {
    // Compacted: what happened between is forgotten there, so all is asked for again.
    if (json_at(*result, "compact_revision") == nullptr)
      return Error{"watch", "cancelled: " + shown(json_text(*result, "cancel_reason"))};
    over = true;
    return Ok{};
  }
  const json* events = json_at(*result, "events");
  if (events == nullptr || !events->is_array()) return Ok{};
  for (const json& event : *events) {
    if (auto taken = take_event(event); !taken) return taken;
    changed = true;
  }
  over = beyond_ > 0;  // who takes a place that comes free, only a range tells
  return Ok{};
}

// A type that isn't there is PUT, the first of its enumeration.
Result<> EtcdDiscovery::Follower::take_event(const json& event) {
  const json* pair = json_at(event, "kv");
  if (pair == nullptr) return Error{"watch", "an event has no key"};
  if (json_text(event, "type") != "DELETE") return put(*pair);
  const auto key = from_base64(json_text(*pair, "key"));
  if (!key) return Error{"watch", "an event has no key"};
  pairs_.erase(*key);
  return Ok{};
}

DiscoveryAnswer EtcdDiscovery::Follower::answer() const {
  DiscoveryEntries entries;
  for (const auto& [key, value] : pairs_) {
    const std::string rest = key.substr(config().prefix.size());
    const auto entry = parse_json(value);
    if (entry) {
      entries.add_json(*entry, key, is_name(rest) ? rest : std::string());
    } else {
      entries.skip(key, "its value isn't JSON");
    }
  }
  if (beyond_ > 0)
    entries.skip(config().prefix,
                 "more than " + std::to_string(kMostPoolBackends) + " keys, or one is too long");
  return entries.take();
}

EtcdDiscovery::EtcdDiscovery(const asio::any_io_executor& executor, const DiscoveryConfig& config)
    : follower_(std::make_shared<Follower>(executor, config)) {}

EtcdDiscovery::~EtcdDiscovery() {
  follower_->stop();
}

void EtcdDiscovery::start(OnAnswer on_answer) {
  follower_->start(std::move(on_answer));
}

}  // namespace shunt
