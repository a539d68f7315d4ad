// Families of metrics as the Prometheus text format 0.0.4.
//
// Not prometheus-cpp's TextSerializer, which writes number by number into a stream and escapes a metric's
// labels anew for each of its lines: bench/metrics_bench.cc has both.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <string>
#include <vector>

namespace shunt {

// `room`: a text that isn't needed any more; its memory is used again.
std::string metrics_text(const std::vector<prometheus::MetricFamily>& families, std::string room = {});

// Leaves out what comes after the first `most` series; returns how many series those were.
size_t keep_series(std::vector<prometheus::MetricFamily>& families, size_t most);

}  // namespace shunt
