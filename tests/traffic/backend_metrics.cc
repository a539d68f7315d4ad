#include "tests/traffic/backend_metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace shunt {
namespace {

void add_head(std::string& page, std::string_view name, std::string_view type, std::string_view help) {
  page += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void add_plain(std::string& page, std::string_view name, std::string_view type, std::string_view help,
               uint64_t value) {
  add_head(page, name, type, help);
  page += fmt::format("{} {}\n", name, value);
}

}  // namespace

void BackendMetrics::add_duration(uint64_t duration_ns) {
  const auto bound = std::ranges::lower_bound(kBoundsUs, (duration_ns + 999) / 1000);
  ++buckets_[static_cast<size_t>(bound - kBoundsUs.begin())];
  durations_ns_ += duration_ns;
}

uint64_t BackendMetrics::requests() const {
  uint64_t sum = 0;
  for (const auto& [labels, count] : requests_)
    sum += count;
  return sum;
}

std::string BackendMetrics::page(std::string_view id) const {
  std::string page;
  add_head(page, "test_backend_info", "gauge", "Who answers.");
  page += fmt::format("test_backend_info{{id=\"{}\"}} 1\n", id);
  add_head(page, "test_backend_requests_total", "counter", "Requests, by what became of them.");
  for (const auto& [labels, count] : requests_)
    page += fmt::format("test_backend_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", labels.first,
                        labels.second, count);
  add_plain(page, "test_backend_connections_total", "counter", "Connections accepted.", connections);
  add_plain(page, "test_backend_open_connections", "gauge", "Connections open now.", open_connections);
  add_plain(page, "test_backend_requests_in_work", "gauge", "Requests and datagrams waiting or worked on.",
            in_work);
  add_head(page, "test_backend_datagrams_total", "counter", "Datagrams, by what became of them.");
  page += fmt::format("test_backend_datagrams_total{{result=\"answered\"}} {}\n", udp_answered);
  page += fmt::format("test_backend_datagrams_total{{result=\"lost\"}} {}\n", udp_lost);
  add_plain(page, "test_backend_datagram_bytes_total", "counter", "Bytes of datagrams received.", udp_bytes);
  add_head(page, "test_backend_request_duration_seconds", "histogram",
           "From a request's end to its answer's start.");
  uint64_t sum = 0;
  for (size_t i = 0; i < kBoundsUs.size(); ++i) {
    sum += buckets_[i];
    page += fmt::format("test_backend_request_duration_seconds_bucket{{le=\"{}\"}} {}\n",
                        static_cast<double>(kBoundsUs[i]) / 1e6, sum);
  }
  sum += buckets_.back();
  page += fmt::format("test_backend_request_duration_seconds_bucket{{le=\"+Inf\"}} {}\n", sum);
  page += fmt::format("test_backend_request_duration_seconds_sum {:.9f}\n",
                      static_cast<double>(durations_ns_) / 1e9);
  page += fmt::format("test_backend_request_duration_seconds_count {}\n", sum);
  return page;
}

}  // namespace shunt
