// SeriesExperts: what each expert sees in the next value of a series, as an excess.
//
// Each expert follows one quantity made of the values so far, held against its own RecordRange, so that they
// all speak one language: by how many widths of all that was ever seen is this beyond it? Strictly causal;
// scale and offset don't matter. State: fixed, no allocation. Cost: some 0.1 µs a value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "insight/detect/day_profile.h"
#include "insight/detect/flat_run.h"
#include "insight/detect/recent_values.h"
#include "insight/detect/record_range.h"
#include "insight/detect/robust_level.h"

namespace shunt {

enum class Expert : uint8_t {
  value,        // the value itself
  long_mean,    // the mean of the last 72
  departure,    // the value less its recent level
  middle_mean,  // the mean of the last 12
  season,       // the mean of the last 6 less this time of day's
  level_shift,  // the mean of the last 72 less that of the 72 before: a moving-sum CUSUM
  variance,     // how loud the last 72 are, as a logarithm: louder than ever, or quieter
  robust_z,     // distance from the median in median absolute deviations
  flatline,     // stands still for longer than ever
};
inline constexpr size_t kExperts = 9;
std::string_view expert_name(Expert expert);

// How far beyond, one for each expert; 0 where there is nothing to say.
using Excesses = std::array<double, kExperts>;

// What an expert saw and had expected, in the unit of the series.
struct Band {
  double observed = 0;
  double low = 0;
  double high = 0;
};

class SeriesExperts {
 public:
  // The next value, which is finite. Call learn() behind it, before the next one.
  Excesses look(int64_t time_s, double value);
  // Of the value last looked at, before learn().
  Band band(Expert expert) const;
  // `forget`: share of each range's width that is forgotten.
  void learn(double forget);
  // Every range grows by so many widths on both sides.
  void widen(double widths);

 private:
  void find_quantities(int64_t time_s, double value);
  double width() const;

  // What the experts look at, of the last value, less the series' first value where that makes a difference;
  // NaN where there is too little history.
  std::array<double, kExperts> quantities_{};
  std::array<RecordRange, kExperts> ranges_{};
  double origin_ = 0;
  double moved_ = 0;  // the last value less the first
  double level_ = 0;  // exponentially weighted mean of the last 72 or so, the last included
  uint64_t points_ = 0;
  bool stands_still_ = false;
  RecentValues recent_;
  DayProfile day_;
  RobustLevel robust_;
  FlatRun flat_;
};

}  // namespace shunt
