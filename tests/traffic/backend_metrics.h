// What shunt-test-backend counts, and its page for Prometheus (text format 0.0.4).
//
// A request is counted once, when it is known what becomes of it; those still worked on are in a gauge. What
// comes by the control socket isn't counted. Bound: six routes, and the statuses that the backend gives.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace shunt {

class BackendMetrics {
 public:
  // `status`: a number, "reset" or "hang".
  void count_request(std::string_view route, std::string_view status) {
    ++requests_[{std::string(route), std::string(status)}];
  }
  // From a request's last byte to its answer's first.
  void add_duration(uint64_t duration_ns);
  std::string page(std::string_view id) const;
  // Of all requests over TCP, whatever became of them.
  uint64_t requests() const;

  uint64_t connections = 0;  // accepted
  uint64_t open_connections = 0;
  uint64_t in_work = 0;  // requests and datagrams, waiting ones included
  uint64_t udp_answered = 0;
  uint64_t udp_lost = 0;   // thrown away as asked, never answered, or not sent
  uint64_t udp_bytes = 0;  // received

 private:
  // In microseconds; the last bucket has none.
  static constexpr std::array<uint64_t, 16> kBoundsUs = {100,     250,     500,     1000,    2500,   5000,
                                                         10000,   25000,   50000,   100000,  250000, 500000,
                                                         1000000, 2500000, 5000000, 10000000};

  std::map<std::pair<std::string, std::string>, uint64_t> requests_;
  std::array<uint64_t, kBoundsUs.size() + 1> buckets_{};
  uint64_t durations_ns_ = 0;
};

}  // namespace shunt
