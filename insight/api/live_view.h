// LiveView: services and backends as they are now at all nodes together: rates and flows add up, sketches
// are merged.
//
// Values, made once a second from LiveState. A node that doesn't answer counts for nothing; what only such
// nodes have is there with the state `unknown`.
#pragma once

#include <string>
#include <vector>

#include "insight/api/kpi_rates.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

// degraded: some backend that should serve doesn't.
enum class ServiceState : uint8_t { up, degraded, down, unknown };
const char* state_name(ServiceState state);
const char* state_name(BackendState state);

struct ServiceView {
  std::string name;
  std::vector<std::string> vips;
  std::string protocol;
  uint16_t port = 0;
  std::string mode;
  std::string scheduler;
  ServiceState state = ServiceState::unknown;
  size_t backends = 0;
  size_t healthy = 0;
  uint64_t active = 0;
  KpiRates rates;  // of the last readings
  KpiCell recent;  // of the last 10 s
};

// Of the nodes that answer, the one with the worst word on it gives the state.
struct BackendView {
  SeriesName name;  // without a node
  std::string address;
  uint16_t port = 0;
  BackendState state = BackendState::unknown;
  std::string reason;
  int64_t since_s = 0;
  double weight = 0;
  double share = 0;  // of its service's flows of the last 10 s
  uint64_t active = 0;
  KpiRates rates;
  KpiCell recent;
};

struct LiveView {
  std::vector<ServiceView> services;  // by name
  std::vector<BackendView> backends;  // by service, pool, name
  KpiRates rates;                     // of all services
  KpiCell recent;
  uint64_t active = 0;

  const ServiceView* find(const std::string& service) const;
};
LiveView view_of(const LiveState& live);

}  // namespace shunt::insight
