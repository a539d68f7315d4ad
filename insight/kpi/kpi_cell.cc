#include "insight/kpi/kpi_cell.h"

#include <algorithm>

namespace shunt::insight {

uint64_t KpiCounts::ended() const {
  uint64_t all = 0;
  for (size_t i = 0; i < kOutcomes; ++i)
    all += values_[kFirstOutcome + i];
  return all;
}

uint64_t KpiCounts::failures() const {
  uint64_t all = 0;
  for (size_t i = 0; i < kOutcomes; ++i) {
    if (is_failure(static_cast<FlowOutcome>(i))) all += values_[kFirstOutcome + i];
  }
  return all;
}

KpiCounts& KpiCounts::operator+=(const KpiCounts& other) {
  for (size_t i = 0; i < kKpiCounts; ++i)
    values_[i] += other.values_[i];
  return *this;
}

const QuantileSketch& KpiCell::connect() const {
  const QuantileSketch& synack = timing(KpiTiming::connect_synack);
  const QuantileSketch& ack = timing(KpiTiming::connect_ack);
  return ack.count() > synack.count() ? ack : synack;
}

const QuantileSketch& KpiCell::response() const {
  const QuantileSketch& first_byte = timing(KpiTiming::first_byte);
  const QuantileSketch& inband = timing(KpiTiming::inband);
  return inband.count() > first_byte.count() ? inband : first_byte;
}

void KpiCell::merge(const KpiCell& later) {
  counts += later.counts;
  active_max = std::max(active_max, later.active_max);
  seconds += later.seconds;
  if (later.weight) weight = later.weight;
  for (size_t i = 0; i < kKpiTimings; ++i)
    timings[i].merge(later.timings[i]);
}

void KpiCell::add_beside(const KpiCell& other) {
  const uint64_t together = active_max + other.active_max;
  const uint32_t told = std::max(seconds, other.seconds);
  merge(other);
  active_max = together;
  seconds = told;
}

}  // namespace shunt::insight
