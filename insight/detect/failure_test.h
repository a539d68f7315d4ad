// FailureTest: do more of a backend's flows fail than is usual, or is it chance? The structural expert.
//
// It knows how many flows there were: one failure of two says nothing, sixty of six hundred much. The p-value
// is the binomial probability of so many failures or more at the usual ratio, over the last observation and
// over the last six together. Usual is this series' own ratio of the last hour or so (360 observations), of
// which a failing backend teaches little. The same test serves whatever is counted of flows: failures, SYN
// retransmissions, reconnects.
//
// Nothing is usual before kWarmUp observations with flows and kWarmUpFlows flows: a backend that always loses
// a twentieth is no news in its first minute. Until then only a limit that the caller gives is told.
// State: fixed. Cost: about 1 µs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace shunt {

struct FailureVerdict {
  double p_value = 1;
  bool failing = false;   // p-value at most kRarest, and more than kTimes the usual ratio
  uint64_t failures = 0;  // of the span that decided
  uint64_t flows = 0;
  double usual_ratio = 0;  // or the limit
  bool by_limit = false;
};

// "57 of 60 flows failed; usual is 0.3 %", "…; the limit is 1.4 %". `what`: "failed", "had their SYN sent
// again".
std::string failure_words(const FailureVerdict& verdict, const std::string& what);

class FailureTest {
 public:
  static constexpr double kRarest = 1e-6;  // at 10 s, a false alarm in 100 days, were failures independent
  static constexpr double kTimes = 1.5;
  static constexpr size_t kSpan = 6;
  static constexpr uint32_t kWarmUp = 30;  // observations with flows; as few as a RecordRange needs
  static constexpr uint64_t kWarmUpFlows = 200;
  static constexpr double kNoLimit = 1;

  // One interval's counts. More failures than flows (they began in the interval before) count as that many
  // flows. `limit`: the ratio that counts are held against while nobody knows what is usual. What is beyond
  // it isn't learned: trouble that was there first doesn't become usual.
  FailureVerdict observe(uint64_t failures, uint64_t flows, double limit = kNoLimit);
  bool is_warm() const { return learned_ >= kWarmUp && learned_flows_ >= kWarmUpFlows; }

  // A person says that what was just seen is expected: the ratio of the last interval, or of the last six, is
  // the usual one now, if it is higher, and nothing more has to be learned.
  void accept();

 private:
  struct Counts {
    uint64_t failures = 0;
    uint64_t flows = 0;
  };
  FailureVerdict judge(const Counts& counts, double limit) const;
  void learn(const Counts& counts, double share);

  std::array<Counts, kSpan> recent_{};
  size_t next_ = 0;
  uint32_t learned_ = 0;  // observations, up to kWarmUp
  uint64_t learned_flows_ = 0;
  // Before anything was seen: one failure in 200 flows.
  double usual_failures_ = 1;
  double usual_flows_ = 200;
};

}  // namespace shunt
