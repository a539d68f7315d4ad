// PeerOutlier: which backend of a pool is unlike its siblings? Needs no history: the others are what is
// normal.
//
// Each value is held against the pool's median in median absolute deviations (plus 5 % of the median:
// siblings that agree to the last digit don't make a trifle remarkable). A backend that always differs (an
// older machine) is known to: its usual distance is learned over 2,000 observations and subtracted. An
// outlier is one whose distance stays beyond kFar on average over some six observations; it stays one until
// below half of that. Fewer than three values: no verdicts. State: fixed by the number of backends, no
// allocation per value.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace shunt {

struct PeerVerdict {
  double distance = 0;  // smoothed, in deviations; above the pool: positive
  double p_value =
      1;  // of Student's distribution with the pool's degrees of freedom, times the number of siblings
  bool outlier = false;
  bool began = false;  // it wasn't one before
  double observed = 0;
  double expected_low = 0;
  double expected_high = 0;
};

// "84.2 is far above its siblings' 3.1 to 9.4". Empty when it is no outlier.
std::string peer_words(const PeerVerdict& verdict);

class PeerOutlier {
 public:
  static constexpr double kFar = 5;
  static constexpr double kSmooth = 6;           // observations
  static constexpr double kUsualMemory = 2'000;  // observations
  static constexpr double kLeastSpread = 0.05;   // of the median's size

  explicit PeerOutlier(size_t backends);

  // One value for each backend, NaN for one that has none. The verdicts are valid until the next call.
  std::span<const PeerVerdict> observe(std::span<const double> values);

  // A person says that this backend's distance is expected: it is its usual one now.
  void accept(size_t backend);

 private:
  struct Backend {
    double smooth = 0;
    double usual = 0;
    bool outlier = false;
  };
  double median(std::span<const double> values);
  void judge(size_t index, double value, double centre, double spread, size_t known);

  std::vector<Backend> backends_;
  std::vector<PeerVerdict> verdicts_;
  std::vector<double> scratch_;
  std::vector<double> distances_;
};

}  // namespace shunt
