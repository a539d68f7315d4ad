// DiscoverySource: one place that says which backends a pool has, followed for as long as it is started.
//
// Owner: the control thread; every call and every callback is on its executor. Destroying one stops it; its
// coroutines may end a turn of the executor later, and call nobody then.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "control/config.h"
#include "control/discovered_backends.h"

namespace shunt {

// All that the source says at this time. Nothing of it is trusted: names and addresses are what they claim to
// be, at most kMostPoolBackends, no address and port and no name twice.
struct DiscoveryAnswer {
  std::vector<BackendConfig> backends;
  std::vector<std::string> skipped;  // entries that couldn't be read, and why: the first kMostSkipped
  size_t skipped_count = 0;

  static constexpr size_t kMostSkipped = 20;
  void skip(std::string why) {
    if (++skipped_count <= kMostSkipped) skipped.push_back(std::move(why));
  }
};

class DiscoverySource {
 public:
  using OnAnswer = std::function<void(Result<DiscoveryAnswer>)>;

  virtual ~DiscoverySource() = default;
  // Once. `on_answer` is called with the first answer, whenever the answer changed and whenever the source
  // was asked anew: with the whole list, or with why it can't be had. It may destroy the source.
  virtual void start(OnAnswer on_answer) = 0;
};

// "dns SRV _http._tcp.web.example.net": what is followed, without whom it is asked of.
std::string discovery_text(const DiscoveryConfig& config);

std::unique_ptr<DiscoverySource> make_discovery_source(const boost::asio::any_io_executor& executor,
                                                       const DiscoveryConfig& config);

}  // namespace shunt
