// What etcd and Kubernetes discovery share: one of several servers at a time, followed until it fails, then
// the next.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/discovery_backoff.h"
#include "control/discovery_source.h"
#include "http/http_client.h"

namespace shunt {

// A coroutine of its own, held by it and by the source.
class EndpointFollower : public std::enable_shared_from_this<EndpointFollower> {
 public:
  EndpointFollower(const boost::asio::any_io_executor& executor, const DiscoveryConfig& config,
                   std::vector<HttpUrl> endpoints);
  virtual ~EndpointFollower() = default;

  void start(DiscoverySource::OnAnswer on_answer);
  void stop();

 protected:
  // Follows one server for as long as that works: an error, or Ok where it is to be asked anew at once.
  virtual boost::asio::awaitable<Result<>> follow(HttpUrl url) = 0;

  // The exchange that stop() cancels; of one coroutine, which waits for one thing at a time.
  std::shared_ptr<HttpExchange> open_exchange(const HttpUrl& url);
  void tell(Result<DiscoveryAnswer> answer);
  bool stopped() const { return stopped_; }
  const DiscoveryConfig& config() const { return config_; }

 private:
  static boost::asio::awaitable<void> run(std::shared_ptr<EndpointFollower> self);

  boost::asio::any_io_executor executor_;
  DiscoveryConfig config_;
  std::vector<HttpUrl> endpoints_;
  boost::asio::steady_timer timer_;
  DiscoveryBackoff backoff_;
  DiscoverySource::OnAnswer on_answer_;
  std::shared_ptr<HttpExchange> exchange_;
  size_t next_ = 0;
  bool stopped_ = false;
};

std::vector<HttpUrl> parse_urls(const std::vector<std::string>& texts);

// JSON of others. Text that isn't JSON, a key that isn't there or another type than asked for: nothing.
std::optional<nlohmann::json> parse_json(std::string_view text);
const nlohmann::json* json_at(const nlohmann::json& object,
                              const char* key);                        // nullptr: no such key, or null
std::string json_text(const nlohmann::json& object, const char* key);  // "" where there is none
bool json_true(const nlohmann::json& object, const char* key, bool otherwise);

}  // namespace shunt
