// The binomial test, and what is usual.
#include "insight/detect/failure_test.h"

#include <algorithm>
#include <cstdio>

#include "insight/detect/tail_probability.h"

namespace shunt {
namespace {

constexpr double kMemory = 360;            // observations
constexpr double kLearntOfFailing = 0.02;  // share that a failing interval counts towards the usual
constexpr double kLeastRatio = 1e-4;
constexpr double kLeastFlows =
    200;  // what is kept of the first guess, so that a quiet night doesn't forget all

}  // namespace

FailureVerdict FailureTest::judge(const Counts& counts, double limit) const {
  const double ratio = is_warm() ? std::max(kLeastRatio, usual_failures_ / usual_flows_) : limit;
  FailureVerdict verdict{1, false, counts.failures, counts.flows, ratio, !is_warm()};
  if (counts.flows == 0 || ratio >= kNoLimit) return verdict;
  verdict.p_value = binomial_tail(counts.failures, counts.flows, ratio);
  const double seen = static_cast<double>(counts.failures) / static_cast<double>(counts.flows);
  verdict.failing = verdict.p_value <= kRarest && seen > kTimes * ratio;
  return verdict;
}

void FailureTest::learn(const Counts& counts, double share) {
  const double keep = usual_flows_ > kLeastFlows ? 1 - share / kMemory : 1.0;
  usual_failures_ = usual_failures_ * keep + share * static_cast<double>(counts.failures);
  usual_flows_ = usual_flows_ * keep + share * static_cast<double>(counts.flows);
  if (is_warm() || counts.flows == 0) return;
  ++learned_;
  learned_flows_ += counts.flows;
}

FailureVerdict FailureTest::observe(uint64_t failures, uint64_t flows, double limit) {
  const Counts now{failures, std::max(failures, flows)};
  recent_[next_] = now;
  next_ = (next_ + 1) % kSpan;
  Counts span;
  for (const Counts& counts : recent_) {
    span.failures += counts.failures;
    span.flows += counts.flows;
  }
  const FailureVerdict one = judge(now, limit);
  const FailureVerdict all = judge(span, limit);
  const FailureVerdict& verdict = all.p_value < one.p_value ? all : one;
  const bool failing = one.failing || all.failing;
  if (!failing || is_warm()) learn(now, failing ? kLearntOfFailing : 1.0);
  return verdict;
}

void FailureTest::accept() {
  Counts span;
  for (const Counts& counts : recent_) {
    span.failures += counts.failures;
    span.flows += counts.flows;
  }
  if (span.flows == 0) return;
  const auto ratio_of = [](const Counts& counts) {
    return counts.flows > 0 ? static_cast<double>(counts.failures) / static_cast<double>(counts.flows) : 0.0;
  };
  const double ratio = std::max(ratio_of(recent_[(next_ + kSpan - 1) % kSpan]), ratio_of(span));
  usual_failures_ = std::max(usual_failures_, ratio * usual_flows_);
  learned_ = kWarmUp;
  learned_flows_ = std::max(learned_flows_, kWarmUpFlows);
}

std::string failure_words(const FailureVerdict& verdict, const std::string& what) {
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.2g %%", 100 * verdict.usual_ratio);
  const std::string seen =
      std::to_string(verdict.failures) + " of " + std::to_string(verdict.flows) + " flows " + what;
  return seen + (verdict.by_limit ? "; the limit is " : "; usual is ") + percent.data();
}

}  // namespace shunt
