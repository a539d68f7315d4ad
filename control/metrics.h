// StatusMetrics: the status as Prometheus metrics. Names and labels: docs/metrics.md.
//
// Owner: the control thread. Built from the status when it is asked for, but not again before ten times as
// long has passed as that took: scrapers share a page, and however many there are, they cost a tenth of the
// control thread at most. No registry, nothing in the packet path. Bound: the limits below; client addresses
// are never labels. Cost: bench/metrics_bench.cc.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/status.h"

namespace shunt {

// Above this many (service, backend) pairs, traffic is given per service and pool, with an empty `backend`.
inline constexpr size_t kMaxBackendSeries = 2000;
// Histograms, of which each is 19 series, above this many.
inline constexpr size_t kMaxBackendHistograms = 1000;
// Of a whole page; what is beyond is left out and counted.
inline constexpr size_t kMaxSeries = 100'000;

inline uint64_t steady_clock_ns() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                               std::chrono::nanoseconds(1));
}

class StatusMetrics : public prometheus::Collectable {
 public:
  using Clock = std::function<uint64_t()>;  // nanoseconds
  explicit StatusMetrics(StatusSource& source, Clock clock = steady_clock_ns)
      : source_(source), clock_(std::move(clock)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;  // NOLINT(readability-identifier-naming)
  // Collect() in the text format 0.0.4, or what it was a moment ago.
  std::shared_ptr<const std::string> text();

 private:
  static constexpr uint64_t kRestFactor = 10;

  void add_drops(std::vector<prometheus::MetricFamily>& families, const std::vector<ServiceStatus>& services,
                 const DropsReport& drops) const;

  StatusSource& source_;
  Clock clock_;
  std::shared_ptr<std::string> text_;
  uint64_t stale_at_ = 0;
  mutable uint64_t series_dropped_ = 0;
  // Per reason, the drops that no service accounts for. The services are read an instant before the sum, so
  // the difference may shrink by a burst; a counter must not.
  mutable std::map<std::string, uint64_t> unattributed_;
};

}  // namespace shunt
