// TrafficTally: what a run of shunt-traffic came to, in all and for each second.
//
// Times are in microseconds in the histograms (within 1/128). `latency` runs from when a request was meant to
// begin, whether it could or not: a target that stalls is charged with all that it kept waiting (no
// coordinated omission). `service` runs from when it did begin. Both are of whole answers only; what failed
// is counted. Bound: kMaxSeconds rows, kMaxBackends names.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "stats/histogram.h"
#include "tests/traffic/outcome.h"

namespace shunt {

// A request: when it was meant to begin and when it did (monotonic).
struct Ticket {
  uint64_t intended_ns = 0;
  uint64_t begun_ns = 0;
};

struct SecondRow {
  uint64_t offered = 0;  // meant to begin in this second
  uint64_t begun = 0;
  std::array<uint64_t, kOutcomes> ended{};
  uint64_t open = 0;  // at its end
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
  double late_max_ms = 0;  // of those that began

  uint64_t failed() const;
};

class TrafficTally {
 public:
  static constexpr size_t kMaxSeconds = 2 * 24 * 3600;
  static constexpr size_t kMaxBackends = 256;

  explicit TrafficTally(uint64_t start_ns) : start_ns_(start_ns) {}

  void offer(uint64_t intended_ns);
  void begin(const Ticket& ticket);
  // `backend`: who answered, "" where it didn't say.
  void end(const Ticket& ticket, Outcome outcome, std::string_view backend, uint64_t now_ns);
  void count_connection() { ++connections_; }

  // Closes the row of each second that is over and returns the number of closed rows.
  size_t close_seconds(uint64_t now_ns, uint64_t open);
  void close_last(uint64_t now_ns, uint64_t open);

  uint64_t start_ns() const { return start_ns_; }
  uint64_t last_end_ns() const { return last_end_ns_; }
  uint64_t offered() const { return offered_; }
  uint64_t begun() const { return begun_; }
  uint64_t connections() const { return connections_; }
  uint64_t ended(Outcome outcome) const { return ended_[static_cast<size_t>(outcome)]; }
  uint64_t ok() const { return ended(Outcome::ok); }
  uint64_t failed() const;
  HistogramSum latency() const { return sum_of(latency_); }
  HistogramSum service() const { return sum_of(service_); }
  HistogramSum late() const { return sum_of(late_); }
  uint64_t latency_max_ns() const { return latency_max_ns_; }
  uint64_t service_max_ns() const { return service_max_ns_; }
  uint64_t late_max_ns() const { return late_max_ns_; }
  const std::map<std::string, uint64_t, std::less<>>& backends() const { return backends_; }
  const std::vector<SecondRow>& seconds() const { return seconds_; }

 private:
  static HistogramSum sum_of(const Histogram& histogram) {
    HistogramSum sum;
    sum += histogram;
    return sum;
  }
  SecondRow& row_at(uint64_t time_ns);
  void close_row(size_t number, uint64_t open);
  void count_backend(std::string_view backend);

  uint64_t start_ns_;
  uint64_t last_end_ns_ = 0;
  uint64_t offered_ = 0;
  uint64_t begun_ = 0;
  uint64_t connections_ = 0;
  std::array<uint64_t, kOutcomes> ended_{};
  Histogram latency_{};
  Histogram service_{};
  Histogram late_{};
  uint64_t latency_max_ns_ = 0;
  uint64_t service_max_ns_ = 0;
  uint64_t late_max_ns_ = 0;
  std::map<std::string, uint64_t, std::less<>> backends_;
  std::vector<SecondRow> seconds_;
  size_t closed_ = 0;
  Histogram second_latency_{};  // of the row that isn't closed
};

}  // namespace shunt
