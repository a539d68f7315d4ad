// EtcdDiscovery: a pool's backends as the keys under a prefix of etcd v3, over its JSON gateway: one range,
// then a watch from the revision after it.
//
// A watch without news for `refresh`, or one whose revision was compacted, begins with a range again. Bound:
// kMostPoolBackends keys.
#pragma once

#include <memory>

#include "control/discovery_source.h"

namespace shunt {

class EtcdDiscovery : public DiscoverySource {
 public:
  EtcdDiscovery(const boost::asio::any_io_executor& executor, const DiscoveryConfig& config);
  ~EtcdDiscovery() override;
  void start(OnAnswer on_answer) override;

 private:
  class Follower;
  std::shared_ptr<Follower> follower_;
};

// The end of the range of all keys that begin with `prefix`; "\0", all keys above, where there is no greater
// prefix.
std::string etcd_range_end(std::string prefix);

}  // namespace shunt
