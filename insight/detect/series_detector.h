// SeriesDetector: is the next value of one series (service, backend, KPI) an anomaly? Asked once for each
// value, in order.
//
// SeriesExperts see, AlarmGate decides. Strictly causal: a verdict depends on this value and those before it,
// nothing else. Owner: one thread. State: under 4 kB, no allocation ever. Cost: docs/detection.md.
#pragma once

#include <cstdint>
#include <string>

#include "insight/detect/alarm_gate.h"
#include "insight/detect/series_experts.h"

namespace shunt {

struct DetectorSettings {
  GateSettings gate;
  double forget = 5e-6;  // of a range's width, each value: half is gone after 70,000
};

struct Verdict {
  double score = 0;    // 0: nothing; the threshold compares with it
  double p_value = 1;  // of the score among this series' own
  bool alarm = false;
  Expert expert = Expert::value;  // who said it loudest, and what it saw; of no meaning when the score is 0
  Band band;
};

// What the verdict says, for a person: "42 is above all of 3.1 to 17 seen so far". Empty when the score is 0.
std::string verdict_words(const Verdict& verdict);

class SeriesDetector {
 public:
  explicit SeriesDetector(const DetectorSettings& settings = {})
      : forget_(settings.forget), gate_(settings.gate) {}

  // `time_s`: seconds since 1970. A value that isn't finite is a missing one: no verdict, nothing learned.
  Verdict observe(int64_t time_s, double value);

  // A person says that what was last seen is expected: every range grows by this part of itself.
  void accept(double widths = 0.25) { experts_.widen(widths); }

 private:
  double forget_;
  SeriesExperts experts_;
  AlarmGate gate_;
};
static_assert(sizeof(SeriesDetector) <= 4096);

}  // namespace shunt
