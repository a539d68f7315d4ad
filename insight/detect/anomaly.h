// Anomaly: what a detector found of one (service, backend, KPI), as a value. What a backend or a service is
// made of: Topology.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insight/detect/severity.h"

namespace shunt {

enum class Kpi : uint8_t {
  up,               // healthy or not
  failures,         // share of flows that failed
  latency,          // time to connect or to the first byte
  syn_retransmits,  // share of flows whose SYN was sent again
  reconnects,       // share of flows that are a client's second attempt
  flows,            // flows a second
  active_flows,
  share,  // of the pool's flows
  cpu,
  memory,
  disk,
};
inline constexpr size_t kKpis = 11;
std::string_view kpi_name(Kpi kpi);   // as in tables: syn_retransmits
std::string_view kpi_words(Kpi kpi);  // as people say: SYN retransmissions

// A node has neither name, a service no backend.
struct Subject {
  std::string service;
  std::string backend;
  bool operator==(const Subject&) const = default;
};
std::string subject_words(const Subject& subject);  // "backend web-2 of web", "service web", "the node"

struct Anomaly {
  Subject subject;
  Kpi kpi = Kpi::flows;
  int64_t start_s = 0;
  int64_t end_s = 0;  // so far
  double score = 0;   // 0 to 1: severity_score
  Severity severity = Severity::info;
  double observed = 0;
  double expected_low = 0;
  double expected_high = 0;
  std::string reason;  // the detector's words
};

struct Topology {
  struct Service {
    std::string name;
    std::vector<std::string> backends;  // one may serve several services
  };
  std::vector<Service> services;
  const Service* find(const std::string& name) const;
};

}  // namespace shunt
