// LatencyLaw: how long an answer takes: always the same, or drawn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "tests/traffic/random.h"

namespace shunt {

class LatencyLaw {
 public:
  // "0", "10ms" or "fixed:10ms", "exponential:10ms" (the mean), "lognormal:10ms,0.5" (the median, and the
  // deviation of the logarithm, at most 4).
  static Result<LatencyLaw> parse(std::string_view text);

  // At most one hour, whatever is drawn.
  uint64_t draw_ns(Random& random) const;
  const std::string& text() const { return text_; }

 private:
  enum class Kind : uint8_t { fixed, exponential, lognormal };

  Kind kind_ = Kind::fixed;
  uint64_t scale_ns_ = 0;
  double sigma_ = 0;
  std::string text_ = "0";
};

}  // namespace shunt
