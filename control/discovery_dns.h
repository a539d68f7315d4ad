// DnsDiscovery: a pool's backends by the records of a DNS name, asked for again when their TTL is over.
//
// A and AAAA: each address is a backend. SRV (RFC 2782): the targets of the lowest priority only, with their
// weights and ports; a weight of 0 counts as 1. A round is answered whole or not at all. Bound: kMostTargets
// targets a round, one question at a time.
#pragma once

#include <memory>

#include "control/discovery_source.h"

namespace shunt {

class DnsDiscovery : public DiscoverySource {
 public:
  static constexpr size_t kMostTargets = 1'024;

  DnsDiscovery(const boost::asio::any_io_executor& executor, const DiscoveryConfig& config);
  ~DnsDiscovery() override;
  void start(OnAnswer on_answer) override;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace shunt
