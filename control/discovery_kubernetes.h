// KubernetesDiscovery: a pool's backends as the EndpointSlices of a Kubernetes service: list, then watch
// (discovery.k8s.io/v1).
//
// An endpoint that is ready is a backend; one that is terminating but still serving drains; others aren't
// there. The server ends each watch after `refresh`, and the next one goes on from there; where it has
// forgotten that place (410) the list comes again. Bound: kMostSlices slices, kMostPoolBackends endpoints.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "control/discovery_source.h"

namespace shunt {

class KubernetesDiscovery : public DiscoverySource {
 public:
  KubernetesDiscovery(const boost::asio::any_io_executor& executor, const DiscoveryConfig& config);
  ~KubernetesDiscovery() override;
  void start(OnAnswer on_answer) override;

 private:
  class Follower;
  std::shared_ptr<Follower> follower_;
};

// What one slice has for us.
struct EndpointSlice {
  std::vector<BackendConfig> backends;
  std::vector<std::string> skipped;
};

inline constexpr size_t kMostSlices = 1'024;

// `slice`: an EndpointSlice object. A pod is called by its name, its IPv6 address NAME-v6; without one the
// address and port are the name.
EndpointSlice read_endpoint_slice(const nlohmann::json& slice, const std::string& port_name);

// All slices together. An endpoint may stand in two of them while it moves: once is enough, and ready goes
// before draining.
DiscoveryAnswer join_slices(const std::map<std::string, EndpointSlice>& slices);

}  // namespace shunt
