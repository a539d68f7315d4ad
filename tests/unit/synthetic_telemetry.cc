// Rhythm, noise, and what goes wrong.
#include "tests/unit/synthetic_telemetry.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace shunt {
namespace {

constexpr int64_t kStart_s = 1'767'571'200;  // a Monday, 00:00
constexpr double kDay_s = 86'400;
constexpr double kFlows_s = 8;  // of a backend, on average

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  double uniform() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
  // Box and Muller.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  // Knuth's product for small means, the rounded normal for large ones.
  double poisson(double mean) {
    if (mean > 50) return std::max(0.0, std::round(mean + std::sqrt(mean) * normal()));
    const double limit = std::exp(-mean);
    double count = 0;
    for (double product = uniform(); product > limit; product *= uniform())
      ++count;
    return count;
  }

 private:
  uint64_t state_;
};

// 0.5 at night to 1.6 in the afternoon.
double rhythm(int64_t time_s) {
  const double day = static_cast<double>(time_s - kStart_s) / kDay_s;
  const double turn = 2 * std::numbers::pi * (day - std::floor(day));
  const bool weekend = static_cast<int64_t>(day) % 7 >= 5;
  return (1 - 0.45 * std::cos(turn - 0.6) + 0.1 * std::sin(2 * turn)) * (weekend ? 0.8 : 1.0);
}

// What an anomaly does to one backend at one step.
struct Effect {
  double flows = 1;
  double latency = 1;
  double noise = 1;
  double failures = 1;
  double extra_failures = 0;  // share of flows
  double syn_retransmits = 1;
  double reconnects = 1;
};

// `progress`: 0 to 1 over the anomaly. `here`: whether it is this backend's.
Effect effect_of(AnomalyKind kind, double progress, bool here, int64_t time_s) {
  Effect e;
  switch (kind) {
    case AnomalyKind::none:
    case AnomalyKind::flatline:
      break;
    case AnomalyKind::spike:
      e.flows = 3;
      break;
    case AnomalyKind::drop:
      e.flows = 0.2;
      break;
    case AnomalyKind::level:
      e.flows = 1.6;
      break;
    case AnomalyKind::drift:
      e.latency = 1 + 2 * progress;
      break;
    case AnomalyKind::variance:
      e.noise = 6;
      break;
    case AnomalyKind::seasonal_break:
      e.flows = 0.55 / rhythm(time_s);
      break;
    case AnomalyKind::slow_backend:
      e.latency = here ? 2.5 : 1;
      break;
    case AnomalyKind::rst_storm:
      e.extra_failures = here ? 0.1 : 0;
      break;
    case AnomalyKind::syn_loss:
      e.syn_retransmits = 10;
      break;
    case AnomalyKind::retry_storm:
      e.reconnects = 40;
      e.flows = 1.5;
      break;
    case AnomalyKind::imbalance:
      e.flows = here ? 2 : 2.0 / 3;
      break;
  }
  return e;
}

double minutes_of(AnomalyKind kind) {
  switch (kind) {
    case AnomalyKind::spike:
      return 10;
    case AnomalyKind::drift:
      return 180;
    case AnomalyKind::seasonal_break:
      return 240;
    case AnomalyKind::level:
      return 600;
    default:
      return 60;
  }
}

void add_step(SyntheticBackend& backend, Random& random, const Effect& e, double mean_flows, double size) {
  const double flows = random.poisson(mean_flows * e.flows);
  backend.flows.push_back(flows);
  backend.failures.push_back(
      std::min(flows, random.poisson(flows * (0.003 * e.failures + e.extra_failures))));
  backend.syn_retransmits.push_back(std::min(flows, random.poisson(flows * 0.005 * e.syn_retransmits)));
  backend.reconnects.push_back(std::min(flows, random.poisson(flows * 0.002 * e.reconnects)));
  backend.latency_ms.push_back(5 * size * e.latency * std::exp(0.05 * e.noise * random.normal()));
}

}  // namespace

std::string_view anomaly_kind_name(AnomalyKind kind) {
  static constexpr std::array<std::string_view, kAnomalyKinds> kNames = {
      "none",           "spike",        "drop",      "level",    "drift",       "variance", "flatline",
      "seasonal_break", "slow_backend", "rst_storm", "syn_loss", "retry_storm", "imbalance"};
  return kNames[static_cast<size_t>(kind)];
}

SyntheticTelemetry make_telemetry(const SyntheticPlan& plan) {
  Random random(plan.seed * kAnomalyKinds + static_cast<uint64_t>(plan.kind));
  SyntheticTelemetry made;
  const auto per_day = static_cast<size_t>(kDay_s) / static_cast<size_t>(plan.step_s);
  const size_t steps = per_day * static_cast<size_t>(plan.days);
  made.backends.resize(plan.backends);
  std::vector<double> size;
  for (size_t i = 0; i < plan.backends; ++i)
    size.push_back(1 + 0.05 * random.normal());
  if (plan.kind != AnomalyKind::none) {
    // On the last day, from about noon.
    made.first =
        steps - per_day + static_cast<size_t>((0.45 + 0.1 * random.uniform()) * static_cast<double>(per_day));
    const double length = minutes_of(plan.kind) * 60 / plan.step_s;
    made.last = std::min(steps - 1, made.first + std::max<size_t>(1, static_cast<size_t>(length)) - 1);
    made.touched = static_cast<size_t>(random.uniform() * static_cast<double>(plan.backends));
  }
  for (size_t step = 0; step < steps; ++step) {
    const int64_t time_s = kStart_s + static_cast<int64_t>(step) * plan.step_s;
    made.time_s.push_back(time_s);
    const bool inside = plan.kind != AnomalyKind::none && step >= made.first && step <= made.last;
    const double progress =
        inside ? static_cast<double>(step - made.first + 1) / static_cast<double>(made.last - made.first + 1)
               : 0;
    const double weather = std::exp(0.02 * random.normal());  // common to all backends
    for (size_t i = 0; i < plan.backends; ++i) {
      const Effect e = inside ? effect_of(plan.kind, progress, i == made.touched, time_s) : Effect{};
      add_step(made.backends[i], random, e, kFlows_s * plan.step_s * rhythm(time_s) * weather, size[i]);
      if (inside && plan.kind == AnomalyKind::flatline)
        made.backends[i].flows.back() = made.backends[i].flows[made.first];
    }
  }
  return made;
}

SyntheticBackend SyntheticTelemetry::service() const {
  SyntheticBackend sum;
  for (size_t step = 0; step < steps(); ++step) {
    double flows = 0, failures = 0, again = 0, reconnects = 0, latency = 0;
    for (const SyntheticBackend& backend : backends) {
      flows += backend.flows[step];
      failures += backend.failures[step];
      again += backend.syn_retransmits[step];
      reconnects += backend.reconnects[step];
      latency += backend.latency_ms[step] * backend.flows[step];
    }
    sum.flows.push_back(flows);
    sum.failures.push_back(failures);
    sum.syn_retransmits.push_back(again);
    sum.reconnects.push_back(reconnects);
    sum.latency_ms.push_back(flows > 0 ? latency / flows : 0);
  }
  return sum;
}

}  // namespace shunt
