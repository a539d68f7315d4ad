// DiscoveryBackoff: how long a source waits after each failure in a row, so that it neither hammers a server
// that is ill nor comes late when it is well again.
#pragma once

#include <algorithm>
#include <chrono>

namespace shunt {

class DiscoveryBackoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{500};
  static constexpr std::chrono::milliseconds kMost{15'000};

  std::chrono::milliseconds next() {
    const auto wait = next_;
    next_ = std::min(next_ * 2, kMost);
    return wait;
  }
  void succeeded() { next_ = kFirst; }

 private:
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace shunt
