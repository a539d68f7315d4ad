// AlarmGate: from what the experts see to one score and, now and then, an alarm.
//
// An expert's score is its excess times its weight, and the loudest speaks for all. An alarm is a score of
// `threshold` or more that is rare among the series' own scores too (ConformalRank), and that no alarm just
// before has announced already: for `refractory` values only a score `growth` times as high does. State:
// fixed. Cost: some 10 ns, more for a score above 0.
#pragma once

#include <cstdint>

#include "insight/detect/conformal_rank.h"
#include "insight/detect/series_experts.h"

namespace shunt {

// How these were chosen: docs/detection.md. One set for every series.
struct GateSettings {
  double threshold = 0.012;    // widths of the range
  double other_weight = 0.15;  // of the experts that show the value only indirectly; of the others it is 1
  double growth = 8;           // times the last alarm's score
  double rarest = 0.02;        // the largest p-value of an alarm
  uint32_t refractory = 115;   // values
};

struct Decision {
  double score = 0;
  double p_value = 1;             // of the score among this series' own
  Expert expert = Expert::value;  // who said it loudest; of no meaning when the score is 0
  bool alarm = false;
};

class AlarmGate {
 public:
  explicit AlarmGate(const GateSettings& settings = {}) : settings_(settings) {}
  Decision decide(const Excesses& excesses);

 private:
  double weight(Expert expert) const;

  GateSettings settings_;
  double last_alarm_ = 0;
  uint64_t values_ = 0;
  uint64_t quiet_until_ = 0;
  ConformalRank rank_;
};

}  // namespace shunt
