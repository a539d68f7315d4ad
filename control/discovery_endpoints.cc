#include "control/discovery_endpoints.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

namespace shunt {

namespace asio = boost::asio;

namespace {

// A server that ends what it has just begun isn't asked in a loop.
constexpr std::chrono::milliseconds kBreath{50};

}  // namespace

EndpointFollower::EndpointFollower(const asio::any_io_executor& executor, const DiscoveryConfig& config,
                                   std::vector<HttpUrl> endpoints)
    : executor_(executor), config_(config), endpoints_(std::move(endpoints)), timer_(executor) {}

void EndpointFollower::start(DiscoverySource::OnAnswer on_answer) {
  on_answer_ = std::move(on_answer);
  asio::co_spawn(executor_, run(shared_from_this()), asio::detached);
}

void EndpointFollower::stop() {
  stopped_ = true;
  timer_.cancel();
  if (exchange_) exchange_->cancel();
}

std::shared_ptr<HttpExchange> EndpointFollower::open_exchange(const HttpUrl& url) {
  HttpLimits limits;
  limits.timeout = config_.timeout;
  exchange_ = std::make_shared<HttpExchange>(
      executor_, url, HttpTlsFiles{config_.ca_file, config_.certificate_file, config_.key_file}, limits);
  if (stopped_) exchange_->cancel();
  return exchange_;
}

void EndpointFollower::tell(Result<DiscoveryAnswer> answer) {
  if (stopped_) return;
  if (answer) backoff_.succeeded();
  const DiscoverySource::OnAnswer to = on_answer_;  // it may stop us
  to(std::move(answer));
}

asio::awaitable<void> EndpointFollower::run(std::shared_ptr<EndpointFollower> self) {
  co_await asio::post(self->executor_,
                      asio::use_awaitable);  // whoever starts a source isn't ready for its answer
  while (!self->stopped_) {
    if (self->endpoints_.empty()) {
      self->tell(Error{"discovery", "there are no endpoints: this isn't a pod, and the file names none"});
      co_return;
    }
    const HttpUrl url = self->endpoints_[self->next_ % self->endpoints_.size()];
    const Result<> followed = co_await self->follow(url);
    self->exchange_.reset();
    if (self->stopped_) co_return;
    if (!followed) {
      ++self->next_;
      self->tell(followed.error());
      if (self->stopped_) co_return;
    }
    self->timer_.expires_after(followed ? kBreath : self->backoff_.next());
    co_await self->timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

std::vector<HttpUrl> parse_urls(const std::vector<std::string>& texts) {
  std::vector<HttpUrl> urls;
  for (const std::string& text : texts) {
    if (auto url = HttpUrl::parse(text)) urls.push_back(*std::move(url));
  }
  return urls;
}

std::optional<nlohmann::json> parse_json(std::string_view text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

const nlohmann::json* json_at(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string json_text(const nlohmann::json& object, const char* key) {
  const auto* value = json_at(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool json_true(const nlohmann::json& object, const char* key, bool otherwise) {
  const auto* value = json_at(object, key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : otherwise;
}

}  // namespace shunt
