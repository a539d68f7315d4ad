// Weights, rank and refractory time.
#include "insight/detect/alarm_gate.h"

namespace shunt {

double AlarmGate::weight(Expert expert) const {
  switch (expert) {
    case Expert::value:
    case Expert::long_mean:
    case Expert::departure:
      return 1;
    default:
      return settings_.other_weight;
  }
}

Decision AlarmGate::decide(const Excesses& excesses) {
  Decision decision;
  for (size_t i = 0; i < kExperts; ++i) {
    if (!(excesses[i] > 0)) continue;
    const auto expert = static_cast<Expert>(i);
    const double score = excesses[i] * weight(expert);
    if (score <= decision.score) continue;
    decision.score = score;
    decision.expert = expert;
  }
  const uint64_t now = values_++;
  decision.p_value = rank_.p_value(decision.score);
  // A burst is one event: only what isn't still being announced is counted.
  const bool announced = now < quiet_until_ && decision.score < settings_.growth * last_alarm_;
  const bool event = decision.score >= settings_.threshold && !announced;
  rank_.learn(event ? decision.score : 0);
  if (!event) return decision;
  last_alarm_ = decision.score;
  quiet_until_ = now + settings_.refractory;
  decision.alarm = decision.p_value <= settings_.rarest;
  return decision;
}

}  // namespace shunt
