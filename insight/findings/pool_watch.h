// PoolWatch: the backends of one pool, as one service uses it, against each other: latency, failures, flows
// for each unit of weight.
//
// Only those that serve and have settled are compared, three at least. What a difference must have beside
// being far from the siblings: latency half a millisecond, failures more than chance makes of the siblings'
// ratio (binomial), flows ten for the middle one in an interval. Owner: one thread. State: some 100 bytes for
// each backend; a place that a backend left isn't given to another one, and when places run out those that
// stay begin anew.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "insight/detect/peer_outlier.h"
#include "insight/findings/sighting.h"

namespace shunt::insight {

// One backend's interval. Those that can't be compared now are left out.
struct PeerInput {
  SeriesName name;
  double traffic = 0;    // its part of all flows everywhere
  double failing = 0;    // of its service's flows, the part that failed here in the last minute
  double slo_burn = 0;   // that this makes
  double median_us = 0;  // of handshakes; NaN: not enough of them
  uint64_t failures = 0;
  uint64_t ended = 0;
  uint64_t opened = 0;
  double weight = 0;
};

class PoolWatch {
 public:
  // All of one pool. What is unusual is put behind `out`, unless it is only learned from.
  void observe(const std::vector<PeerInput>& backends, bool learning, std::vector<Sighting>& out);
  void accept(const SeriesName& name, Kpi kpi);

 private:
  static constexpr size_t kKpis = 3;
  static constexpr size_t kSpan = 6;  // intervals that failures are counted over
  struct Counts {
    uint64_t failures = 0;
    uint64_t ended = 0;
  };
  struct Member {
    std::array<Counts, kSpan> recent{};
    size_t next = 0;
    Counts sum() const;
  };

  void make_room(const std::vector<PeerInput>& backends);
  void count(const std::vector<PeerInput>& backends);
  std::vector<double> values(const std::vector<PeerInput>& backends, Kpi kpi);
  bool matters(const std::vector<PeerInput>& backends, const PeerInput& backend, Kpi kpi,
               const PeerVerdict& verdict, double& p_value);

  size_t places_ = 0;
  size_t used_ = 0;
  std::map<std::string, size_t> place_of_;  // by backend
  std::vector<Member> members_;
  std::array<std::unique_ptr<PeerOutlier>, kKpis> peers_;
};

}  // namespace shunt::insight
