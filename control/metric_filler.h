// MetricFiller: one family of metrics while it is filled. Doubles are exact up to 2^53, which packets reach
// after years.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace shunt {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

class MetricFiller {
 public:
  MetricFiller(prometheus::MetricType type, std::string name, std::string help)
      : family_{std::move(name), std::move(help), type, {}} {}
  static MetricFiller counter(std::string name, std::string help) {
    return {prometheus::MetricType::Counter, std::move(name), std::move(help)};
  }
  static MetricFiller gauge(std::string name, std::string help) {
    return {prometheus::MetricType::Gauge, std::move(name), std::move(help)};
  }
  static MetricFiller histogram(std::string name, std::string help) {
    return {prometheus::MetricType::Histogram, std::move(name), std::move(help)};
  }

  template <typename Number>
  MetricFiller& add(MetricLabels labels, Number value) {
    prometheus::ClientMetric& metric = next(std::move(labels));
    const auto number = static_cast<double>(value);
    if (family_.type == prometheus::MetricType::Counter) {
      metric.counter.value = number;
    } else {
      metric.gauge.value = number;
    }
    return *this;
  }

  void add_summary(MetricLabels labels, uint64_t count, double sum) {
    prometheus::ClientMetric& metric = next(std::move(labels));
    metric.summary.sample_count = count;
    metric.summary.sample_sum = sum;
  }

  // `buckets`: cumulative, without that of infinity.
  void add_histogram(MetricLabels labels, uint64_t count, double sum,
                     std::vector<prometheus::ClientMetric::Bucket> buckets) {
    prometheus::ClientMetric& metric = next(std::move(labels));
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = sum;
    metric.histogram.bucket = std::move(buckets);
  }

  // A family without series is left out.
  void into(std::vector<prometheus::MetricFamily>& families) {
    if (!family_.metric.empty()) families.push_back(std::move(family_));
  }

 private:
  prometheus::ClientMetric& next(MetricLabels labels) {
    prometheus::ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  prometheus::MetricFamily family_;
};

}  // namespace shunt
