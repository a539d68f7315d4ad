// LatencySummary: a histogram of durations in a few numbers: quantiles for people, 16 buckets for Prometheus.
//
// A value, seconds throughout. Cost: one pass over the buckets. Buckets of several summaries of one unit may
// be added, quantiles may not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "stats/histogram.h"

namespace shunt {

inline constexpr size_t kSummaryBuckets = 16;
// Exponential (× 2.3), and each the beginning of a bucket of Histogram, so that counting what is below is
// exact. In microseconds 50 µs to 13 s, in milliseconds 50 ms to 3 h 38 min.
inline constexpr std::array<uint32_t, kSummaryBuckets> kSummaryEdges = {
    50,     115,    264,     608,     1'392,     3'200,     7'360,     16'896,
    38'912, 89'088, 204'800, 471'040, 1'081'344, 2'490'368, 5'701'632, 13'107'200};

constexpr bool edges_begin_buckets() {
  for (const uint32_t edge : kSummaryEdges) {
    if (histogram_range(histogram_bucket(edge)).low != edge) return false;
  }
  return true;
}
static_assert(edges_begin_buckets());

inline constexpr std::array<double, 5> kSummaryQuantiles = {0.5, 0.9, 0.95, 0.99, 0.999};

// What a histogram's values are, in seconds.
enum class TimeUnit : uint8_t { microsecond, millisecond };
constexpr double in_seconds(double value, TimeUnit unit) {
  return value / (unit == TimeUnit::microsecond ? 1e6 : 1e3);
}
constexpr double edge_seconds(size_t edge, TimeUnit unit) {
  return in_seconds(kSummaryEdges[edge], unit);
}

struct LatencySummary {
  std::string method;  // how it was measured; empty where there is one way only
  TimeUnit unit = TimeUnit::microsecond;
  uint64_t count = 0;
  double sum = 0;                                            // seconds
  std::array<double, kSummaryQuantiles.size()> quantiles{};  // seconds; 0 where there is none
  std::array<uint64_t, kSummaryBuckets> below{};             // cumulative: how many were below each edge

  static LatencySummary of(const HistogramSum& histogram, TimeUnit unit, std::string method = {});
};

}  // namespace shunt
