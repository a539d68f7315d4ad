#include "control/latency_summary.h"

#include <utility>

namespace shunt {

LatencySummary LatencySummary::of(const HistogramSum& histogram, TimeUnit unit, std::string method) {
  LatencySummary summary;
  summary.method = std::move(method);
  summary.unit = unit;
  summary.count = histogram.count();
  if (summary.count == 0) return summary;
  summary.sum = in_seconds(static_cast<double>(histogram.sum()), unit);
  const auto all = static_cast<double>(summary.count);
  uint64_t seen = 0;
  size_t edge = 0;
  size_t quantile = 0;
  for (unsigned bucket = 0; seen < summary.count; ++bucket) {
    const uint64_t here = histogram.count(bucket);
    if (here == 0) continue;
    while (edge < kSummaryBuckets && histogram_bucket(kSummaryEdges[edge]) <= bucket)
      summary.below[edge++] = seen;
    seen += here;
    while (quantile < kSummaryQuantiles.size() &&
           static_cast<double>(seen) >= all * kSummaryQuantiles[quantile])
      summary.quantiles[quantile++] = in_seconds(histogram_range(bucket).middle(), unit);
  }
  while (edge < kSummaryBuckets)
    summary.below[edge++] = seen;
  return summary;
}

}  // namespace shunt
