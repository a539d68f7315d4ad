// How long a backend takes to answer, seen from the client's packets alone: where replies go past the load
// balancer, a client still waits for an answer before it goes on, so its packets come in batches, and from
// the first packet of one to the first packet of the next is a round trip with the backend's answer in it.
//
// What ends a batch is a pause, and how long a pause depends on the path. So several are tried at once, from
// 64 us in powers of two; pauses longer than the round trip find no batch any more, which shows as a cliff in
// the number of samples. The one before the cliff is believed in the next epoch. B. Shobhana, S. Narayana,
// B. Nath, "Load Balancers Need In-Band Feedback Control", HotNets 2022, section 3 (EnsembleTimeout).
//
// Pure; the caller's clock in microseconds, of which a flow keeps 32 bits (71 minutes). Cost: a loop over 13
// pauses for each packet of a watched flow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace shunt {

inline constexpr size_t kPauses = 13;                // 64 us to 262 ms
inline constexpr uint64_t kInBandEpochUs = 256'000;  // a few round trips of a path across the world
inline constexpr uint32_t kInBandEpochSamples = 32;  // an epoch has at least so many
constexpr uint32_t pause_us(size_t i) {
  return 64U << i;
}

// Of a flow: when its last packet came, and by each pause when its batch began.
struct InBandFlow {
  uint32_t last_us = 0;
  std::array<uint32_t, kPauses> batch_us{};
  bool has_begun = false;
};

// Of a backend: which pause is believed.
class InBandPauses {
 public:
  // A packet of one of the backend's flows. What it says of the backend, in microseconds; often nothing.
  std::optional<uint32_t> packet(InBandFlow& flow, uint64_t now_us) {
    if (epoch_end_us_ == 0) epoch_end_us_ = now_us + kInBandEpochUs;
    const auto now = static_cast<uint32_t>(now_us);
    const uint32_t gap = now - flow.last_us;
    flow.last_us = now;
    if (!flow.has_begun) {
      flow.has_begun = true;
      flow.batch_us.fill(now);
      return {};
    }
    std::optional<uint32_t> sample;
    for (size_t i = 0; i < kPauses && gap > pause_us(i); ++i) {
      ++samples_[i];
      if (i == believed_) sample = now - flow.batch_us[i];
      flow.batch_us[i] = now;
    }
    if (now_us >= epoch_end_us_ && samples_[0] >= kInBandEpochSamples) end_epoch(now_us);
    return has_chosen_ ? sample : std::nullopt;
  }
  uint32_t believed_us() const { return pause_us(believed_); }

 private:
  void end_epoch(uint64_t now_us) {
    double steepest = 0;
    for (size_t i = 0; i + 1 < kPauses; ++i) {
      const double drop = (samples_[i] + 1.0) / (samples_[i + 1] + 1.0);
      if (drop < steepest) continue;
      steepest = drop;
      believed_ = i;
    }
    // A pause as long as the round trip finds some batches and misses others: a step on the way down. If the
    // shorter ones agree with each other, theirs is the number of batches.
    if (believed_ >= 2 && 1.1 * samples_[believed_] < samples_[believed_ - 1] &&
        samples_[believed_ - 2] <= 1.1 * samples_[believed_ - 1])
      --believed_;
    has_chosen_ = true;
    samples_.fill(0);
    epoch_end_us_ = now_us + kInBandEpochUs;
  }

  std::array<uint32_t, kPauses> samples_{};
  uint64_t epoch_end_us_ = 0;
  size_t believed_ = 0;
  bool has_chosen_ = false;
};

}  // namespace shunt
