// KpiCell: what is known of one series (a service, or a backend of it, at one node) in one interval.
//
// A value. Cells are added; adding is exact, so an hour is the sum of its seconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "insight/kpi/quantile_sketch.h"
#include "stats/outcome.h"

namespace shunt::insight {

// What is counted. The ends of flows stand in the order of FlowOutcome. The names are columns of the
// warehouse.
enum class KpiCount : uint8_t {
  opened,
  closed,
  reset_by_server,
  reset_by_client,
  syn_timeout,
  idle_timeout,
  icmp_unreachable,
  no_backend,
  shed,
  syn_retransmits,
  reconnects,
  data_retransmits,  // of watched flows
  packets,           // client to backend
  bytes,
  reply_packets,  // backend to client; 0 where they don't pass shunt
  reply_bytes,
};
inline constexpr size_t kKpiCounts = 16;
inline constexpr std::array<std::string_view, kKpiCounts> kKpiCountNames = {
    "opened",      "closed",          "reset_by_server",  "reset_by_client",
    "syn_timeout", "idle_timeout",    "icmp_unreachable", "no_backend",
    "shed",        "syn_retransmits", "reconnects",       "data_retransmits",
    "packets",     "bytes",           "reply_packets",    "reply_bytes"};

class KpiCounts {
 public:
  uint64_t& operator[](KpiCount count) { return values_[static_cast<size_t>(count)]; }
  uint64_t operator[](KpiCount count) const { return values_[static_cast<size_t>(count)]; }
  uint64_t& ended(FlowOutcome outcome) { return values_[kFirstOutcome + static_cast<size_t>(outcome)]; }
  uint64_t ended(FlowOutcome outcome) const { return values_[kFirstOutcome + static_cast<size_t>(outcome)]; }
  std::array<uint64_t, kKpiCounts>& values() { return values_; }
  const std::array<uint64_t, kKpiCounts>& values() const { return values_; }

  uint64_t ended() const;     // flows that ended, by whatever
  uint64_t failures() const;  // those after which a client tries again
  KpiCounts& operator+=(const KpiCounts& other);
  bool operator==(const KpiCounts&) const = default;

 private:
  static constexpr size_t kFirstOutcome = 1;
  std::array<uint64_t, kKpiCounts> values_{};
};
static_assert(kKpiCountNames[1] == kOutcomeNames[0] &&
              kKpiCountNames[kOutcomes] == kOutcomeNames[kOutcomes - 1]);

// What is timed, by method: they measure different things and are never added to each other.
enum class KpiTiming : uint8_t {
  connect_synack,  // SYN to SYN-ACK (nat), µs
  connect_ack,     // SYN to the client's ACK (DSR), µs
  first_byte,      // the client's first payload to the backend's (nat), µs
  inband,          // between a client's batches (DSR), µs
  duration,        // first packet to last, ms
};
inline constexpr size_t kKpiTimings = 5;
inline constexpr std::array<std::string_view, kKpiTimings> kKpiTimingNames = {
    "connect_synack", "connect_ack", "first_byte", "inband", "duration"};

struct KpiCell {
  KpiCounts counts;
  uint64_t active_max = 0;       // flows at once, the most that a reading showed
  uint32_t seconds = 0;          // of the interval, those that a reading told about; 0: nobody was asked
  std::optional<double> weight;  // the last one heard of
  std::array<QuantileSketch, kKpiTimings> timings;

  QuantileSketch& timing(KpiTiming which) { return timings[static_cast<size_t>(which)]; }
  const QuantileSketch& timing(KpiTiming which) const { return timings[static_cast<size_t>(which)]; }
  // Handshakes by the method that has more of them; empty where there are none.
  const QuantileSketch& connect() const;
  const QuantileSketch& response() const;

  // `later`: of the same series, of a later interval (the weight is its).
  void merge(const KpiCell& later);
  // `other`: of the same interval, of another series (another node's, another service's): flows at once add
  // up, seconds are those that one of them told about.
  void add_beside(const KpiCell& other);
  bool operator==(const KpiCell&) const = default;
};

// The intervals that are kept, finest first.
enum class Resolution : uint8_t { second, ten_seconds, minute, hour };
inline constexpr size_t kResolutions = 4;
inline constexpr std::array<int64_t, kResolutions> kResolutionSeconds = {1, 10, 60, 3600};
constexpr int64_t seconds_of(Resolution resolution) {
  return kResolutionSeconds[static_cast<size_t>(resolution)];
}
// The beginning of the interval that holds `second`, which may lie before 1970.
constexpr int64_t begin_of(Resolution resolution, int64_t second) {
  const int64_t width = seconds_of(resolution);
  const int64_t rest = second % width;
  return second - (rest < 0 ? rest + width : rest);
}

}  // namespace shunt::insight
