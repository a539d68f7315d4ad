#include "insight/kpi/counter_follower.h"

#include <algorithm>

namespace shunt::insight {
namespace {

// A series that wasn't read for as long is new when it comes back.
constexpr int64_t kForgetUs = int64_t{600} * 1'000'000;
// A counter can't grow by as much between two readings: smaller than before, it began anew.
constexpr uint64_t kMostAtOnce = uint64_t{1} << 60U;

}  // namespace

KpiCounts CounterFollower::counted(const KpiCounts& before, const KpiCounts& now) {
  KpiCounts counts;
  bool is_reset = false;
  for (size_t i = 0; i < kKpiCounts; ++i) {
    const uint64_t difference = now.values()[i] - before.values()[i];  // modulo 2^64
    const bool is_plain = now.values()[i] >= before.values()[i] || difference < kMostAtOnce;
    counts.values()[i] = is_plain ? difference : now.values()[i];
    is_reset |= !is_plain;
  }
  if (is_reset) ++tally_.resets;
  return counts;
}

void CounterFollower::take(const NodeReading& reading, const Sink& sink) {
  if (begun_ && reading.at_us <= at_us_) {
    ++tally_.refused;
    return;
  }
  ++tally_.readings;
  const bool is_restart = begun_ && reading.started_us != started_us_;
  if (is_restart) {
    ++tally_.restarts;
    last_.clear();
  }
  for (const SeriesReading& series : reading.series) {
    const auto found = last_.find(series.name.key());
    if (found == last_.end() && last_.size() >= max_series_) {
      ++tally_.passed_over;
      continue;
    }
    CountedSpan span{reading.at_us - 1, reading.at_us, {}, series.active, series.weight};
    if (is_restart) {
      span.from_us = std::clamp(reading.started_us, at_us_, reading.at_us - 1);
      span.counts = series.totals;
    } else if (found != last_.end()) {
      span.from_us = found->second.at_us;
      span.counts = counted(found->second.totals, series.totals);
    }
    sink(series.name, span);
    last_[series.name.key()] = {reading.at_us, series.totals};
  }
  begun_ = true;
  started_us_ = reading.started_us;
  at_us_ = reading.at_us;
  forget_old(reading.at_us);
}

void CounterFollower::forget_old(int64_t now_us) {
  std::erase_if(last_, [now_us](const auto& entry) { return entry.second.at_us + kForgetUs < now_us; });
}

}  // namespace shunt::insight
