// StatusMetrics: the status as Prometheus metrics. Names and labels: docs/metrics.md.
//
// Owner: the control thread. Built anew for each scrape from the status; no registry, nothing in the packet
// path. Bound: see kMaxBackendSeries; client addresses are never labels.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/status.h"

namespace shunt {

// Above this many (service, backend) pairs, traffic is given per service and pool, with an empty `backend`.
inline constexpr size_t kMaxBackendSeries = 2000;

class StatusMetrics : public prometheus::Collectable {
 public:
  explicit StatusMetrics(StatusSource& source) : source_(source) {}

  std::vector<prometheus::MetricFamily> Collect() const override;  // NOLINT(readability-identifier-naming)
  // Collect() in the text format 0.0.4.
  std::string text() const;

 private:
  void add_drops(std::vector<prometheus::MetricFamily>& families, const std::vector<ServiceStatus>& services,
                 const DropsReport& drops) const;

  StatusSource& source_;
  // Per reason, the drops that no service accounts for. The services are read an instant before the sum, so
  // the difference may shrink by a burst; a counter must not.
  mutable std::map<std::string, uint64_t> unattributed_;
};

}  // namespace shunt
